"""Sends a mail to where an apprise mailto URL says: text and HTML, in its thread, with its own Message-ID.

apprise reads the URL. Its own mails carry a random Message-ID, make their text part from the HTML, go out
one a recipient, and a failure keeps its SMTP code to itself; so the mail is made and handed over here.
"""

import contextlib
import re
import smtplib
import ssl
from collections.abc import Iterable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, formataddr
from typing import Any

import msgspec
from apprise.plugins.email.base import NotifyEmail
from apprise.plugins.email.common import SecureMailMode

from service.adapters.sender.forms import form
from service.adapters.sender.wire import Wire
from service.core.outbox import Delivery
from service.core.telling.route import Message

_ID = re.compile(r"<[A-Za-z0-9._-]+@[A-Za-z0-9._-]+>")
_TRANSIENT = range(400, 500)
_LOGIN = frozenset({530, 534, 535, 538})
"""The server knows nobody by these credentials: a new secret mends that, so that another try is worth it."""


class _Noting:
    """Notes that the message itself is about to leave: what breaks from here on may have arrived."""

    wire: Wire

    def data(self, msg: Any) -> Any:
        self.wire.handed_over = True
        return super().data(msg)  # type: ignore[misc]  # smtplib.SMTP's, mixed in below


class _Plain(_Noting, smtplib.SMTP):
    pass


class _Tls(_Noting, smtplib.SMTP_SSL):
    pass


class Post:
    """One mail to everybody that a URL names; `delivery` stands as soon as the server took it."""

    def __init__(self, server: NotifyEmail, message: Message, wire: Wire, timeout_s: float) -> None:
        self.delivery: Delivery | None = None
        self._server = server
        self._message = message
        self._wire = wire
        self._timeout_s = timeout_s

    def send(self) -> Delivery:
        """Connect, log in, hand over."""
        made = mail(self._server, self._message).as_bytes()
        try:
            with contextlib.ExitStack() as stack:
                connection = self._connect(stack)
                recipients = _recipients(self._server)
                sender = str(self._server.from_addr[1])
                refused = connection.sendmail(sender, recipients, made)
                taken = _taken(len(recipients), refused)
                self.delivery = msgspec.structs.replace(taken, handle=message_id(self._server, self._message))
        except (smtplib.SMTPException, OSError) as error:
            self.delivery = _trouble(error, self._wire)
        return self.delivery

    def _connect(self, stack: contextlib.ExitStack) -> smtplib.SMTP:
        server = self._server
        context = ssl.create_default_context()
        if not server.verify_certificate:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        place = (str(server.smtp_host), int(server.port or 0))
        connection: _Plain | _Tls
        if server.secure_mode == SecureMailMode.SSL:
            connection = _Tls(*place, timeout=self._timeout_s, context=context)
        else:
            connection = _Plain(*place, timeout=self._timeout_s)
        connection.wire = self._wire
        stack.callback(_leave, connection)
        if server.secure_mode == SecureMailMode.STARTTLS:
            connection.starttls(context=context)
        if server.user and server.password:
            connection.login(server.user, server.password)
        return connection


def mail(server: NotifyEmail, message: Message) -> EmailMessage:
    """The mail: the standard library refuses a header with a line break, and there is none left to refuse."""
    shown = form(message, "mailto")
    made = EmailMessage(policy=SMTP_POLICY)
    made["Subject"] = shown.title
    made["From"] = _shown(server.from_addr)
    made["To"] = ", ".join(map(_shown, server.targets))
    if server.cc:
        made["Cc"] = ", ".join(sorted(server.cc))
    if server.reply_to:
        made["Reply-To"] = ", ".join(sorted(server.reply_to))
    made["Date"] = format_datetime(datetime.now(UTC))
    # The same notice always has the same Message-ID, so that a mailbox can drop a double.
    made["Message-ID"] = message_id(server, message)
    if _ID.fullmatch(message.root):
        made["In-Reply-To"] = message.root
        made["References"] = message.root
    made["Auto-Submitted"] = "auto-generated"
    if message.level == "critical" and message.state == "open":
        made["Importance"] = "high"
    made.set_content(shown.body)
    made.add_alternative(shown.html, subtype="html")
    for name, value in server.headers.items():
        if name.strip().lower() not in {known.lower() for known in made}:
            made[_atom(name)] = " ".join(str(value).split())
    return made


def message_id(server: NotifyEmail, message: Message) -> str:
    """What a mail is called: those that follow name the first of their conversation by it."""
    domain = str(server.from_addr[1]).rpartition("@")[2] or "localhost"
    return f"<{_atom(message.key)}@{_atom(domain)}>"


def _shown(named: Any) -> str:
    """A pair of a name, or False, and an address."""
    name, address = named
    return formataddr((str(name) if name else None, str(address)))


def _recipients(server: NotifyEmail) -> list[str]:
    to = [str(address) for _, address in server.targets]
    return list(dict.fromkeys([*to, *sorted(server.cc), *sorted(server.bcc)]))


def _atom(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", text)


def _leave(connection: smtplib.SMTP) -> None:
    """What breaks on the way out, once the server took the mail, changes nothing."""
    with contextlib.suppress(smtplib.SMTPException, OSError):
        connection.quit()
    connection.close()


def _taken(recipients: int, refused: dict[str, tuple[int, bytes]]) -> Delivery:
    """Taken for at least one. The others are not tried again: that would double it for those who have it."""
    if not refused:
        return Delivery("sent", f"taken for {recipients}")
    codes = sorted({code for code, _ in refused.values()})
    return Delivery("sent", f"taken for {recipients - len(refused)} of {recipients}; refused with {_listed(codes)}")


def _trouble(error: Exception, wire: Wire) -> Delivery:
    if wire.refused is not None:
        return Delivery("failed", wire.refused)
    match error:
        case smtplib.SMTPRecipientsRefused():
            codes = sorted({code for code, _ in error.recipients.values()})
            again = any(code in _TRANSIENT for code in codes)
            return Delivery("failed", f"every recipient refused with {_listed(codes)}", retryable=again)
        case smtplib.SMTPResponseException():
            code = error.smtp_code
            known = code in _TRANSIENT or code in _LOGIN
            # A negative code is no answer of a server, but smtplib's word for a line it could not read.
            if code < 0:
                return _lost(wire, error)
            return Delivery("failed", f"the server answered {code}", retryable=known)
        case _:
            return _lost(wire, error)


def _lost(wire: Wire, error: Exception) -> Delivery:
    kind = type(error).__name__
    if wire.handed_over:
        return Delivery("unknown", f"the connection broke after the message was handed over ({kind})")
    return Delivery("failed", f"not handed over ({kind})")


def _listed(codes: Iterable[int]) -> str:
    return ", ".join(map(str, codes))
