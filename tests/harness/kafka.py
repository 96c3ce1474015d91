"""A real Apache Kafka for the tests: one that is given, one that Java runs, or one in Docker; never none."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import uuid
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import KafkaError

from tests.harness import kafka_docker
from tests.harness.kafka_jars import can_resolve, kafka_classpath
from tests.harness.kafka_security import (
    PASSWORD,
    SCRAM_MECHANISMS,
    USER,
    Listener,
    client_settings,
    listener_properties,
    make_certificates,
)
from tests.harness.process import LOOPBACK, HarnessError, Server, free_port, run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ADDRESS_VARIABLE: Final = "KAFKA_BOOTSTRAP_SERVERS"
HOW_TO_GET_ONE: Final = (
    f"the tests need a Kafka broker: set {ADDRESS_VARIABLE}, or install Java 17 and Maven"
    " (Debian: apt-get install default-jre-headless maven), or start Docker"
)
START_TIMEOUT_S: Final = 90.0
REQUEST_TIMEOUT_MS: Final = 15_000
# A starting broker takes connections before it serves them, and the client would wait its whole timeout.
PROBE_TIMEOUT_MS: Final = 1_000
# A broker that lives for a minute is not worth compiling with care: this halves what a start costs.
JVM: Final = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


class KafkaBroker(ABC):
    """What the tests ask of a broker, whichever it is."""

    @abstractmethod
    def bootstrap(self, listener: Listener = Listener.PLAINTEXT) -> str:
        """The address of a listener, `host:port`."""

    @property
    def bootstrap_servers(self) -> str:
        """The address of the plain listener."""
        return self.bootstrap()

    def settings(self, listener: Listener = Listener.PLAINTEXT, mechanism: str | None = None) -> dict[str, Any]:
        """Everything a kafka-python client needs to pass a listener, its address included."""
        return {"bootstrap_servers": self.bootstrap(listener)} | client_settings(listener, None, mechanism)

    @property
    def copies(self) -> int:
        """How many brokers keep each partition of a topic."""
        return 1

    def create_topic(
        self, name: str | None = None, *, partitions: int = 1, configs: Mapping[str, str] | None = None
    ) -> str:
        """Create a topic, wait for its leaders and return its name; one of its own unless it is given."""
        topic = name or f"test-{uuid.uuid4().hex[:12]}"
        options = {"num_partitions": partitions, "replication_factor": self.copies, "configs": dict(configs or {})}
        self._administer(lambda admin: admin.create_topics({topic: options}, wait_for_metadata=True))
        return topic

    def delete_topic(self, name: str) -> None:
        """Delete a topic."""
        self._administer(lambda admin: admin.delete_topics([name]))

    def add_partitions(self, name: str, partitions: int) -> None:
        """Let a topic have so many partitions in all."""
        self._administer(lambda admin: admin.create_partitions({name: partitions}))

    def delete_records(self, before: Mapping[tuple[str, int], int]) -> None:
        """Let the records below an offset go, as retention does, by (topic, partition)."""
        spots = {TopicPartition(*spot): offset for spot, offset in before.items()}
        self._administer(lambda admin: admin.delete_records(spots))

    def answers(self) -> bool:
        """Whether the broker serves metadata right now."""
        host, port = self.bootstrap().split(",")[0].rsplit(":", 1)
        try:
            # The client takes its time over a port that nobody listens on, so that is asked first.
            socket.create_connection((host, int(port)), timeout=1).close()
            self._administer(lambda admin: admin.list_topics(), PROBE_TIMEOUT_MS)
        except (KafkaError, OSError):
            return False
        return True

    def start(self) -> None:
        """Start, and return when it answers."""
        raise self._not_ours()

    def stop(self) -> None:
        """End in order; the data stay."""
        raise self._not_ours()

    def kill(self) -> None:
        """End as a power cut does; the data stay."""
        raise self._not_ours()

    def pause(self) -> None:
        """Freeze: connections stay, answers do not come."""
        raise self._not_ours()

    def resume(self) -> None:
        """Let a frozen broker go on."""
        raise self._not_ours()

    def restart(self) -> None:
        """Stop and start on the same data and ports."""
        self.stop()
        self.start()

    @abstractmethod
    def close(self) -> None:
        """End the broker and remove its data, where it is ours."""

    def _administer(self, act: Callable[[KafkaAdminClient], object], timeout_ms: int = REQUEST_TIMEOUT_MS) -> None:
        admin = KafkaAdminClient(
            bootstrap_servers=self.bootstrap(), request_timeout_ms=timeout_ms, bootstrap_timeout_ms=timeout_ms
        )
        try:
            act(admin)
        finally:
            admin.close()

    @staticmethod
    def _not_ours() -> HarnessError:
        return HarnessError(f"the broker of {ADDRESS_VARIABLE} is not ours to start or stop: use `kafka_brokers`")


class GivenBroker(KafkaBroker):
    """A broker that somebody else runs, known by its address."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._bootstrap_servers = bootstrap_servers

    def bootstrap(self, listener: Listener = Listener.PLAINTEXT) -> str:
        """The one address that was given."""
        if listener is not Listener.PLAINTEXT:
            raise HarnessError(f"the broker of {ADDRESS_VARIABLE} has no listener {listener.name}")
        return self._bootstrap_servers

    def close(self) -> None:
        """Leave it to whoever runs it."""


