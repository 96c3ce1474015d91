"""What reaches the owner's inbox: one mail when an interruption opens and one when it resolves, and no history."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from service.adapters.catalog import load
from service.adapters.clock import wall_clock
from service.adapters.kafka.settings import KafkaSettings
from service.adapters.kafka.source import KafkaSource
from service.adapters.store import open_store
from service.app import reading
from service.app import service as app
from service.app.notifier import build_notifier
from service.core.event import DAY, HOUR, MINUTE
from service.settings import Send
from tests.adapters.sender.receivers import Mailbox, smtp_server
from tests.e2e.events import MOMENT, OWNER, RULE, outcome, produce, producing, source, stretch, trouble
from tests.e2e.running import Serve, kafka_at, until, write_catalogue
from tests.harness.kafka import KafkaBroker

SEND: dict[str, Any] = {"allow_hosts": ["127.0.0.0/8"]}


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with smtp_server() as started:
        yield started


def catalogue(folder: Path, mailbox: Mailbox, topic: str, clock: str) -> Path:
    """The shop, its owner with a mail address."""
    address = folder / "address"
    address.write_text(f"mailto://127.0.0.1:{mailbox.port}/?from=watch@momentwatch.example&to=ops@shop.example\n")
    target = {"kind": "Target", "name": "inbox", "url": {"file": str(address)}}
    return write_catalogue(
        folder / "rules", {**OWNER, "targets": ["inbox"]}, target, MOMENT, RULE, source(topic, clock)
    )


def text_of(mail: Any) -> str:
    """A mail's plain text."""
    return str(mail.get_body(("plain",)).get_content())


