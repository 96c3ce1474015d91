"""Forms: act on an interruption, acknowledge from a link, keep notices quiet; nothing acts on GET."""

from collections.abc import Callable
from typing import Annotated, Any, get_args

from fastapi import FastAPI, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from service.adapters.web.access.actor import Actor
from service.adapters.web.access.gate import Gate
from service.adapters.web.contacting import Contacting, state_of
from service.adapters.web.desk import FrontDesk, Refused, Unsound
from service.adapters.web.login import add_login
from service.core.handling import Verb
from service.core.people import CONTACT_STATES

Render = Callable[[str, Actor | None, dict[str, Any]], str]
"""Template, who asks, and what it shows."""
Text = Annotated[str, Form(max_length=4_000)]
Word = Annotated[str, Form(max_length=1_000)]


def add_forms(
    app: FastAPI, gate: Gate, desk: FrontDesk, contacting: Contacting, show: tuple[Render, Callable[[str], Any]]
) -> None:
    """Register them. `show`: how to render, and the view of an interruption by its id, for the page behind a link."""
    render, interruption = show
    if gate.has_login:
        add_login(app, gate, render)
    _add_actions(app, gate, desk)
    _add_links(app, gate, desk, render, interruption)
    _add_silences(app, gate, desk)
    _add_contacts(app, gate, contacting)


def _add_actions(app: FastAPI, gate: Gate, desk: FrontDesk) -> None:
    @app.post("/interruptions/{identity}/actions", include_in_schema=False)
    def act(  # a form's fields
        request: Request,
        identity: str,
        *,
        verb: Word,
        value: Word = "",
        note: Text = "",
        within: Word = "",
        csrf: Word = "",
    ) -> Response:
        """Do something about an interruption, and show it again."""
        actor = gate.writer(request, csrf)
        _do(lambda: desk.act(actor, identity, verb_of(verb), value=value, note=note, within=within))
        return RedirectResponse(f"/interruptions/{identity}", status_code=303)


def _add_links(app: FastAPI, gate: Gate, desk: FrontDesk, render: Render, interruption: Callable[[str], Any]) -> None:
    @app.get("/acknowledge/{token}", response_class=HTMLResponse, include_in_schema=False)
    def one_button(token: str) -> str:
        """The page behind a notice's link: what it is about, and one button."""
        link = gate.signer.link_of(token)
        if link is None:
            raise HTTPException(410)
        view = interruption(link.interruption)
        return render("acknowledge.html", None, {"view": view, "token": token})

    @app.post("/acknowledge/{token}", response_class=HTMLResponse, include_in_schema=False)
    def have_it(request: Request, token: str) -> str:
        """Acknowledge: whoever holds the link was told, and the link says by which target."""
        link = gate.signer.link_of(token)
        if link is None:
            raise HTTPException(410)
        if not gate.writes.takes(f"link {token}"):
            raise HTTPException(429)
        name = gate.actor(request)
        who = name.name if gate.asks and name is not None else f"whoever reads {link.target}"
        actor = Actor(who, "admin", kind="link")
        _do(lambda: desk.act(actor, link.interruption, "acknowledge", origin=f"link {link.target}"))
        return render("acknowledge.html", None, {"view": interruption(link.interruption), "token": ""})


def _add_silences(app: FastAPI, gate: Gate, desk: FrontDesk) -> None:
    @app.post("/silences", include_in_schema=False)
    def silence(  # a form's fields
        request: Request,
        *,
        matchers: Text = "",
        reason: Text = "",
        lasts: Word = "",
        starts_in: Word = "",
        kind: Word = "silence",
        remind: Word = "15m",
        csrf: Word = "",
    ) -> Response:
        """Make a silence; one matcher a line."""
        actor = gate.writer(request, csrf)
        maintenance = kind == "maintenance"
        _do(
            lambda: desk.silence(
                actor,
                matchers.splitlines(),
                reason=reason,
                lasts=lasts,
                starts_in=starts_in,
                maintenance=maintenance,
                remind=remind,
            )
        )
        return RedirectResponse("/silences", status_code=303)

    @app.post("/silences/{identity}/end", include_in_schema=False)
    def end(request: Request, identity: str, csrf: Word = "") -> Response:
        """End a silence now."""
        actor = gate.writer(request, csrf)
        desk.end_silence(actor, identity)
        return RedirectResponse("/silences", status_code=303)


def _add_contacts(app: FastAPI, gate: Gate, contacting: Contacting) -> None:
    @app.post("/interruptions/{identity}/people", include_in_schema=False)
    def contact(  # a form's fields
        request: Request,
        identity: str,
        *,
        customer: Annotated[list[Word] | None, Form()] = None,
        state: Word = "",
        note: Text = "",
        page: Annotated[int, Form(ge=1, le=1_000_000)] = 1,
        tab: Word = "",
        csrf: Word = "",
    ) -> Response:
        """Say where some customers stand, and show the list again where it was."""
        actor = gate.writer(request, csrf)
        _do(lambda: contacting.mark(actor, identity, customer or [], state_of(state), note))
        shown = f"&state={tab}" if tab in CONTACT_STATES else ""
        return RedirectResponse(f"/interruptions/{identity}/people?page={page}{shown}", status_code=303)


def verb_of(text: str) -> Verb:
    """A verb by its name. Raises Unsound."""
    for verb in get_args(Verb):
        if verb == text:
            found: Verb = verb
            return found
    raise Unsound(f"verb: {text[:40]!r} is not one; write {', '.join(get_args(Verb))}")


def _do(work: Callable[[], object]) -> None:
    try:
        work()
    except Unsound as wrong:
        raise HTTPException(422, str(wrong)) from None
    except Refused as refused:
        raise HTTPException(409, str(refused)) from None
