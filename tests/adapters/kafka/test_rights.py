"""What is said where a broker lets somebody in and does not let them read."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ResourcePattern, ResourceType

from service.adapters.kafka import KafkaSecurity
from service.adapters.kafka.kafka_python.examine import examine
from service.core.ports import SourceAway
from tests.adapters.kafka.clients import put, quick, reader
from tests.adapters.source_contract import Reading
from tests.harness.kafka_security import PASSWORD, USER, Listener

if TYPE_CHECKING:
    from service.adapters.kafka import KafkaSettings
    from tests.harness.kafka import KafkaBroker


def allow_only(broker: KafkaBroker, kind: ResourceType, name: str, operation: ACLOperation) -> None:
    """Let our user do one thing to something, where it may do everything to everything else."""
    acl = ACL(f"User:{USER}", "*", operation, ACLPermissionType.ALLOW, ResourcePattern(kind, name))
    with closing(KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)) as admin:
        admin.create_acls([acl])


def as_user(broker: KafkaBroker) -> KafkaSettings:
    """As somebody with a name and a password, in a group of their own."""
    security = KafkaSecurity("SASL_PLAINTEXT", "PLAIN", username=USER, password=lambda: PASSWORD)
    return quick(broker.bootstrap(Listener.SASL_PLAIN), security=security)


@pytest.mark.parametrize(
    ("operation", "seen", "remedy"),
    [
        (ACLOperation.DESCRIBE, "TopicAuthorizationFailedError", "allow READ and DESCRIBE on topic {}"),
        (ACLOperation.CREATE, "does not exist, or may not be seen", "create it, or allow DESCRIBE on it"),
    ],
)
def test_a_topic_that_may_not_be_read_is_named_with_the_right_that_is_missing(
    broker: KafkaBroker, operation: ACLOperation, seen: str, remedy: str
) -> None:
    barred, free = broker.create_topic(), broker.create_topic()
    put(broker, barred, [b"one"])
    allow_only(broker, ResourceType.TOPIC, barred, operation)

    found = {what: (well, said, todo) for well, what, said, todo in examine(as_user(broker), [barred, free])}

    assert found[f"topic {barred}"] == (False, seen, remedy.format(barred))
    assert found[f"topic {free}"][0]


@pytest.mark.parametrize("operation", [ACLOperation.DESCRIBE, ACLOperation.CREATE])
def test_a_group_that_may_not_be_joined_is_named(broker: KafkaBroker, operation: ACLOperation) -> None:
    topic, settings = broker.create_topic(), as_user(broker)
    allow_only(broker, ResourceType.GROUP, settings.group_id, operation)

    *_, (well, what, seen, remedy) = examine(settings, [topic])

    assert (well, what) == (False, f"group {settings.group_id}")
    assert (seen, remedy) == ("GroupAuthorizationFailedError", f"allow READ on group {settings.group_id}")


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("kind", [ResourceType.TOPIC, ResourceType.GROUP])
def test_a_reader_that_is_refused_says_so_and_waits(broker: KafkaBroker, kind: ResourceType) -> None:
    topic, settings = broker.create_topic(), as_user(broker)
    put(broker, topic, [b"one"])
    name = topic if kind == ResourceType.TOPIC else settings.group_id
    allow_only(broker, kind, name, ACLOperation.DESCRIBE)

    with reader(settings, [topic]) as source, pytest.raises(SourceAway, match=r"(?i)authori[sz]ation"):
        Reading(source).until(lambda: False)
