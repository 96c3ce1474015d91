"""Tells open pages that there is something new, by server-sent events; pages work, and reload, without it."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from service.adapters.web.cache import Brief
from service.core.ports import Reader

LONGEST_S = 300.0
"""A stream ends after so long, and the browser asks anew: who was logged out meanwhile is told nothing more."""
MOST = 200
"""Streams at a time; a page that gets none reloads now and then."""
_STEP_S = 0.25
_LOOK_S = 1.0
_ENDING = "momentwatch.ending"


class Live:
    """One look at the store in `keep` seconds, however many pages are open. `refresh`: seconds between mere ticks."""

    def __init__(self, reader: Reader, keep: float, refresh: float) -> None:
        self._reader = reader
        self._refresh = refresh
        self._news: Brief[str] = Brief(max(keep, _LOOK_S / 2))
        self._open = 0

    def stream(self, request: Request) -> StreamingResponse:
        """Events for one page: `news` of an interruption, an action or a notice, `tick` when time has passed."""
        if self._open >= MOST:
            raise HTTPException(429, "too many pages are open; this one reloads by itself")
        ending: Callable[[], bool] = request.scope.get("extensions", {}).get(_ENDING, lambda: False)
        return StreamingResponse(
            self._events(ending), media_type="text/event-stream", headers={"cache-control": "no-store"}
        )

    async def _events(self, ending: Callable[[], bool]) -> AsyncIterator[str]:
        self._open += 1
        try:
            # Told at once, so that the page knows that it is connected; and where to begin again.
            yield "retry: 5000\n\n"
            seen = await run_in_threadpool(self._look)
            waited = ticked = 0.0
            while waited < LONGEST_S and not ending():
                await asyncio.sleep(_STEP_S)
                waited += _STEP_S
                ticked += _STEP_S
                if waited % _LOOK_S:
                    continue
                now = await run_in_threadpool(self._look)
                if now != seen:
                    yield "event: news\ndata: {}\n\n"
                elif ticked >= self._refresh:
                    yield "event: tick\ndata: {}\n\n"
                if now != seen or ticked >= self._refresh:
                    seen, ticked = now, 0.0
        finally:
            self._open -= 1

    def _look(self) -> str:
        return self._news.get("news", self._read)

    def _read(self) -> str:
        """What would be worth telling, as one short text that changes with it."""
        rows = [(one.id, one.state, one.level, one.kinds) for one in self._reader.interruptions(open_only=True)]
        done = [(one.interruption, one.at, one.verb, one.by) for one in self._reader.actions(None, limit=1)]
        told = [(row.row, row.state, row.attempts) for row in self._reader.outbox(limit=5)]
        return hashlib.sha256(repr((rows, done, told)).encode()).hexdigest()


def with_ending(app: ASGIApp, ending: Callable[[], bool]) -> ASGIApp:
    """An app whose streams know when the server is about to end, so that none of them holds it up."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope.setdefault("extensions", {})[_ENDING] = ending
        await app(scope, receive, send)

    return wrapped
