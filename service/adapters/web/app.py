"""The web app: pages for people, metrics for Prometheus, health for whoever keeps the service running."""

import logging
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from service.adapters.clock import wall_clock
from service.adapters.web.access.gate import Gate
from service.adapters.web.access.signing import Signer
from service.adapters.web.api import api
from service.adapters.web.contacting import Contacting
from service.adapters.web.desk import FrontDesk
from service.adapters.web.doing import add_forms
from service.adapters.web.guard import Guard
from service.adapters.web.health import HealthSource
from service.adapters.web.live import Live
from service.adapters.web.now import event_clock
from service.adapters.web.recovering import add_recovery
from service.adapters.web.settings import WebSettings
from service.adapters.web.site import Site
from service.core.catalog import Catalog
from service.core.event import Micros
from service.core.people import ContactState
from service.core.ports import Store

_LOG = logging.getLogger(__name__)
_HERE = Path(__file__).parent

Page = Annotated[int, Query(ge=1, le=1_000_000, description="Counts from 1.")]


def make_app(  # what it stands on
    reader: Store,
    catalog: Callable[[], Catalog],
    registry: CollectorRegistry,
    health: HealthSource,
    settings: WebSettings,
    *,
    now: Callable[[], Micros] | None = None,
    gate: Gate | None = None,
) -> FastAPI:
    """Everything over HTTP. `now`: what time pages take it to be; by default as `settings.clock` says.

    `gate`: who is asked to say who they are; without one nobody is, and whoever reaches the page may act.
    """
    app = FastAPI(
        title="momentwatch",
        summary="Early warning for the moments that matter in a customer's journey.",
        docs_url=None,
        redoc_url=None,
    )
    clock = now or (wall_clock if settings.clock == "live" else event_clock(reader, lambda: catalog().moments))
    gate = gate or Gate(Signer((secrets.token_bytes(32),)))
    desk = FrontDesk(reader, catalog, wall_clock if settings.clock == "live" else clock)
    site = Site(reader, catalog, clock, settings, gate)
    app.add_middleware(Guard, hosts=settings.hosts)
    app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")
    _machines(app, health)
    if settings.metrics:
        _metrics(app, registry)
    _people(app, site)
    _accountable(app, site)
    _workings(app, site, Live(reader, settings.keep, settings.refresh))
    _troubles(app, site)
    contacting = Contacting(reader, catalog, wall_clock if settings.clock == "live" else clock, site.forget)
    add_forms(app, gate, desk, contacting, (site.render, site.interruption_view))
    routes = api(reader, catalog, gate, desk, clock)
    app.state.shelf = site.shelf
    add_recovery(routes, reader, contacting, gate, (clock, settings.minor_digits))
    app.include_router(routes)
    return app


def make_metrics(registry: CollectorRegistry, hosts: tuple[str, ...]) -> FastAPI:
    """/metrics alone, for a listener of its own."""
    app = FastAPI(title="momentwatch metrics", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Guard, hosts=hosts)
    _metrics(app, registry)
    return app


def _metrics(app: FastAPI, registry: CollectorRegistry) -> None:
    @app.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    def metrics() -> Response:
        """Everything that Prometheus scrapes."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)


def _machines(app: FastAPI, health: HealthSource) -> None:
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


def _people(app: FastAPI, site: Site) -> None:
    @app.get("/", response_class=HTMLResponse)
    def moments(request: Request) -> str:
        """The wall of moments."""
        return site.wall(site.gate.required(request))

    @app.get("/interruptions", response_class=HTMLResponse)
    def interruptions(request: Request, page: Page = 1) -> str:
        """Interruptions, the open ones first."""
        return site.interruptions(site.gate.required(request), page)

    @app.get("/interruptions/{identity}", response_class=HTMLResponse)
    def one_interruption(request: Request, identity: str, page: Page = 1) -> str:
        """One interruption; `page` of its broken promises."""
        return site.interruption(site.gate.required(request), identity, page)

    @app.get("/interruptions/{identity}/people", response_class=HTMLResponse)
    def its_people(request: Request, identity: str, page: Page = 1, state: ContactState | None = None) -> str:
        """The customers of an interruption, and how far their recovery is."""
        return site.people(site.gate.required(request), identity, page, state)

    @app.get("/moments/{name}", response_class=HTMLResponse)
    def one_moment(request: Request, name: str) -> str:
        """One moment."""
        return site.moment(site.gate.required(request), name)

    @app.get("/silences", response_class=HTMLResponse)
    def silences(request: Request) -> str:
        """What nobody is told of, by whom and until when."""
        return site.silences(site.gate.required(request))


def _accountable(app: FastAPI, site: Site) -> None:
    @app.get("/journeys/{name}", response_class=HTMLResponse)
    def one_journey(request: Request, name: str) -> str:
        """One journey: how whole it was, where it broke first, and at which seams."""
        return site.journey(site.gate.required(request), name)

    @app.get("/owners", response_class=HTMLResponse)
    def owners(request: Request) -> str:
        """Who answers for what broke."""
        return site.owners(site.gate.required(request))

    @app.get("/owners/{name}", response_class=HTMLResponse)
    def one_owner(request: Request, name: str) -> str:
        """One owner, and whoever reports to them."""
        return site.owner(site.gate.required(request), name)

    @app.get("/customers", response_class=HTMLResponse)
    def customers(request: Request) -> str:
        """Customers who were hit more than once, and customer segments."""
        return site.customers(site.gate.required(request))


def _workings(app: FastAPI, site: Site, live: Live) -> None:
    @app.get("/data", response_class=HTMLResponse)
    def data(request: Request) -> str:
        """How far the figures can be trusted: blind time, late and lost records, the age of the newest."""
        return site.trust(site.gate.required(request))

    @app.get("/dead-letters", response_class=HTMLResponse)
    def dead_letters(request: Request, page: Page = 1) -> str:
        """Records that could not be taken, newest first."""
        return site.dead_letters(site.gate.required(request), page)

    @app.get("/settings", response_class=HTMLResponse)
    def settings(request: Request) -> str:
        """The settings as they were loaded, without secrets."""
        return site.settings(site.gate.required(request))

    @app.get("/live", response_class=Response, responses={200: {"content": {"text/event-stream": {}}}})
    async def events(request: Request) -> Response:
        """Server-sent events: `news` when something is worth reading anew, `tick` now and then."""
        await run_in_threadpool(site.gate.required, request)
        return live.stream(request)


def _troubles(app: FastAPI, site: Site) -> None:
    @app.exception_handler(HTTPException)
    def not_there(request: Request, error: HTTPException) -> Response:
        """Words instead of JSON, for a person asked."""
        return site.trouble(request, error.status_code, str(error.detail or ""))

    @app.exception_handler(Exception)
    def broken(request: Request, error: Exception) -> Response:
        """The store may be away: say so, and keep the details to the log."""
        _LOG.error("%s: the page could not be made", request.url.path, exc_info=error)
        return site.trouble(request, 503)
