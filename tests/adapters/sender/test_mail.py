"""Mails, handed to a real SMTP server and read back."""

import re
import socket
import threading
import time
from email.message import EmailMessage

import pytest

from service.core.telling.route import Message
from tests.adapters.sender.conftest import Build
from tests.adapters.sender.receivers import Mailbox, message

FROM = "from=watch@momentwatch.example"


def url(mailbox: Mailbox, to: str = "ops@shop.example") -> str:
    return f"mailto://127.0.0.1:{mailbox.port}/?{FROM}&to={to}"


def part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content())


def test_one_mail_a_notice_with_its_first_line_as_subject_text_and_html(build: Build, mailbox: Mailbox) -> None:
    delivery = build(ops=url(mailbox)).send("ops", message())
    assert delivery.outcome == "sent", delivery
    (mail,) = mailbox.mails
    assert mail["Subject"] == "HIGH · Delivered by the promised day is unreliable · region RJ"
    assert mail["To"] == "ops@shop.example"
    assert part(mail, "plain").splitlines()[:2] == list(message().lines[:2])
    html = part(mail, "html")
    assert "31 customers let down" in html
    assert '<a href="https://momentwatch.example/interruptions/thread-1"' in html
    assert '<a href="https://runbooks.example/delivery_late"' in html


def test_a_mail_says_the_level_apart_and_asks_with_its_button(build: Build, mailbox: Mailbox) -> None:
    notifier = build(ops=url(mailbox))
    notifier.send("ops", message(asks=True))
    notifier.send("ops", message(key="over", title="RESOLVED · It is reliable again", state="resolved"))
    first, last = (part(mail, "html") for mail in mailbox.mails)
    assert ">HIGH</p>" in first
    assert ">Delivered by the promised day is unreliable · region RJ</h1>" in first
    assert ">Open and acknowledge</a>" in first
    assert "#b3261e" in first
    assert ">Open in momentwatch</a>" in last
    assert "#b3261e" not in last
    # Nothing is fetched when it is opened.
    assert not re.search(r"src=|url\(|@import|<script|<link", first + last)


def test_several_recipients_get_one_mail_in_one_transaction(build: Build, mailbox: Mailbox) -> None:
    notifier = build(ops=url(mailbox, "a@shop.example,b@shop.example") + "&bcc=c@shop.example")
    assert notifier.send("ops", message()).outcome == "sent"
    (mail,) = mailbox.mails
    assert mailbox.envelopes[0].rcpt_tos == ["a@shop.example", "b@shop.example", "c@shop.example"]
    assert "c@shop.example" not in mail.as_string()


def test_a_notice_keeps_its_message_id_and_what_follows_names_the_first(build: Build, mailbox: Mailbox) -> None:
    notifier = build(ops=url(mailbox))
    root = notifier.send("ops", message(key="opened")).handle
    notifier.send("ops", message(key="opened"))
    notifier.send("ops", message(key="resolved", root=root))
    first, again, resolved = mailbox.mails
    assert first["Message-ID"] == again["Message-ID"] == "<opened@momentwatch.example>"
    assert resolved["Message-ID"] == "<resolved@momentwatch.example>"
    assert (first["References"], first["In-Reply-To"]) == (None, None)
    assert resolved["References"] == resolved["In-Reply-To"] == first["Message-ID"]


HOSTILE = "x\r\nBcc: all@shop.example\r\n\r\n<script>alert(1)</script>\u2028 \ud800"


@pytest.mark.parametrize(
    "hostile",
    [
        message(title=HOSTILE),
        message(lines=(HOSTILE,)),
        message(key=HOSTILE, thread=HOSTILE),
        message(link=f"javascript:{HOSTILE}"),
    ],
    ids=["title", "lines", "key", "link"],
)
def test_text_from_outside_adds_no_header_no_recipient_and_no_markup(
    build: Build, mailbox: Mailbox, hostile: Message
) -> None:
    assert build(ops=url(mailbox)).send("ops", hostile).outcome == "sent"
    (mail,) = mailbox.mails
    assert mail["Bcc"] is None
    assert mailbox.envelopes[0].rcpt_tos == ["ops@shop.example"]
    assert "<script>" not in part(mail, "html")
    assert "javascript:" not in part(mail, "html")