@dataclass(frozen=True)
class Quorum:
    """The controllers of a cluster: the port of each by its number, and the id that all of them have."""

    ports: Mapping[int, int] = field(default_factory=lambda: {1: free_port()})
    cluster: str = field(default_factory=lambda: uuid.uuid4().hex[:22])

    @property
    def voters(self) -> str:
        """All of them, as Kafka wants to have them named."""
        return ",".join(f"{number}@{LOOPBACK}:{port}" for number, port in self.ports.items())


class LocalBroker(KafkaBroker):
    """Apache Kafka in KRaft mode as a child process, broker and controller in one.

    Args:
        listeners: The ways in; plaintext is always one of them.
        overrides: Properties of `server.properties` that differ.
        quorum: The cluster that it is of; one of its own unless it is given.
        node: Its number there.
        proxied: Where somebody who is told the second port ends up at the first: a plain listener behind a proxy.
    """

    def __init__(
        self,
        *,
        listeners: Sequence[Listener] = (),
        overrides: Mapping[str, str] | None = None,
        quorum: Quorum | None = None,
        node: int = 1,
        proxied: tuple[int, int] | None = None,
    ) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="momentwatch-kafka-"))
        self._quorum = quorum or Quorum()
        self._node = node
        self._proxied = proxied
        self._ports = {listener: free_port() for listener in dict.fromkeys((Listener.PLAINTEXT, *listeners))}
        encrypted = any(listener.encrypted for listener in self._ports)
        self._certificates = make_certificates(self._folder) if encrypted else None
        properties = self._folder / "server.properties"
        properties.write_text(_properties_text(self._properties() | dict(overrides or {})))
        java = [shutil.which("java") or "java", *JVM, "-cp", kafka_classpath()]
        java += [
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
        ]
        self._format([*java, "kafka.tools.StorageTool"], properties)
        self._server = Server("Kafka's broker", [*java, "kafka.Kafka", str(properties)], self._folder / "broker.log")

    @property
    def log(self) -> Path:
        """What the broker warned of."""
        return self._server.log

    @property
    def pid(self) -> int:
        """The pid of the broker's process."""
        return self._server.pid

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self._server.running

    def bootstrap(self, listener: Listener = Listener.PLAINTEXT) -> str:
        """The address of a listener, `host:port`."""
        return f"{LOOPBACK}:{self._ports[listener]}"

    def settings(self, listener: Listener = Listener.PLAINTEXT, mechanism: str | None = None) -> dict[str, Any]:
        """Everything a kafka-python client needs to pass a listener, its address included."""
        return {"bootstrap_servers": self.bootstrap(listener)} | client_settings(
            listener, self._certificates, mechanism
        )

    def start(self) -> None:
        """Start, and return when it answers."""
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Start, and return at once."""
        self._server.start()

    def wait(self) -> None:
        """Until it answers."""
        self._server.wait_until(self.answers, START_TIMEOUT_S)

    def stop(self) -> None:
        """End in order; the data stay."""
        self._server.stop()

    def kill(self) -> None:
        """End as a power cut does; the data stay."""
        self._server.kill()

    def pause(self) -> None:
        """Freeze: connections stay, answers do not come."""
        self._server.pause()

    def resume(self) -> None:
        """Let a frozen broker go on."""
        self._server.resume()

    def close(self) -> None:
        """End the broker and remove its data."""
        self._server.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _properties(self) -> dict[str, str]:
        controller = f"{LOOPBACK}:{self._quorum.ports[self._node]}"
        addresses = {listener.name: f"{LOOPBACK}:{port}" for listener, port in self._ports.items()}
        protocols = {listener.name: listener.protocol for listener in self._ports}
        told = dict(addresses)
        if self._proxied is not None:
            real, given = self._proxied
            addresses["PROXIED"], told["PROXIED"] = f"{LOOPBACK}:{real}", f"{LOOPBACK}:{given}"
            protocols["PROXIED"] = "PLAINTEXT"
        properties = {
            "process.roles": "broker,controller",
            "node.id": str(self._node),
            "controller.quorum.voters": self._quorum.voters,
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": Listener.PLAINTEXT.name,
            "listeners": _pairs(addresses | {"CONTROLLER": controller}, "://"),
            "advertised.listeners": _pairs(told, "://"),
            "listener.security.protocol.map": _pairs(protocols | {"CONTROLLER": "PLAINTEXT"}, ":"),
            "log.dirs": str(self._folder / "data"),
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            # A killed broker comes back as soon as its old session has ended, not after nine seconds.
            "broker.session.timeout.ms": "2000",
            "broker.heartbeat.interval.ms": "200",
            # A lone broker has nobody to hand its partitions to.
            "controlled.shutdown.enable": "false",
        }
        for listener in self._ports:
            properties |= listener_properties(listener, self._certificates)
        return properties

    def _format(self, storage_tool: Sequence[str], properties: Path) -> None:
        users = [
            word
            for mechanism in SCRAM_MECHANISMS
            for word in ("--add-scram", f"{mechanism}=[name={USER},password={PASSWORD}]")
        ]
        run([*storage_tool, "format", "--cluster-id", self._quorum.cluster, "--config", str(properties), *users])


class ContainerBroker(KafkaBroker):
    """Apache Kafka's own image, where Docker is all there is."""

    def __init__(self) -> None:
        self._port = free_port()
        self._container = kafka_docker.DockerKafka(self._port)

    def bootstrap(self, listener: Listener = Listener.PLAINTEXT) -> str:
        """The address of the plain listener; the image is run with no other."""
        if listener is not Listener.PLAINTEXT:
            raise HarnessError(f"the listener {listener.name} needs Java and Maven: the container has none")
        return f"{LOOPBACK}:{self._port}"

    def start(self) -> None:
        """Start, and return when it answers."""
        self._container.start()
        self._container.wait_until(self.answers, START_TIMEOUT_S)

    def stop(self) -> None:
        """End in order; the data stay."""
        self._container.stop()

    def kill(self) -> None:
        """End as a power cut does; the data stay."""
        self._container.kill()

    def pause(self) -> None:
        """Freeze: connections stay, answers do not come."""
        self._container.pause()

    def resume(self) -> None:
        """Let a frozen broker go on."""
        self._container.resume()

    def close(self) -> None:
        """End the broker and remove its data."""
        self._container.remove()


