"""The pages: read, laid out and rendered; what is read is kept for a moment, what is shown is each reader's own."""

from collections.abc import Callable, Hashable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from fastapi import Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.exceptions import HTTPException

from service.adapters.web import harm, interruption, listing, moment, shelf, trust, wall
from service.adapters.web import journey as sheets
from service.adapters.web import owner as owning
from service.adapters.web.access.actor import Actor
from service.adapters.web.access.gate import Gate
from service.adapters.web.cache import Brief, Spare
from service.adapters.web.desk import LONGEST_TEXT
from service.adapters.web.handled import MARK_WORDS, handled, silence_lines, told
from service.adapters.web.look import Look
from service.adapters.web.settings import WebSettings
from service.adapters.web.sheet import Sheet
from service.adapters.web.shelf import Face, Shelf, mark_of
from service.adapters.web.tables import entries
from service.adapters.web.words import Words
from service.core.catalog import LEVELS, Catalog
from service.core.event import Micros
from service.core.handling import UNTOUCHED
from service.core.interruption import Interruption
from service.core.people import ContactState
from service.core.ports import Store
from service.core.reporting.knowing import Knowing

_HERE = Path(__file__).parent
_COMPLAINTS_EVERY = 30.0
"""Seconds between looks for first complaints: they need every broken promise of an interruption."""
_RARELY = 15
_MOST_OPEN = 5
_HTML = "text/html"
_UNAUTHORIZED, _AWAY = 401, 503


