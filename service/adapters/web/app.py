"""The web app: pages for people, metrics for Prometheus, health for whoever keeps the service running."""

import logging
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from starlette.exceptions import HTTPException

from service.adapters.web import harm, interruption, listing, moment, wall
from service.adapters.web import journey as sheets
from service.adapters.web.cache import Brief
from service.adapters.web.guard import Guard
from service.adapters.web.health import HealthSource
from service.adapters.web.look import Look
from service.adapters.web.now import event_clock, wall_clock
from service.adapters.web.settings import WebSettings
from service.adapters.web.words import Words
from service.core.catalog import Catalog
from service.core.event import Micros
from service.core.people import ContactState
from service.core.ports import Reader
from service.core.reporting.knowing import Knowing

_LOG = logging.getLogger(__name__)
_HERE = Path(__file__).parent
_COMPLAINTS_EVERY = 30.0
"""Seconds between looks for first complaints: they need every broken promise of an interruption."""
_RARELY = 15

Page = Annotated[int, Query(ge=1, le=1_000_000, description="Counts from 1.")]


def make_app(
    reader: Reader,
    catalog: Callable[[], Catalog],
    registry: CollectorRegistry,
    health: HealthSource,
    settings: WebSettings,
    *,
    now: Callable[[], Micros] | None = None,
) -> FastAPI:
    """Everything over HTTP. `now`: what time pages take it to be; by default as `settings.clock` says."""
    app = FastAPI(
        title="momentwatch",
        summary="Early warning for the moments that matter in a customer's journey.",
        docs_url=None,
        redoc_url=None,
    )
    clock = now or (wall_clock if settings.clock == "live" else event_clock(reader, lambda: catalog().moments))
    site = _Site(reader, catalog, clock, settings)
    app.add_middleware(Guard, hosts=settings.hosts)
    app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")
    _machines(app, registry, health)
    _people(app, site)
    _accountable(app, site)
    _troubles(app, site)
    return app


