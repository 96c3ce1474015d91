"""Posts, handed to a real HTTP server that answers as targets do."""

import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from apprise.plugins.discord import NotifyDiscord
from apprise.plugins.slack import NotifySlack

from service.adapters.sender.verdict import seconds
from tests.adapters.sender.conftest import Build
from tests.adapters.sender.receivers import HttpReceiver, Reply, http_receiver, message

HOSTILE = message(
    title="HIGH · [pay](https://evil.example) <!channel> @channel",
    lines=("region <b>&</b> @here *x* `y`\nsecond [a](http://b)", "# two", "three", "four"),
)


def test_a_json_post_carries_text_key_thread_and_link(build: Build, receiver: HttpReceiver) -> None:
    delivery = build(hook=f"json://127.0.0.1:{receiver.port}/in").send("hook", message())
    assert (delivery.outcome, delivery.detail) == ("sent", "answered 200")
    (posted,) = receiver.posted
    body = posted.json
    assert body["title"] == message().title
    assert body["message"] == "\n".join([*message().lines, message().link])
    assert {name: body[name] for name in ("key", "thread", "level", "state", "repeat", "type")} == {
        "key": "key-1",
        "thread": "thread-1",
        "level": "high",
        "state": "open",
        "repeat": False,
        "type": "failure",
    }
    assert posted.headers["Idempotency-Key"] == "key-1"


def test_a_mattermost_post_calls_nobody_and_carries_no_markdown_of_others(build: Build, receiver: HttpReceiver) -> None:
    notifier = build(chat=f"mmost://127.0.0.1:{receiver.port}/0123456789abcdef0123456789")
    assert notifier.send("chat", HOSTILE).outcome == "sent"
    text = receiver.posted[0].json["text"]
    assert "@channel" not in text
    assert "@here" not in text
    assert "\\[pay\\](https://evil.example)" in text
    assert "\\<b\\>&\\</b\\>" in text
    assert "\n\\# two" in text


def test_a_slack_post_escapes_what_slack_reads(
    build: Build, receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NotifySlack, "webhook_url", f"http://127.0.0.1:{receiver.port}/services")
    notifier = build(slack="slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#ops")
    assert notifier.send("slack", HOSTILE).outcome == "sent"
    raw = receiver.posted[0].body.decode()
    head, section, *_ = receiver.posted[0].json["blocks"]
    assert "<!channel>" not in raw
    assert "@channel" not in raw
    assert "&lt;!channel&gt;" in head["text"]["text"]
    assert "&lt;b&gt;&amp;&lt;/b&gt;" in section["text"]["text"]
    assert section["text"]["verbatim"] is True
    assert "&amp;lt;" not in raw


def test_a_discord_post_mentions_nobody(build: Build, receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NotifyDiscord, "notify_url", f"http://127.0.0.1:{receiver.port}/hooks", raising=True)
    notifier = build(chat="discord://123456789012345678/abcdefghijklmnopqrstuvwxyz")
    notifier.send("chat", message(lines=("@everyone <@&1234> <@99>",)))
    raw = receiver.posted[0].body.decode()
    assert "@everyone" not in raw
    assert "<@&" not in raw
    assert "<@9" not in raw
    assert not receiver.posted[0].json.get("allow_mentions", {}).get("parse")


def test_a_phone_gets_three_lines_and_the_link(build: Build, receiver: HttpReceiver) -> None:
    build(phone=f"gotify://127.0.0.1:{receiver.port}/AbCdEfGhIjKlMnO").send("phone", message())
    shown = receiver.posted[0].json
    assert shown["title"] == message().title
    assert shown["message"] == "\n".join([*message().lines[:2], message().link])


# --- trouble ---