def shared_broker() -> KafkaBroker:
    """The broker a whole test session shares: the given one, or one that was started for it."""
    given = os.environ.get(ADDRESS_VARIABLE)
    if not given:
        return own_broker()
    broker = GivenBroker(given)
    if not broker.answers():
        raise HarnessError(f"{ADDRESS_VARIABLE}={given} does not answer")
    return broker


def own_broker(*, listeners: Sequence[Listener] = (), overrides: Mapping[str, str] | None = None) -> KafkaBroker:
    """A started broker of the caller's own, to stop, kill and freeze; the caller closes it.

    Raises:
        HarnessError: There is neither Java with Maven nor Docker; the message says what to install.
    """
    if can_resolve():
        broker: KafkaBroker = LocalBroker(listeners=listeners, overrides=overrides)
    elif listeners or overrides:
        raise HarnessError(f"{HOW_TO_GET_ONE}; its listeners and properties can be chosen with Java only")
    elif kafka_docker.DockerKafka.available():
        broker = ContainerBroker()
    else:
        raise HarnessError(HOW_TO_GET_ONE)
    try:
        broker.start()
    except BaseException:
        broker.close()
        raise
    return broker


def _pairs(values: Mapping[str, str], between: str) -> str:
    return ",".join(f"{name}{between}{value}" for name, value in values.items())


def _properties_text(properties: Mapping[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in properties.items())