def _machines(app: FastAPI, registry: CollectorRegistry, health: HealthSource) -> None:
    @app.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    def metrics() -> Response:
        """Everything that Prometheus scrapes."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    @app.get("/healthz")
    async def healthz() -> dict[str, bool]:
        """The process answers."""
        return {"alive": True}

    @app.get("/readyz", responses={503: {"description": "A part does not work; the answer says which."}})
    def readyz() -> JSONResponse:
        """Database and source are reachable and a catalogue is loaded."""
        try:
            parts = dict(health.parts())
        except Exception:  # noqa: BLE001  # not to know is not to be ready
            _LOG.exception("readyz: the parts could not be asked")
            parts = {"health": "could not be asked"}
        ready = not any(parts.values())
        said = {name: wrong or "ok" for name, wrong in parts.items()}
        return JSONResponse({"ready": ready, "parts": said}, status_code=200 if ready else 503)


def _people(app: FastAPI, site: "_Site") -> None:
    @app.get("/", response_class=HTMLResponse)
    def moments() -> str:
        """The wall of moments."""
        return site.wall()

    @app.get("/interruptions", response_class=HTMLResponse)
    def interruptions(page: Page = 1) -> str:
        """Interruptions, the open ones first."""
        return site.interruptions(page)

    @app.get("/interruptions/{identity}", response_class=HTMLResponse)
    def one_interruption(identity: str, page: Page = 1) -> str:
        """One interruption; `page` of its broken promises."""
        return site.interruption(identity, page)

    @app.get("/interruptions/{identity}/people", response_class=HTMLResponse)
    def its_people(identity: str, page: Page = 1, state: ContactState | None = None) -> str:
        """The customers of an interruption, and how far their recovery is."""
        return site.people(identity, page, state)

    @app.get("/moments/{name}", response_class=HTMLResponse)
    def one_moment(name: str) -> str:
        """One moment."""
        return site.moment(name)


def _accountable(app: FastAPI, site: "_Site") -> None:
    @app.get("/journeys/{name}", response_class=HTMLResponse)
    def one_journey(name: str) -> str:
        """One journey: how whole it was, where it broke first, and at which seams."""
        return site.journey(name)

    @app.get("/owners", response_class=HTMLResponse)
    def owners() -> str:
        """Who answers for what broke."""
        return site.owners()

    @app.get("/owners/{name}", response_class=HTMLResponse)
    def one_owner(name: str) -> str:
        """One owner, and whoever reports to them."""
        return site.owner(name)

    @app.get("/customers", response_class=HTMLResponse)
    def customers() -> str:
        """Customers who were hit more than once, and customer segments."""
        return site.customers()


def _troubles(app: FastAPI, site: "_Site") -> None:
    @app.exception_handler(HTTPException)
    def not_there(request: Request, error: HTTPException) -> Response:
        """Words instead of JSON, for a person asked."""
        return site.trouble(request, error.status_code)

    @app.exception_handler(Exception)
    def broken(request: Request, error: Exception) -> Response:
        """The store may be away: say so, and keep the details to the log."""
        _LOG.error("%s: the page could not be made", request.url.path, exc_info=error)
        return site.trouble(request, 503)


class _Site:
    """Reads, lays out and renders; each page is made once in `settings.keep` seconds however many ask."""

    def __init__(
        self,
        reader: Reader,
        catalog: Callable[[], Catalog],
        clock: Callable[[], Micros],
        settings: WebSettings,
    ) -> None:
        self._reader = reader
        self._catalog = catalog
        self._clock = clock
        self._settings = settings
        self._words = Words(settings)
        self._pages: Brief[str] = Brief(settings.keep)
        self._sheets: Brief[str] = Brief(settings.keep * _RARELY)
        self._complaints: Brief[Knowing] = Brief(_COMPLAINTS_EVERY)
        self._knowing = Knowing()
        self._templates = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def wall(self) -> str:
        """The first page."""

        def make() -> str:
            look = self._look()
            knowing = self._complaints.get("knowing", lambda: self._know(look))
            return self._render("wall.html", wall.build(look, knowing), refresh=self._settings.refresh)

        return self._pages.get("wall", make)

    def interruptions(self, page: int) -> str:
        """A page of the list."""
        return self._pages.get(
            ("interruptions", page),
            lambda: self._render("interruptions.html", listing.build(self._look(), page)),
        )

    def interruption(self, identity: str, page: int) -> str:
        """One of them, or 404."""
        it = self._reader.interruption(identity)
        if it is None:
            raise HTTPException(404)
        return self._pages.get(
            ("interruption", identity, page),
            lambda: self._render("interruption.html", interruption.build(self._look(), it, page)),
        )

    def people(self, identity: str, page: int, state: ContactState | None) -> str:
        """A page of an interruption's recovery list, or 404."""
        it = self._reader.interruption(identity)
        of = self._catalog().moments.get(it.moment) if it else None
        if it is None or of is None or of.unit != "customers":
            raise HTTPException(404)
        return self._pages.get(
            ("people", identity, page, state),
            lambda: self._render("people.html", harm.build(self._look(), it, page, state)),
        )

    def moment(self, name: str) -> str:
        """One of them, or 404."""
        of = self._catalog().moments.get(name)
        if of is None:
            raise HTTPException(404)
        return self._pages.get(("moment", name), lambda: self._render("moment.html", moment.build(self._look(), of)))

    def journey(self, name: str) -> str:
        """One of them, or 404."""
        of = self._catalog().journeys.get(name)
        if of is None:
            raise HTTPException(404)
        return self._sheet(("journey", name), lambda look: sheets.journey(look, of))

    def owners(self) -> str:
        """All of them."""
        return self._sheet("owners", sheets.owners)

    def owner(self, name: str) -> str:
        """One of them, or 404."""
        of = self._catalog().owners.get(name)
        if of is None:
            raise HTTPException(404)
        return self._sheet(("owner", name), lambda look: sheets.owner(look, of))

    def customers(self) -> str:
        """Repeat harm and customer segments."""
        settings = self._settings
        return self._sheet("customers", lambda look: sheets.customers(look, settings.ideal, settings.contact_cost))

    def _sheet(self, key: Hashable, make: Callable[[Look], sheets.Sheet]) -> str:
        """A page that counts over weeks of breaks: made anew only now and then."""
        return self._sheets.get(key, lambda: self._render("sheet.html", make(self._look())))

    def trouble(self, request: Request, status: int) -> Response:
        """A page that says what went wrong without repeating what was asked."""
        what = _TROUBLE.get(status, ("This did not work", "Try again in a moment."))
        if "text/html" not in request.headers.get("accept", "*/*") and status != 503:  # noqa: PLR2004  # HTTP
            return JSONResponse({"detail": what[0]}, status_code=status)
        return HTMLResponse(self._render("trouble.html", what), status_code=status)

    def _look(self) -> Look:
        return Look(self._reader, self._catalog(), self._clock(), self._words)

    def _know(self, look: Look) -> Knowing:
        self._knowing.look(look.reader, look.catalog, look.now)
        return self._knowing

    def _render(self, template: str, view: object, refresh: int = 0) -> str:
        replayed = self._settings.clock == "event"
        return self._templates.get_template(template).render(view=view, refresh=refresh, replayed=replayed)


_TROUBLE = {
    404: ("There is no such page", "It may have been a moment or an interruption that is no longer kept."),
    405: ("Pages are only read here", "Nothing is changed by a request to this address."),
    503: ("This cannot be shown right now", "The store did not answer. The page works again when it does."),
}
