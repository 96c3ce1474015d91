"""A broker of this folder's own, with every way in."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.adapters.kafka.clients import LIBRARY
from tests.harness.kafka import own_broker
from tests.harness.kafka_security import EVERY_LISTENER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.adapters.kafka.settings import Library
    from tests.harness.kafka import KafkaBroker

# The broker takes tokens that nobody signed: enough to see that ours reach it, and that others do not pass.
UNSIGNED_TOKENS = {
    "listener.name.sasl_plain.sasl.enabled.mechanisms": "PLAIN,OAUTHBEARER",
    "listener.name.sasl_plain.oauthbearer.sasl.jaas.config": (
        "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required "
        'unsecuredLoginStringClaim_sub="broker";'
    ),
}

# Who has no rule of their own may do everything; brokers and whoever comes without a name, whatever the rules say.
RIGHTS = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
    "allow.everyone.if.no.acl.found": "true",
}


@pytest.fixture(params=["kafka-python", "librdkafka"])
def library(request: pytest.FixtureRequest) -> Iterator[Library]:
    """Every client library behind the source, in turn."""
    name: Library = request.param
    before = LIBRARY.set(name)
    yield name
    LIBRARY.reset(before)


@pytest.fixture(scope="package")
def broker() -> Iterator[KafkaBroker]:
    """A broker that tests may stop, kill and freeze; each leaves it running."""
    with closing(own_broker(listeners=EVERY_LISTENER, overrides=UNSIGNED_TOKENS | RIGHTS)) as started:
        yield started
