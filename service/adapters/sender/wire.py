"""Watches what one send does on the network: where it connects, what it hands over, what comes back.

apprise tells only whether a send worked. Python's audit events tell the rest without replacing anything: the
very address that is connected to (a check of the name before could be outrun by its next resolution),
whether any byte of a request left, and, through the connection they name, the status and Retry-After of the
answer.
"""

import contextlib
import socket
import sys
from collections.abc import Callable
from contextvars import ContextVar
from functools import cache
from typing import Any

import msgspec

from service.adapters.sender.address import Allowed


class Answer(msgspec.Struct, frozen=True, gc=False):
    """The head of an HTTP answer."""

    status: int
    retry_after: str | None = None

    @property
    def good(self) -> bool:
        """It says that the request was taken."""
        return 200 <= self.status < 300  # noqa: PLR2004  # the answers that accept


class Refused(OSError):  # noqa: N818  # a decision of ours, not a mistake
    """A connection that a send wanted was not allowed."""


class Wire:
    """What one send did; made in one thread, used in the thread that sends, cancelled from any.

    `answers`: in order. `handed_over`: bytes of a request left. `refused`: why a connection was not allowed.
    """

    def __init__(self, allowed: Allowed) -> None:
        self.answers: list[Answer] = []
        self.handed_over = False
        self.refused: str | None = None
        self._allowed = allowed
        self._name: str | None = None
        self._cancelled = False
        self._connections: list[socket.socket] = []

    def watch(self) -> None:
        """From now on, whatever this thread does is watched."""
        _install()
        _CURRENT.set(self)

    def cancel(self) -> None:
        """Cut every connection and allow no other, so that the thread that sends comes to its end."""
        self._cancelled = True
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        for connection in self._connections:
            connection.close()

    # --- what the audit events tell ---

    def resolving(self, name: str | bytes | None, *_: Any) -> None:
        """A name is about to be resolved."""
        self._name = name.decode("ascii", "replace") if isinstance(name, bytes) else name

    def connecting(self, connection: socket.socket, address: Any) -> None:
        """A socket is about to be connected; raises Refused where it may not."""
        if self._cancelled:
            raise Refused("the time for this send is over")
        host = address[0] if isinstance(address, tuple) and address else ""
        if not isinstance(host, str) or not self._allowed.admits(host, self._name):
            shown = self._name if self._name and self._name != host else "the target"
            self.refused = f"{shown} leads to {host or 'no network'}, which is not public; name it in allow_hosts"
            raise Refused(self.refused)
        # A socket wrapped for TLS loses its descriptor to the wrapper; a duplicate still ends the connection.
        self._connections.append(connection.dup())

    def connected(self, connection: Any, *_: Any) -> None:
        """An HTTP connection is there: note the head of each of its answers."""
        answer: Callable[..., Any] = connection.getresponse

        def noting(*args: Any, **kwargs: Any) -> Any:
            response = answer(*args, **kwargs)
            self.answers.append(Answer(response.status, response.headers.get("Retry-After")))
            return response

        connection.getresponse = noting

    def sending(self, *_: Any) -> None:
        """Bytes of a request are about to leave."""
        self.handed_over = True

    def forbid(self, *_: Any) -> None:
        """No target needs this."""
        self.refused = "it wanted more than a connection"
        raise Refused(self.refused)


_CURRENT: ContextVar[Wire | None] = ContextVar("wire", default=None)

_HANDLERS: dict[str, Callable[..., None]] = {
    "socket.getaddrinfo": Wire.resolving,
    "socket.connect": Wire.connecting,
    "http.client.connect": Wire.connected,
    "http.client.send": Wire.sending,
    "socket.sendto": Wire.forbid,
    "socket.sendmsg": Wire.forbid,
    "subprocess.Popen": Wire.forbid,
    "os.system": Wire.forbid,
    "os.exec": Wire.forbid,
    "os.posix_spawn": Wire.forbid,
}


@cache
def _install() -> None:
    """Add the hook, once a process: Python takes none away. Outside a send it costs a look-up an event."""
    sys.addaudithook(_hear)


def _hear(event: str, args: tuple[Any, ...]) -> None:
    handler = _HANDLERS.get(event)
    if handler is not None and (wire := _CURRENT.get()) is not None:
        handler(wire, *args)
