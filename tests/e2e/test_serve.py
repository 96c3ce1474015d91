"""`momentwatch serve` as a process of its own, on a real broker and SQLite."""

import time
from contextlib import closing
from itertools import pairwise
from pathlib import Path

from service.adapters.catalog import load
from service.adapters.clock import wall_clock
from service.adapters.store import open_store
from service.core.event import DAY, MINUTE, SECOND
from tests.e2e.events import MOMENT, OWNER, RULE, outcome, produce, source, stretch
from tests.e2e.running import Serve, kafka_at, momentwatch, write_catalogue
from tests.harness.fixtures import BrokerFactory
from tests.harness.kafka import KafkaBroker
from tests.harness.process import LOOPBACK, free_port

ARENA = 64 << 20


def test_events_are_counted_and_shown_sigterm_drains_and_a_restart_doubles_nothing(
    tmp_path: Path, kafka_broker: KafkaBroker
) -> None:
    topic = kafka_broker.create_topic(partitions=3)
    address = kafka_broker.bootstrap_servers
    rules = write_catalogue(tmp_path / "rules", OWNER, MOMENT, RULE, source(topic))
    now = wall_clock()
    good = stretch("first", now - 5 * MINUTE, now, each=SECOND)
    doubled = [outcome("doubled", now)] * 2
    produce(address, topic, good)
    produce(address, topic, [*doubled, b"no JSON", b'{"id":"x"}'], partition=0)
    service = Serve(tmp_path / "run", rules, kafka_at(address)).begin()
    service.until(lambda: service.metric("events_read_total") == len(good) + 4, "all records")
    assert service.metric("events_accepted_total") == len(good) + 1
    assert service.metric("events_duplicate_total") == 1
    assert service.metric("events_rejected_total") == 2
    assert service.metric("reconcile_difference") == 0
    assert service.metric("events_late_total") == 0
    service.until(lambda: service.metric("week_attempts") == len(good) + 1, "the tally")
    assert service.get("/healthz")[0] == 200
    status, page = service.get("/")
    assert status == 200
    assert "delivered" in page
    assert _arenas(service.pid) <= 2, "each thread keeps memory of its own"
    assert service.end() == 0, service.log_tail()

    produce(address, topic, stretch("second", now, now + 100 * SECOND, each=SECOND))
    service.begin()
    service.until(lambda: service.metric("events_accepted_total") == 100, "what came while it was away")
    # A second reading would come at once.
    time.sleep(1)
    assert service.metric("events_read_total") == 100
    assert service.metric("events_duplicate_total") == 0
    assert service.end() == 0, service.log_tail()
    with closing(open_store(service.database, load(rules).catalog.moments)) as store:
        counts = store.counts()
        assert counts.accepted.total() == len(good) + 1 + 100
        assert counts.read == counts.accepted.total() + 1 + 2
        sums = [totals for _, totals in store.totals("delivered", now - DAY, now + DAY, DAY)]
        assert sum(total.attempts for total in sums) == len(good) + 1 + 100
        letters = store.dead_letters()
        assert {(letter.partition.topic, letter.partition.number) for _, letter in letters} == {(topic, 0)}
        assert {letter.reason for _, letter in letters} == {"not_json", "missing_field"}


def _arenas(pid: int) -> int:
    """How many arenas beside the first glibc keeps for a process: 64 MiB of addresses each, of which some is used."""
    lines = [line.split() for line in Path(f"/proc/{pid}/maps").read_text().splitlines()]
    spans = [(int(a, 16), int(b, 16), kind) for (a, b), kind in ((ln[0].split("-"), ln[1]) for ln in lines)]
    return sum(
        start % ARENA == 0 and (kind, rest) == ("rw-p", "---p") and end == after and last - start == ARENA
        for (start, end, kind), (after, last, rest) in pairwise(spans)
    )


def test_it_starts_while_the_broker_is_away_says_so_and_goes_on_when_the_broker_comes(
    tmp_path: Path, kafka_brokers: BrokerFactory
) -> None:
    broker = kafka_brokers()
    topic = broker.create_topic()
    rules = write_catalogue(tmp_path / "rules", OWNER, MOMENT, source(topic))
    now = wall_clock()
    produce(broker.bootstrap_servers, topic, stretch("before", now - MINUTE, now, each=SECOND))
    broker.stop()
    service = Serve(tmp_path / "run", rules, kafka_at(broker.bootstrap_servers))
    service.start()
    service.until(lambda: service.get("/healthz")[0] == 200, "the page")
    assert not service.ready(), "ready before any broker was reached"
    service.until(lambda: "no broker" in service.parts()["source"], "the reason")
    parts = service.parts()
    assert (parts["database"], parts["catalogue"]) == ("ok", "ok")
    assert service.get("/")[0] == 200
    broker.start()
    service.until(service.ready, "readiness")
    service.until(lambda: service.metric("events_accepted_total") == 60, "the events")
    broker.kill()
    service.until(lambda: not service.ready(), "that the broker is away again")
    assert service.end() == 0, service.log_tail()


def test_a_port_that_is_taken_is_said_in_one_line(tmp_path: Path, kafka_topic: str) -> None:
    rules = write_catalogue(tmp_path / "rules", OWNER, MOMENT, source(kafka_topic))
    away = kafka_at(f"{LOOPBACK}:{free_port()}")
    first = Serve(tmp_path / "first", rules, away)
    first.start()
    first.until(lambda: first.get("/healthz")[0] == 200, "the page")
    config = tmp_path / "second.yaml"
    config.write_text((tmp_path / "first" / "momentwatch.yaml").read_text())
    done = momentwatch("serve", "--config", config)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert f"127.0.0.1:{first.port}" in done.stderr.splitlines()[-1]
    config.write_text(config.read_text().replace(str(first.port), str(free_port())))
    (tmp_path / "momentwatch.db").unlink(missing_ok=True)
    config.write_text(config.read_text() + f"database: {{url: '{first.database}'}}\n")
    done = momentwatch("serve", "--config", config)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "another process" in done.stderr
    assert first.end() == 0


def test_a_bad_catalogue_and_one_without_a_topic_end_with_code_2(tmp_path: Path) -> None:
    away = kafka_at(f"{LOOPBACK}:{free_port()}")
    bad = write_catalogue(tmp_path / "bad", OWNER, {**MOMENT, "owner": "nobody"})
    Serve(tmp_path / "run", bad, away)
    done = momentwatch("serve", "--config", tmp_path / "run" / "momentwatch.yaml")
    assert done.returncode == 2
    assert "catalogue.yaml:" in done.stderr
    mute = write_catalogue(tmp_path / "mute", OWNER, MOMENT)
    Serve(tmp_path / "run", mute, away)
    done = momentwatch("serve", "--config", tmp_path / "run" / "momentwatch.yaml")
    assert done.returncode == 2
    assert "Source" in done.stderr
    assert "Traceback" not in done.stderr