def test_one_mail_when_it_opens_and_one_when_it_resolves_in_one_thread(
    tmp_path: Path, kafka_broker: KafkaBroker, kafka_topic: str, mailbox: Mailbox
) -> None:
    # The detectors judge quarters of an hour, the rule each minute: the restart below is between the two.
    start = wall_clock() // HOUR * HOUR - DAY
    address = kafka_broker.bootstrap_servers
    rules = catalogue(tmp_path, mailbox, kafka_topic, "event")
    public: dict[str, Any] = {"public_url": "https://watch.shop.example", "send": SEND}
    service = Serve(tmp_path / "run", rules, kafka_at(address), **public).begin()
    events = trouble(start)
    produce(address, kafka_topic, events[: len(events) // 2])
    service.until(lambda: len(mailbox.mails) == 1, "the first mail")
    # A restart in the middle tells nothing twice, neither to the owner nor to the timeline.
    assert service.end() == 0, service.log_tail()
    service.begin()
    produce(address, kafka_topic, events[len(events) // 2 :])
    service.until(lambda: len(mailbox.mails) == 2, "the second mail")
    service.until(lambda: service.metric("notices_waiting") == 0, "an empty outbox")
    assert service.end() == 0, service.log_tail()
    opened, resolved = mailbox.mails
    assert opened["To"] == resolved["To"] == "ops@shop.example"
    assert resolved["References"] == resolved["In-Reply-To"] == opened["Message-ID"]
    assert opened["Message-ID"] != resolved["Message-ID"]
    assert "HIGH" in opened["Subject"]
    assert resolved["Subject"].startswith("RESOLVED")
    assert "It is with you by the day we told you." in text_of(opened)
    with closing(open_store(service.database, load(rules).catalog.moments)) as store:
        (row,) = store.interruptions()
        identity = row.id
        assert [entry.what for entry in store.timeline(identity)] == ["opened", "resolved"]
    assert f"https://watch.shop.example/interruptions/{identity}" in text_of(opened)

    quiet = Serve(tmp_path / "shadow", rules, kafka_at(address), "--shadow", **public).begin()
    quiet.until(lambda: quiet.metric("events_accepted_total") == len(events), "the events")
    quiet.until(lambda: quiet.metric("interruptions_opened_total") == 1, "the interruption")
    quiet.until(lambda: identity in quiet.get("/interruptions")[1], "the interruption on the page")
    assert quiet.metric("notices_waiting") == 0
    assert quiet.end() == 0, quiet.log_tail()
    assert len(mailbox.mails) == 2


def test_a_first_start_reads_the_past_in_silence_and_tells_what_is_still_open_once_as_found_late(
    tmp_path: Path, kafka_broker: KafkaBroker, kafka_topic: str, mailbox: Mailbox
) -> None:
    now = wall_clock()
    address = kafka_broker.bootstrap_servers
    rules = catalogue(tmp_path, mailbox, kafka_topic, "live")
    with producing(address) as producer:
        for event in stretch("too-old", now - 3 * DAY, now - 3 * DAY + HOUR):
            producer.send(kafka_topic, event, timestamp_ms=(now - 3 * DAY) // 1000)
        past = [*trouble(now - 6 * HOUR), *stretch("calm", now - 5 * HOUR, now - 2 * HOUR)]
        still = stretch("still", now - 2 * HOUR, now, broken=True)
        for event in [*past, *still]:
            producer.send(kafka_topic, event, timestamp_ms=(now - 6 * HOUR) // 1000)
    service = Serve(tmp_path / "run", rules, kafka_at(address), "--learn-from", "1d", send=SEND).begin()
    service.until(lambda: service.metric("events_read_total") == len(past) + len(still), "the last day's events")
    service.until(lambda: len(mailbox.mails) == 1, "the mail")
    assert service.metric("events_late_total") == 0
    assert service.end() == 0, service.log_tail()

    # A restart does not tell it again.
    again = wall_clock()
    service.begin()
    produce(address, kafka_topic, [outcome("again", again, broken=True)])
    service.until(lambda: service.metric("events_accepted_total") == 1, "the event")
    service.until(lambda: service.metric("watermark_lag_seconds") < 30, "the present")
    assert service.end() == 0, service.log_tail()
    (mail,) = mailbox.mails
    assert "ound" in mail["Subject"] + text_of(mail), text_of(mail)
    with closing(open_store(service.database, load(rules).catalog.moments)) as store:
        old, open_now = store.interruptions()
        assert (old.state, open_now.state) == ("resolved", "open")
        assert [row.notice.reason for row in store.outbox()] == ["found_late"]


def test_after_hours_of_outage_nothing_is_late_and_nobody_is_paged_about_history(
    tmp_path: Path, kafka_broker: KafkaBroker, kafka_topic: str, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = kafka_broker.bootstrap_servers
    rules = catalogue(tmp_path, mailbox, kafka_topic, "live")
    away_for = 6 * HOUR
    service = Serve(tmp_path / "run", rules, kafka_at(address), send=SEND)

    # Its life before the outage, by a clock that is six hours slow.
    def slow() -> int:
        return wall_clock() - away_for

    for module in (app, reading):
        monkeypatch.setattr(module, "wall_clock", slow)
    began = slow()
    produce(address, kafka_topic, stretch("before", began - 10 * MINUTE, began))
    catalog = load(rules).catalog
    store = open_store(service.database, catalog.moments)
    settings = KafkaSettings(bootstrap_servers=(address,), group_id="run")
    before = app.Service(
        catalog,
        store,
        KafkaSource(settings, [kafka_topic], slow),
        build_notifier(Send(**SEND), catalog.targets),
        app.Options(port=0),
    )
    before.start()
    with closing(before):
        until(lambda: store.counts().accepted.total() == 60, "the events before")
        until(lambda: (store.status("delivered").closed_through or 0) > began - 2 * MINUTE, "the time before")
    monkeypatch.undo()

    ended = wall_clock()
    events = [*trouble(began + HOUR), *stretch("calm", began + 2 * HOUR, ended)]
    produce(address, kafka_topic, events)
    service.begin()
    service.until(lambda: service.metric("events_accepted_total") == len(events), "what came meanwhile")
    service.until(lambda: len(mailbox.mails) == 1, "one quiet notice")
    service.until(lambda: service.metric("watermark_lag_seconds") < 30, "the present")
    service.until(lambda: service.metric("blind") == 0, "sight")
    assert service.metric("events_late_total") == 0
    assert service.end() == 0, service.log_tail()
    assert len(mailbox.mails) == 1
    with closing(open_store(service.database, catalog.moments)) as store:
        (row,) = store.outbox()
        assert (row.notice.reason, row.notice.message.level) == ("was_open_while_away", "low")
        (span,) = store.blind("delivered", began, ended + HOUR)
        assert span.until is not None