class Site:
    """Each page is read once in `settings.keep` seconds however many ask."""

    def __init__(
        self,
        reader: Store,
        catalog: Callable[[], Catalog],
        clock: Callable[[], Micros],
        settings: WebSettings,
        gate: Gate,
    ) -> None:
        self.gate = gate
        self._reader = reader
        self._catalog = catalog
        self._clock = clock
        self._settings = settings
        self._words = Words(settings)
        self._views: Brief[Any] = Brief(settings.keep)
        self._sheets: Brief[Any] = Brief(settings.keep * _RARELY)
        self._complaints: Brief[Knowing] = Brief(_COMPLAINTS_EVERY)
        self._knowing = Knowing()
        self._tended: Spare[Any] = Spare(lambda: None, shelf.OLDEST, 0.0, shelf.SLOW)
        self._marked: tuple[Catalog | None, str] = (None, "")
        self.shelf = Shelf(reader, self._mark, self._make_wall, Brief(settings.keep), self._renew_open)
        self._templates = _templates()

    def wall(self, actor: Actor) -> str:
        """The first page."""
        view, tiles = self.shelf.wall()
        # Of a template that escapes.
        return self._page("wall.html", actor, view, tiles=Markup(tiles), live=True)  # noqa: S704  # as above

    def _make_wall(self) -> Face:
        look = self._look()
        view = wall.build(look, self._complaints.get("knowing", lambda: self._know(look)))
        # Hundreds of tiles are laid out once for all who look.
        tiles = self._templates.get_template("tiles.html").render({"view": view})
        # What the tiles show is not kept twice.
        return msgspec.structs.replace(view, sections=()), tiles

    def _mark(self) -> str:
        catalog = self._catalog()
        if self._marked[0] is not catalog:
            self._marked = (catalog, mark_of(catalog, self._settings))
        return self._marked[1]

    def interruptions(self, actor: Actor, page: int) -> str:
        """A page of the list."""
        view = self._views.get(("interruptions", page), lambda: listing.build(self._look(), page))
        return self._page("interruptions.html", actor, view, live=True)

    def interruption(self, actor: Actor, identity: str, page: int) -> str:
        """One of them, or 404; what people do to it shows at once."""
        it = self._reader.interruption(identity)
        if it is None:
            raise HTTPException(404)
        view = self.interruption_view(identity, page)
        now, words = self._clock(), self._words
        return self._page(
            "interruption.html",
            actor,
            view,
            handled=handled(it, self._reader.handlings([it.id]).get(it.id, UNTOUCHED), now, words),
            told=told(self._reader.decisions(it.id, limit=200), now, words),
            may_act=actor.may_act(it, self._catalog()),
            levels=LEVELS,
            marks=MARK_WORDS,
            timeline=entries(self._reader.timeline(it.id), now, words),
            live=True,
        )

    def interruption_view(self, identity: str, page: int = 1) -> Any:
        """What the page of one shows, or 404."""
        it = self._reader.interruption(identity)
        if it is None:
            raise HTTPException(404)
        tended = self._tended if page == 1 and it.is_open and self.shelf.tended else None
        return self._views.get(("interruption", identity, page), lambda: self._laid_out(it, page), tended)

    def _laid_out(self, it: Interruption, page: int) -> Any:
        return interruption.build(self._look(), it, page)

    def _renew_open(self) -> None:
        """The worst of what is open is what people are sent to: where it takes long, it is there before they come."""
        rows = self._reader.interruptions(open_only=True)
        for it in sorted(rows, key=lambda it: (-LEVELS.index(it.level), it.onset))[:_MOST_OPEN]:
            key = ("interruption", it.id, 1)
            self._views.renew(key, partial(self._laid_out, it, 1), self._tended, shelf.IDLE)

    def people(self, actor: Actor, identity: str, page: int, state: ContactState | None) -> str:
        """A page of an interruption's recovery list, or 404."""
        it = self._reader.interruption(identity)
        of = self._catalog().moments.get(it.moment) if it else None
        if it is None or of is None or of.unit != "customers":
            raise HTTPException(404)
        view = self._views.get(("people", identity, page, state), lambda: harm.build(self._look(), it, page, state))
        return self._page("people.html", actor, view, may_act=actor.may_act(it, self._catalog()), note=LONGEST_TEXT)

    def forget(self, identity: str) -> None:
        """What was laid out of an interruption and its people is made anew: somebody did something for them."""
        self._views.drop(lambda key: isinstance(key, tuple) and identity in key)

    def moment(self, actor: Actor, name: str) -> str:
        """One of them, or 404."""
        of = self._catalog().moments.get(name)
        if of is None:
            raise HTTPException(404)
        view = self._views.get(("moment", name), lambda: moment.build(self._look(), of))
        return self._page("moment.html", actor, view, live=True)

    def journey(self, actor: Actor, name: str) -> str:
        """One of them, or 404."""
        of = self._catalog().journeys.get(name)
        if of is None:
            raise HTTPException(404)
        return self._sheet(actor, ("journey", name), lambda look: sheets.journey(look, of))

    def owners(self, actor: Actor) -> str:
        """All of them."""
        return self._sheet(actor, "owners", sheets.owners)

    def owner(self, actor: Actor, name: str) -> str:
        """One of them, or 404."""
        of = self._catalog().owners.get(name)
        if of is None:
            raise HTTPException(404)
        look = self._look()
        sheet = self._sheets.get(("owner", name), lambda: sheets.owner(look, of))
        view = owning.build(look, of, sheet)
        free = {each.it.id for each in view.issues if each.is_free and each.may(actor, look)}
        return self._page("owner.html", actor, view, free=free, live=True)

    def customers(self, actor: Actor) -> str:
        """Repeat harm and customer segments."""
        settings = self._settings
        return self._sheet(
            actor, "customers", lambda look: sheets.customers(look, settings.ideal, settings.contact_cost)
        )

    def _sheet(self, actor: Actor, key: Hashable, make: Callable[[Look], Sheet]) -> str:
        """A page that counts over weeks of breaks: read anew only now and then."""
        return self._page("sheet.html", actor, self._sheets.get(key, lambda: make(self._look())))

    def trust(self, actor: Actor) -> str:
        """How far the figures can be trusted."""
        return self._page("trust.html", actor, self._views.get("trust", lambda: trust.build(self._look())), live=True)

    def dead_letters(self, actor: Actor, page: int) -> str:
        """What could not be taken; only admins see what customers' records hold."""
        view = trust.letters(self._look(), page, payloads=actor.role == "admin")
        return self._page("dead_letters.html", actor, view, bytes_shown=actor.role == "admin")

    def settings(self, actor: Actor) -> str:
        """How it is set up, for admins: names of servers and files are nobody else's business."""
        if actor.role != "admin":
            raise HTTPException(403, "settings are shown to admins")
        return self._page("settings.html", actor, self._settings.shown)

    def silences(self, actor: Actor) -> str:
        """What nobody is told of."""
        now = self._clock()
        view = silence_lines(self._reader.silences(now), now, self._words)
        return self._page("silences.html", actor, view, may_silence=actor.may_silence)

    def trouble(self, request: Request, status: int, detail: str = "") -> Response:
        """A page that says what went wrong without repeating what was asked."""
        wants_page = _HTML in request.headers.get("accept", "*/*") and not request.url.path.startswith("/api/")
        if status == _UNAUTHORIZED and wants_page and self.gate.has_login and request.method == "GET":
            return RedirectResponse(f"/login?to={quote(request.url.path, safe='/')}", status_code=303)
        what = _TROUBLE.get(status, ("This did not work", "Try again in a moment."))
        # The details of these are written by us for whoever asked; others are the framework's.
        if status in _EXPLAINED and detail:
            what = (what[0], _sentence(detail))
        if not wants_page and status != _AWAY:
            return JSONResponse({"detail": detail if status in _EXPLAINED and detail else what[0]}, status_code=status)
        return HTMLResponse(self.render("trouble.html", None, {"view": what, "status": status}), status_code=status)

    def render(self, template: str, actor: Actor | None, shown: dict[str, Any]) -> str:
        """A template with what every page has."""
        return self._templates.get_template(template).render(
            {
                "view": None,
                "refresh": self._settings.refresh,
                "live": False,
                "replayed": self._settings.clock == "event",
                "actor": actor,
                "csrf": self.gate.csrf(actor) if actor is not None else "",
                "asks": self.gate.has_login,
                **shown,
            }
        )

    def _page(self, template: str, actor: Actor, view: object, **shown: Any) -> str:
        return self.render(template, actor, {"view": view, **shown})

    def _look(self) -> Look:
        return Look(self._reader, self._catalog(), self._clock(), self._words)

    def _know(self, look: Look) -> Knowing:
        self._knowing.look(look.reader, look.catalog, look.now)
        return self._knowing


@lru_cache(maxsize=1)
def _templates() -> Environment:
    """All of them, compiled before anybody waits for a page."""
    found = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in found.list_templates():
        found.get_template(name)
    return found


def _sentence(text: str) -> str:
    """As a reader expects one: what programs are told begins with the name of a field."""
    text = text if text.partition(" ")[0].endswith(":") else text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else f"{text}."


_EXPLAINED = frozenset({403, 409, 422, 429, 503})
_TROUBLE = {
    400: ("This cannot be read", "What was sent is no UTF-8, or not in the form that was announced."),
    401: ("Say who you are", "This page is shown to people who are logged in."),
    403: ("You may not do this", "Ask somebody who may: a responder of the owner, or an admin."),
    404: (
        "There is no such page",
        "What it was about may no longer be kept, or the address was cut off on its way.",
    ),
    405: ("Pages are only read here", "Nothing is changed by a request to this address."),
    409: ("This does not fit how things stand", "Load the page again."),
    410: ("This link no longer works", "It has run out, or it was changed on its way. Open the page itself."),
    422: ("Something in the form is wrong", "Go back, and correct it."),
    429: ("Too often", "Wait a minute, and try again."),
    503: ("This cannot be shown right now", "The store did not answer. The page works again when it does."),
}
