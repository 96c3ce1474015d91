from __future__ import annotations

import time
import uuid
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from service.adapters.kafka import StuckError
from service.adapters.kafka.kafka_python.client import PythonClient
from service.adapters.kafka.librdkafka.client import LibrdkafkaClient
from service.adapters.store import MemoryStore, open_store
from service.core.event import Assigned, Batch, Revoked
from tests.adapters.kafka.clients import producer, put, quick, reader, wall
from tests.adapters.kafka.running import CATALOG, counted, outcome, outcomes, recounted, running, until
from tests.adapters.source_contract import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kafka import KafkaProducer

    from service.core.ports import Store
    from tests.harness.kafka import KafkaBroker

pytestmark = pytest.mark.usefixtures("library")


@pytest.fixture(params=["memory:", "sqlite:///{}/momentwatch.db"], ids=["memory", "sqlite"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(request.param.format(tmp_path), CATALOG.moments)) as opened:
        yield opened


@pytest.fixture
def store() -> Store:
    return MemoryStore(CATALOG.moments)


@pytest.fixture
def admin(kafka_broker: KafkaBroker) -> Iterator[KafkaAdminClient]:
    client = KafkaAdminClient(bootstrap_servers=kafka_broker.bootstrap_servers)
    yield client
    client.close()


class TestSharing:
    def test_two_readers_that_come_and_go_count_every_record_once(
        self, kafka_broker: KafkaBroker, either: Store
    ) -> None:
        store = either
        topic = kafka_broker.create_topic(partitions=4)
        settings = quick(kafka_broker, poll_records=100)
        for number in range(4):
            put(kafka_broker, topic, outcomes(number * 2_000, number * 2_000 + 1_000), number)

        with running(settings, [topic], store) as first:
            until(lambda: store.counts().read >= 500)
            with running(settings, [topic], store) as second:
                until(lambda: len(second.source._places) == 2)
                for number in range(4):
                    put(kafka_broker, topic, outcomes(number * 2_000 + 1_000, number * 2_000 + 2_000), number)
                until(lambda: store.counts().read >= 5_000)
            until(lambda: len(first.source._places) == 4)
            until(lambda: store.counts().read >= 8_000)

        assert counted(store) == recounted(kafka_broker, topic)
        assert (store.counts().read, store.counts().duplicate) == (8_000, 0)

    def test_partitions_that_are_added_are_read_from_their_first_record(
        self, kafka_broker: KafkaBroker, store: Store, admin: KafkaAdminClient
    ) -> None:
        topic = kafka_broker.create_topic(partitions=3)
        for number in range(3):
            put(kafka_broker, topic, outcomes(number * 100, number * 100 + 100), number)

        with running(quick(kafka_broker), [topic], store):
            until(lambda: store.counts().read >= 300)
            admin.create_partitions({topic: 6})
            until(lambda: len(admin.describe_topics([topic])[0]["partitions"]) == 6)
            for number in range(6):
                put(kafka_broker, topic, outcomes(1_000 + number * 100, 1_100 + number * 100), number)
            until(lambda: store.counts().read >= 900)
            until(lambda: len(store.clocks()) == 6)

        assert counted(store) == recounted(kafka_broker, topic)
        assert store.counts().duplicate == 0


class TestTransactions:
    @pytest.fixture
    def topic(self, kafka_broker: KafkaBroker) -> str:
        return kafka_broker.create_topic()

    @pytest.fixture
    def transactional(self, kafka_broker: KafkaBroker) -> Iterator[KafkaProducer]:
        with producer(kafka_broker, transactional_id=f"tx-{uuid.uuid4().hex}") as sending:
            sending.init_transactions()
            yield sending

    def test_aborted_records_are_not_counted(
        self, kafka_broker: KafkaBroker, store: Store, topic: str, transactional: KafkaProducer
    ) -> None:
        for turn in range(6):
            transactional.begin_transaction()
            for number in range(50):
                transactional.send(topic, outcome(turn * 50 + number))
            transactional.flush()
            if turn % 2:
                transactional.abort_transaction()
            else:
                transactional.commit_transaction()

        with running(quick(kafka_broker), [topic], store):
            until(lambda: bool(store.clocks()) and (store.clocks()[0].looked_at or 0) > 0)

        assert store.counts().read == 150
        assert counted(store) == recounted(kafka_broker, topic)
        assert store.claim(store.clocks()[0].partition).position == 306

    def test_an_open_transaction_is_no_silence_and_no_consumer_that_is_stuck(
        self, kafka_broker: KafkaBroker, topic: str, transactional: KafkaProducer
    ) -> None:
        put(kafka_broker, topic, [b"before"])
        transactional.begin_transaction()
        transactional.send(topic, b"not yet").get(10)

        with reader(quick(kafka_broker, stuck_after=0.5), [topic]) as source:
            reading = Reading(source)
            reading.until(lambda: bool(reading.batches) and reading.last().behind == 1)
            opened = time.monotonic()
            reading.until(lambda: time.monotonic() - opened > 2)

            assert {batch.looked_at for batch in reading.batches} == {None}
            transactional.commit_transaction()
            reading.until(lambda: reading.look() is not None)

        assert reading.payloads() == [b"before", b"not yet"]


class TestTopics:
    def test_one_that_is_missing_is_named_once_while_others_go_on(
        self, kafka_broker: KafkaBroker, store: Store, caplog: pytest.LogCaptureFixture
    ) -> None:
        topic, later = kafka_broker.create_topic(), f"later-{uuid.uuid4().hex[:8]}"
        put(kafka_broker, topic, outcomes(0, 10))

        with running(quick(kafka_broker), [topic, later], store):
            until(lambda: store.counts().read == 10)
            time.sleep(0.5)
            kafka_broker.create_topic(later)
            put(kafka_broker, later, outcomes(10, 30))
            until(lambda: store.counts().read == 30)

        named = [record.message for record in caplog.records if later in record.message]
        assert len([message for message in named if "does not exist" in message]) == 1
        assert f"topic {later} is there now" in named

    def test_one_that_is_made_anew_with_fewer_partitions_is_read_from_its_first_record(
        self, kafka_broker: KafkaBroker, either: Store
    ) -> None:
        store = either
        topic = kafka_broker.create_topic(partitions=3)
        put(kafka_broker, topic, outcomes(0, 50), 0)
        put(kafka_broker, topic, outcomes(50, 100), 2)

        with running(quick(kafka_broker), [topic], store):
            until(lambda: store.counts().read == 100)
            until(lambda: len(store.clocks()) == 3)
            old = store.clocks()[0].partition
            kafka_broker.delete_topic(topic)
            _insist(lambda: kafka_broker.create_topic(topic))
            put(kafka_broker, topic, outcomes(100, 250))
            until(lambda: store.counts().read == 250)
            # What is no more does not hold time back.
            until(lambda: len(store.clocks()) == 1)

        assert sum(attempts for attempts, _ in counted(store).values()) == 250
        assert store.counts().duplicate == 0
        [clock] = store.clocks()
        assert clock.partition.topic_id not in {"", old.topic_id}

    def test_records_that_retention_took_are_reported_and_passed_over(
        self, kafka_broker: KafkaBroker, admin: KafkaAdminClient
    ) -> None:
        topic = kafka_broker.create_topic()
        put(kafka_broker, topic, [b"%d" % number for number in range(50)])
        admin.delete_records({TopicPartition(topic, 0): 30})

        with reader(quick(kafka_broker), [topic]) as source:
            reading = Reading(source, start=10)
            reading.until(lambda: len(reading.payloads()) == 20)

        [lost] = reading.lost
        assert (lost.first, lost.next_offset) == (10, 30)
        assert reading.payloads()[0] == b"30"

    def test_a_log_that_is_shorter_than_what_was_read_goes_on_at_its_end(self, kafka_broker: KafkaBroker) -> None:
        topic = kafka_broker.create_topic()
        put(kafka_broker, topic, [b"%d" % number for number in range(5)])

        with reader(quick(kafka_broker), [topic]) as source:
            reading = Reading(source, start=40)
            reading.until(lambda: bool(reading.lost))
            put(kafka_broker, topic, [b"anew"])
            reading.until(lambda: bool(reading.payloads()))

        assert (reading.lost[0].first, reading.lost[0].next_offset) == (40, 5)
        assert reading.payloads() == [b"anew"]


class TestWhereToStart:
    def test_latest_leaves_the_past_alone_and_keeps_the_position(self, kafka_broker: KafkaBroker) -> None:
        topic = kafka_broker.create_topic()
        put(kafka_broker, topic, [b"old"] * 7)

        with reader(quick(kafka_broker), [topic], start="latest") as source:
            reading = Reading(source)
            reading.until(lambda: bool(reading.batches))
            first = reading.batches[0]
            put(kafka_broker, topic, [b"new"])
            reading.until(lambda: bool(reading.payloads()))

        assert (first.offsets, first.next_offset) == ([], 7)
        assert reading.payloads() == [b"new"]

    def test_a_time_means_the_first_record_written_then_or_later(self, kafka_broker: KafkaBroker) -> None:
        topic = kafka_broker.create_topic()
        now = wall()
        put(kafka_broker, topic, [b"old"], timestamp_ms=now // 1000 - 60_000)
        put(kafka_broker, topic, [b"young"], timestamp_ms=now // 1000 - 10_000)

        with reader(quick(kafka_broker), [topic], start=now - 30_000_000) as source:
            reading = Reading(source)
            reading.until(lambda: bool(reading.payloads()))

        assert reading.payloads() == [b"young"]

    def test_a_time_after_the_last_record_means_the_end(self, kafka_broker: KafkaBroker) -> None:
        topic = kafka_broker.create_topic()
        put(kafka_broker, topic, [b"old"], timestamp_ms=1)

        with reader(quick(kafka_broker), [topic], start=wall() - 10_000_000) as source:
            reading = Reading(source)
            reading.until(lambda: reading.look() is not None)

        assert reading.payloads() == []


class TestTheConsumer:
    def test_one_that_gives_nothing_is_made_anew_and_then_an_error(
        self, kafka_broker: KafkaBroker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        topic = kafka_broker.create_topic()
        # It joins, and gives nothing.
        monkeypatch.setattr(PythonClient, "seek", lambda *_: None)
        monkeypatch.setattr(LibrdkafkaClient, "seek", lambda *_: None)
        put(kafka_broker, topic, [b"there"])
        with reader(quick(kafka_broker, stuck_after=1.0), [topic]) as source:
            reading = Reading(source)

            with pytest.raises(StuckError, match=rf"{topic}\[0\]: stuck at 0, the log ends at 1"):
                reading.until(lambda: False)

        assert len([r for r in caplog.records if "the consumer is made anew" in r.message]) == 1

    def test_what_was_polled_and_not_taken_is_not_lost_when_iterating_again(self, kafka_broker: KafkaBroker) -> None:
        topic = kafka_broker.create_topic(partitions=3)
        for number in range(3):
            put(kafka_broker, topic, [b"%d" % number] * 10, number)

        with reader(quick(kafka_broker), [topic]) as source:
            taken: list[bytes] = []
            deadline = time.monotonic() + 20
            while len(taken) < 30 and time.monotonic() < deadline:
                for arrival in source.batches():
                    if isinstance(arrival, Assigned):
                        source.seek(dict.fromkeys(arrival.partitions, 0))
                    if isinstance(arrival, Batch):
                        taken += arrival.payloads
                    break

        assert sorted(taken) == [b"0"] * 10 + [b"1"] * 10 + [b"2"] * 10

    def test_nothing_comes_before_somebody_sought(self, kafka_broker: KafkaBroker) -> None:
        topic = kafka_broker.create_topic()
        put(kafka_broker, topic, [b"there"])

        with reader(quick(kafka_broker), [topic]) as source:
            arrivals = source.batches()
            seen = [next(arrivals) for _ in range(8)]

        assert [a for a in seen if isinstance(a, Assigned)]
        assert not [a for a in seen if isinstance(a, Batch)]

    def test_lag_tools_see_how_far_the_database_is(self, kafka_broker: KafkaBroker, store: Store) -> None:
        topic = kafka_broker.create_topic()
        settings = quick(kafka_broker)
        put(kafka_broker, topic, outcomes(0, 120))

        with running(settings, [topic], store):
            until(lambda: store.counts().read == 120)

        consumer = KafkaConsumer(
            bootstrap_servers=kafka_broker.bootstrap_servers,
            group_id=settings.group_id,
            enable_auto_commit=False,
        )
        committed = consumer.committed(TopicPartition(topic, 0))
        consumer.close()
        assert committed == 120

    def test_who_only_reached_the_brokers_is_no_member_before_it_reads(
        self, kafka_broker: KafkaBroker, admin: KafkaAdminClient
    ) -> None:
        topic = kafka_broker.create_topic()
        settings = quick(kafka_broker)

        def groups() -> set[str]:
            return {each["group_id"] for each in admin.list_groups()}

        with reader(settings, [topic]) as source:
            source.reach()
            time.sleep(1.0)
            assert settings.group_id not in groups()
            assert any(isinstance(arrival, Assigned) for arrival in islice(source.batches(), 200))
            assert settings.group_id in groups()

    def test_leaving_hands_the_partitions_over_at_once(self, kafka_broker: KafkaBroker) -> None:
        topic = kafka_broker.create_topic()
        settings = quick(kafka_broker, session_timeout=30.0)
        with reader(settings, [topic]) as first:
            Reading(first).until(lambda: bool(first._places))
        left = time.monotonic()

        with reader(settings, [topic]) as second:
            Reading(second).until(lambda: bool(second._places))

        assert time.monotonic() - left < 10

    def test_a_rebalance_takes_back_what_another_reader_gets(self, kafka_broker: KafkaBroker) -> None:
        topic = kafka_broker.create_topic(partitions=2)
        settings = quick(kafka_broker)
        with reader(settings, [topic]) as first:
            arrivals = first.batches()
            while len(first._places) < 2:
                next(arrivals)
            second = running(settings, [topic], MemoryStore(CATALOG.moments))
            with second:
                seen: list[Revoked] = []
                deadline = time.monotonic() + 20
                while len(first._places) != 1 or not seen:
                    assert time.monotonic() < deadline
                    arrival = next(arrivals)
                    seen += [arrival] if isinstance(arrival, Revoked) else []

        assert len(seen[0].partitions) == 2


def _insist(act: Callable[[], object]) -> None:
    """Do something that fails while an earlier thing is still under way."""
    deadline = time.monotonic() + 20
    while True:
        try:
            act()
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