def test_a_repeat_says_so_in_every_body(build: Build, mailbox: Mailbox) -> None:
    notifier = build(ops=url(mailbox))
    notifier.send("ops", message(repeat=True))
    notifier.send("ops", message(repeat=True, html="<p>made</p>"))
    for mail in mailbox.mails:
        assert "You may have this already" in part(mail, "plain")
        assert "You may have this already" in part(mail, "html")


def test_a_refused_recipient_does_not_double_the_mail_for_the_others(build: Build, mailbox: Mailbox) -> None:
    mailbox.refuse = {"b@shop.example": "550 nobody here"}
    delivery = build(ops=url(mailbox, "a@shop.example,b@shop.example")).send("ops", message())
    assert (delivery.outcome, delivery.detail) == ("sent", "taken for 1 of 2; refused with 550")


@pytest.mark.parametrize(("answer", "retryable"), [("451 later", True), ("421 closing", True), ("554 never", False)])
def test_a_refusal_is_final_where_the_server_says_so(
    build: Build, mailbox: Mailbox, answer: str, *, retryable: bool
) -> None:
    mailbox.on_data = answer
    delivery = build(ops=url(mailbox)).send("ops", message())
    assert (delivery.outcome, delivery.retryable) == ("failed", retryable)
    assert answer[:3] in delivery.detail


def test_every_recipient_refused_for_now_is_tried_again(build: Build, mailbox: Mailbox) -> None:
    mailbox.refuse = {"ops@shop.example": "450 greylisted"}
    delivery = build(ops=url(mailbox)).send("ops", message())
    assert (delivery.outcome, delivery.retryable) == ("failed", True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_server_that_is_down_is_a_failure_worth_another_try(build: Build) -> None:
    delivery = build(ops=f"mailto://127.0.0.1:{free_port()}/?{FROM}&to=a@shop.example").send("ops", message())
    assert (delivery.outcome, delivery.retryable) == ("failed", True)
    assert delivery.detail == "not handed over (ConnectionRefusedError)"


class Script:
    """An SMTP server that says its lines and then falls silent, or hangs up."""

    def __init__(self, *, silent_after: str, hang_up: bool = False) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listening.getsockname()[1])
        self._silent_after = silent_after
        self._hang_up = hang_up
        self._over = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        connection, _ = self.listening.accept()
        with connection, connection.makefile("rb") as lines:
            stage = "greeting"
            connection.sendall(b"220 here\r\n")
            for line in lines:
                word = line.split()[0].upper().decode() if line.split() else ""
                if stage != "body":
                    stage = {"EHLO": "hello", "MAIL": "mail", "RCPT": "rcpt", "DATA": "data"}.get(word, "quit")
                elif line == b".\r\n":
                    stage = "taken"
                else:
                    continue
                if stage == self._silent_after:
                    break
                connection.sendall(b"354 go\r\n" if stage == "data" else b"250 ok\r\n")
                stage = "body" if stage == "data" else stage
            if not self._hang_up:
                self._over.wait(5)

    def close(self) -> None:
        self._over.set()
        self.listening.close()


@pytest.mark.parametrize(
    ("silent_after", "hang_up", "outcome"),
    [
        ("rcpt", True, "failed"),
        ("taken", True, "unknown"),
        ("taken", False, "unknown"),
        ("quit", False, "sent"),
        ("rcpt", False, "failed"),
    ],
)
def test_what_breaks_counts_by_whether_the_mail_had_been_handed_over(
    build: Build, silent_after: str, outcome: str, *, hang_up: bool
) -> None:
    script = Script(silent_after=silent_after, hang_up=hang_up)
    try:
        notifier = build(ops=f"mailto://127.0.0.1:{script.port}/?{FROM}&to=a@shop.example", deadline_s=1.0)
        started = time.monotonic()
        delivery = notifier.send("ops", message())
        assert delivery.outcome == outcome, delivery
        assert time.monotonic() - started < 2.5
    finally:
        script.close()


def test_pgp_is_refused_rather_than_left_out(build: Build, mailbox: Mailbox) -> None:
    delivery = build(ops=url(mailbox) + "&pgp=sign").send("ops", message())
    assert delivery.outcome == "failed"
    assert "pgp" in delivery.detail
    assert not mailbox.mails