@pytest.mark.parametrize(
    ("reply", "outcome", "retryable", "retry_after"),
    [
        (Reply(429, {"Retry-After": "120"}), "failed", True, 120.0),
        (Reply(503, {"Retry-After": "7"}), "failed", True, 7.0),
        (Reply(500), "failed", True, None),
        (Reply(400), "failed", False, None),
        (Reply(410), "failed", False, None),
        (Reply(401), "failed", True, None),
        (Reply(404), "failed", True, None),
        (Reply(504), "unknown", True, None),
        (Reply(hang_up=True), "unknown", True, None),
    ],
    ids=["429", "503", "500", "400", "410", "401", "404", "504", "hang-up"],
)
def test_an_answer_means_what_it_says(
    build: Build, reply: Reply, outcome: str, retry_after: float | None, *, retryable: bool
) -> None:
    with http_receiver(reply) as receiver:
        notifier = build(hook=f"json://127.0.0.1:{receiver.port}/")
        delivery = notifier.send("hook", message())
        assert (delivery.outcome, delivery.retryable, delivery.retry_after) == (
            outcome,
            retryable,
            retry_after,
        )
        assert notifier.send("hook", message()).outcome == "sent"


def test_retry_after_may_be_a_date() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert seconds(format_datetime(now + timedelta(minutes=2), usegmt=True), now) == 120.0
    assert seconds("Mon, 01 Jan 1990 00:00:00 GMT", now) == 0.0


@pytest.mark.parametrize("nonsense", ["", "soon", "-5", "1e9", "9" * 5000, "\u0663", None])
def test_a_retry_after_that_makes_no_sense_does_no_harm(nonsense: str | None) -> None:
    wait = seconds(nonsense, datetime(2026, 1, 1, tzinfo=UTC))
    assert wait is None or 0 <= wait <= 86_400


def test_a_redirect_is_not_followed(build: Build) -> None:
    with http_receiver() as elsewhere:
        to = Reply(307, {"Location": f"http://127.0.0.1:{elsewhere.port}/stolen"})
        with http_receiver(to) as receiver:
            # The URL asks for it, and still.
            delivery = build(hook=f"json://127.0.0.1:{receiver.port}/?redirect=yes").send("hook", message())
        assert delivery.outcome == "failed"
        assert "redirect" in delivery.detail
        assert not elsewhere.posted


def test_a_target_that_is_down_is_a_failure_worth_another_try(build: Build) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    delivery = build(hook=f"json://127.0.0.1:{port}/").send("hook", message())
    assert (delivery.outcome, delivery.detail, delivery.retryable) == ("failed", "no connection", True)


def test_a_dripping_target_is_cut_at_the_deadline_and_its_outcome_unknown(build: Build) -> None:
    with http_receiver(Reply(drip_s=10)) as receiver:
        notifier = build(hook=f"json://127.0.0.1:{receiver.port}/", deadline_s=0.8)
        started = time.monotonic()
        delivery = notifier.send("hook", message())
        assert delivery.outcome == "unknown"
        assert time.monotonic() - started < 2.5
        assert receiver.cut.wait(2), "the connection stays open behind an abandoned send"
        assert not [thread for thread in threading.enumerate() if thread.name == "send"]


def test_a_target_that_never_accepts_was_never_told_anything(build: Build) -> None:
    """A full backlog: the connection hangs, so that nothing can have arrived."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        delivery = build(hook=f"json://127.0.0.1:{port}/", deadline_s=0.8).send("hook", message())
        for filler in fillers:
            filler.close()
    assert (delivery.outcome, delivery.retryable) == ("failed", True)


def test_an_answer_that_accepts_in_part_is_unknown(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    with http_receiver(Reply(200), Reply(500)) as receiver:
        monkeypatch.setattr(NotifySlack, "webhook_url", f"http://127.0.0.1:{receiver.port}/services")
        monkeypatch.setattr(NotifySlack, "request_rate_per_sec", 0)
        notifier = build(slack="slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#ops/#more")
        delivery = notifier.send("slack", message())
        assert (delivery.outcome, len(receiver.posted)) == ("unknown", 2)
