"""Real receivers on loopback: an HTTP server with scripted answers, an SMTP server that keeps its mails."""

import asyncio
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from service.core.telling.route import Message


@dataclass
class Reply:
    """One scripted answer; `drip_s`: a byte of the head at a time for so long, and never the end of it.

    `kept_back`: so many bytes of the body are announced and never sent.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    drip_s: float = 0.0
    hang_up: bool = False
    kept_back: int = 0


@dataclass
class Posted:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes
    method: str = "POST"

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class HttpReceiver:
    """Answers as scripted, then 200 for ever, or as `answer` says; keeps what came in."""

    def __init__(self, replies: Sequence[Reply] = (), answer: Callable[[Posted], Reply] | None = None) -> None:
        self.posted: list[Posted] = []
        self.cut = threading.Event()
        left = list(replies)
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                posted = Posted(self.path, dict(self.headers.items()), body, self.command)
                receiver.posted.append(posted)
                reply = left.pop(0) if left else answer(posted) if answer is not None else Reply()
                if reply.hang_up:
                    self.close_connection = True
                    self.connection.close()
                elif reply.drip_s:
                    self._drip(reply.drip_s)
                else:
                    self.send_response(reply.status)
                    for name, value in reply.headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(reply.body) + reply.kept_back))
                    self.end_headers()
                    self.wfile.write(reply.body)
                    self.close_connection = self.close_connection or bool(reply.kept_back)

            do_GET = do_PUT = do_POST  # noqa: N815  # http.server's names

            def _drip(self, seconds: float) -> None:
                end = time.monotonic() + seconds
                try:
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                    while time.monotonic() < end:
                        self.wfile.write(b"x")
                        self.wfile.flush()
                        time.sleep(0.02)
                except OSError:
                    receiver.cut.set()
                self.close_connection = True

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = int(self.server.server_address[1])


@contextmanager
def http_receiver(
    *replies: Reply, tls: ssl.SSLContext | None = None, answer: Callable[[Posted], Reply] | None = None
) -> Iterator[HttpReceiver]:
    receiver = HttpReceiver(replies, answer)
    if tls is not None:
        receiver.server.socket = tls.wrap_socket(receiver.server.socket, server_side=True)
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        receiver.server.server_close()
        thread.join()


class Mailbox:
    """Keeps mails; `refuse`: addresses and what they are answered; `on_data`: the answer to the mail."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.envelopes: list[Envelope] = []
        self.refuse: dict[str, str] = {}
        self.on_data = "250 kept"
        self.port = 0

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # as above
        if self.on_data.startswith("250"):
            assert isinstance(envelope.content, bytes)
            mail = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
            self.envelopes.append(envelope)
        return self.on_data


class _OnAnyPort(Controller):
    """Port 0 lets the system choose; the controller's own check at the start must know what was chosen."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]  # aiosmtpd types some of itself


@contextmanager
def smtp_server() -> Iterator[Mailbox]:
    mailbox = Mailbox()
    controller = _OnAnyPort(mailbox, hostname="127.0.0.1", port=0)
    controller.start()
    mailbox.port = controller.port
    try:
        yield mailbox
    finally:
        controller.stop()


def message(**changed: Any) -> Message:
    """A notice's message."""
    made: dict[str, Any] = {
        "key": "key-1",
        "thread": "thread-1",
        "title": "HIGH · Delivered by the promised day is unreliable · region RJ",
        "lines": (
            '"Your parcel is with you by the day we told you."',
            "31 customers let down since Wed 13 Dec, 00:00 UTC; 28 still waiting. Usual for so many: 14.",
            "Region RJ: 33 of 117. Elsewhere: 24 of 233.",
            "Do first: https://runbooks.example/delivery_late",
        ),
        "level": "high",
        "link": "https://momentwatch.example/interruptions/thread-1",
        "state": "open",
    }
    return Message(**{**made, **changed})
