from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from tests.harness import kafka as harness
from tests.harness import kafka_docker
from tests.harness.kafka_security import EVERY_LISTENER, PASSWORD, Listener
from tests.harness.process import HarnessError

if TYPE_CHECKING:
    from tests.harness.fixtures import BrokerFactory
    from tests.harness.kafka import KafkaBroker


def send(settings: dict[str, Any], topic: str, value: bytes) -> None:
    with closing(KafkaProducer(**settings)) as producer:
        producer.send(topic, value).get(timeout=20)


def read(settings: dict[str, Any], topic: str, expected: int) -> list[bytes]:
    consumer = KafkaConsumer(topic, **settings, auto_offset_reset="earliest", enable_auto_commit=False)
    with closing(consumer):
        values: list[bytes] = []
        deadline = time.monotonic() + 20
        while len(values) < expected and time.monotonic() < deadline:
            for records in consumer.poll(timeout_ms=200).values():
                values += [record.value for record in records]
        return values


def test_a_record_goes_in_and_comes_out(kafka_broker: KafkaBroker, kafka_topic: str) -> None:
    send(kafka_broker.settings(), kafka_topic, b"one")
    assert read(kafka_broker.settings(), kafka_topic, 1) == [b"one"]


def test_a_topic_gets_the_partitions_it_was_promised(kafka_broker: KafkaBroker) -> None:
    topic = kafka_broker.create_topic(partitions=3, configs={"retention.ms": "-1"})
    with closing(KafkaConsumer(**kafka_broker.settings())) as consumer:
        assert consumer.partitions_for_topic(topic) == {0, 1, 2}
    kafka_broker.delete_topic(topic)


def test_data_outlive_a_stop_a_kill_and_a_freeze(kafka_brokers: BrokerFactory) -> None:
    broker = kafka_brokers()
    topic = broker.create_topic()
    send(broker.settings(), topic, b"before")
    broker.restart()
    send(broker.settings(), topic, b"after the stop")
    broker.kill()
    assert not broker.answers()
    broker.start()
    broker.pause()
    assert not broker.answers()
    broker.resume()
    send(broker.settings(), topic, b"after the freeze")
    assert read(broker.settings(), topic, 3) == [b"before", b"after the stop", b"after the freeze"]


def test_every_listener_lets_its_user_in_and_nobody_else(kafka_brokers: BrokerFactory) -> None:
    broker = kafka_brokers(listeners=EVERY_LISTENER)
    topic = broker.create_topic()
    ways = [(listener, mechanism) for listener in Listener for mechanism in listener.mechanisms or (None,)]
    for listener, mechanism in ways:
        send(broker.settings(listener, mechanism), topic, f"{listener.name} {mechanism}".encode())
    expected = [f"{listener.name} {mechanism}".encode() for listener, mechanism in ways]
    assert read(broker.settings(Listener.SASL_TLS, "SCRAM-SHA-512"), topic, len(ways)) == expected
    for listener in (Listener.SASL_PLAIN, Listener.SASL_SCRAM, Listener.SASL_TLS):
        wrong = broker.settings(listener) | {"sasl_plain_password": f"not {PASSWORD}"}
        with pytest.raises(KafkaError):
            KafkaProducer(**wrong, bootstrap_timeout_ms=1_000)


def test_a_given_broker_is_used_and_never_stopped(kafka_broker: KafkaBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(harness.ADDRESS_VARIABLE, kafka_broker.bootstrap_servers)
    with closing(harness.shared_broker()) as given:
        assert given.bootstrap_servers == kafka_broker.bootstrap_servers
        with pytest.raises(HarnessError, match="not ours"):
            given.stop()
    assert kafka_broker.answers()


def test_without_any_broker_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "can_resolve", lambda: False)
    monkeypatch.setattr(kafka_docker.DockerKafka, "available", staticmethod(lambda: False))
    with pytest.raises(HarnessError, match="apt-get install"):
        harness.own_broker()
