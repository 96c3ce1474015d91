"""Logging in and out: by name and password, or at a log-in service elsewhere; and back to where one was."""

import logging
import secrets
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import FastAPI, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from service.adapters.web.access.actor import Actor
from service.adapters.web.access.gate import COOKIE, Gate, peer_of
from service.adapters.web.access.oidc import Away, NotLetIn, Oidc, Started
from service.adapters.web.access.signing import SESSION_S, STARTED_S

_LOG = logging.getLogger(__name__)

Render = Callable[[str, Actor | None, dict[str, Any]], str]
"""Template, who asks, and what it shows."""
Word = Annotated[str, Form(max_length=1_000)]
STARTED = "momentwatch_login"
_ELSEWHERE = "/login/elsewhere"
DONE = f"{_ELSEWHERE}/done"
"""Where a log-in service sends people back to; registered there."""


def add_login(app: FastAPI, gate: Gate, render: Render) -> None:
    """Register what the gate has."""

    def page(to: str, *, wrong: bool) -> str:
        elsewhere = gate.oidc.name if gate.oidc is not None else ""
        shown = {"to": _inside(to), "wrong": wrong, "elsewhere": elsewhere, "passwords": gate.users is not None}
        return render("login.html", None, shown)

    @app.get("/login", response_class=HTMLResponse, include_in_schema=False)
    def ask_who(to: str = "/") -> str:
        """Ask for name and password, or whom else to ask."""
        return page(to, wrong=False)

    @app.post("/login", response_class=HTMLResponse, include_in_schema=False)
    def let_in(request: Request, name: Word = "", password: Word = "", to: Word = "/") -> Response:
        """Start a session."""
        cookie = gate.login(request, name, password)
        if cookie is None:
            return HTMLResponse(page(to, wrong=True), status_code=401)
        answer = RedirectResponse(_inside(to), status_code=303)
        _keep(answer, gate, COOKIE, cookie, SESSION_S)
        return answer

    @app.post("/logout", include_in_schema=False)
    def let_out(request: Request, csrf: Word = "") -> Response:
        """End the session on this browser."""
        gate.writer(request, csrf)
        answer = RedirectResponse("/login", status_code=303)
        answer.delete_cookie(COOKIE)
        return answer

    if gate.oidc is not None:
        _add_elsewhere(app, gate, gate.oidc)


def _add_elsewhere(app: FastAPI, gate: Gate, oidc: Oidc) -> None:
    @app.get(_ELSEWHERE, include_in_schema=False)
    def begin(request: Request, to: str = "/") -> Response:
        """Send the browser to the log-in service, remembering what its answer is held against."""
        _not_too_often(gate, request)
        try:
            url, started = oidc.begin()
        except Away as away:
            raise HTTPException(503, str(away)) from None
        answer = RedirectResponse(url, status_code=303)
        kept = gate.signer.started(started.state, started.nonce, started.verifier, _inside(to))
        _keep(answer, gate, STARTED, kept, STARTED_S)
        return answer

    @app.get(DONE, include_in_schema=False)
    def done(request: Request) -> Response:
        """Start a session for whom the log-in service let in."""
        _not_too_often(gate, request)
        kept = gate.signer.started_of(request.cookies.get(STARTED, ""), 4)
        if kept is None:
            raise HTTPException(403, "this log-in was begun elsewhere, or too long ago; begin it again")
        *parts, to = kept
        try:
            actor = oidc.finish(Started(*parts), dict(request.query_params))
        except NotLetIn as error:
            _LOG.warning("a log-in by %s was refused: %s", oidc.name, error)
            raise HTTPException(403, str(error)) from None
        except Away as away:
            raise HTTPException(503, str(away)) from None
        answer = RedirectResponse(_inside(to), status_code=303)
        _keep(answer, gate, COOKIE, gate.signer.guest(actor, secrets.token_hex(8)), SESSION_S)
        # Once only: the code is spent, and so is what it was held against.
        answer.delete_cookie(STARTED)
        return answer


def _keep(answer: Response, gate: Gate, name: str, value: str, age: int) -> None:
    # Lax, for the log-in service's redirect must bring it along; forms have a token of their own.
    answer.set_cookie(name, value, max_age=age, httponly=True, secure=gate.secure, samesite="lax")


def _not_too_often(gate: Gate, request: Request) -> None:
    if not gate.elsewhere.takes(peer_of(request)):
        raise HTTPException(429, "too many tries; wait a minute")


def _inside(path: str) -> str:
    """A path of ours, whatever was asked for: a log-in must not lead elsewhere."""
    if path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable():
        return path
    return "/"
