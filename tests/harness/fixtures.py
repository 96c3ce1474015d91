"""The real servers as pytest fixtures: nothing starts before the first test that asks for it.

Their clients are imported where they are used, so that tests of the core do not pay for them.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.harness.kafka import KafkaBroker
    from tests.harness.kafka_security import Listener
    from tests.harness.postgres import PostgresServer
    from tests.harness.prometheus import PrometheusServer


class BrokerFactory(Protocol):
    """Starts brokers that a test may stop, kill and freeze."""

    def __call__(
        self, *, listeners: Sequence[Listener] = ..., overrides: Mapping[str, str] | None = ...
    ) -> KafkaBroker: ...


class PrometheusFactory(Protocol):
    """Starts Prometheus servers with a test's own configuration."""

    def __call__(
        self, config: Mapping[str, Any] | None = ..., config_folder: Path | None = ...
    ) -> PrometheusServer: ...


@pytest.fixture(scope="session")
def kafka_broker() -> Iterator[KafkaBroker]:
    """The broker that all tests share: never stop it, and use topics of your own."""
    from tests.harness.kafka import shared_broker

    with closing(shared_broker()) as broker:
        yield broker


@pytest.fixture
def kafka_topic(kafka_broker: KafkaBroker) -> str:
    """A new topic of one partition on the shared broker."""
    return kafka_broker.create_topic()


@pytest.fixture
def kafka_brokers() -> Iterator[BrokerFactory]:
    """Starts brokers of this test's own."""
    from tests.harness.kafka import own_broker

    with ExitStack() as started:

        def start(*, listeners: Sequence[Listener] = (), overrides: Mapping[str, str] | None = None) -> KafkaBroker:
            return started.enter_context(closing(own_broker(listeners=listeners, overrides=overrides)))

        yield start


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The server that all tests share: never stop it."""
    from tests.harness.postgres import shared_postgres

    with closing(shared_postgres()) as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The SQLAlchemy URL of an empty database of this test's own."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture
def postgres_servers() -> Iterator[Callable[[], PostgresServer]]:
    """Starts PostgreSQL servers that this test may stop, kill and freeze."""
    from tests.harness.postgres import own_postgres

    with ExitStack() as started:
        yield lambda: started.enter_context(closing(own_postgres()))


@pytest.fixture
def prometheus_server() -> Iterator[PrometheusFactory]:
    """Starts Prometheus with the configuration it is given."""
    from tests.harness.prometheus import PrometheusServer

    with ExitStack() as started:

        def start(config: Mapping[str, Any] | None = None, config_folder: Path | None = None) -> PrometheusServer:
            return started.enter_context(closing(PrometheusServer(config, config_folder)))

        yield start
