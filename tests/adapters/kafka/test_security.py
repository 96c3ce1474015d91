from __future__ import annotations

import base64
import gc
import json
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from service.adapters.kafka import KafkaSecurity, TokenFile, kafka_settings, produce
from service.adapters.kafka.kafka_python.options import client_options
from service.core.event import Batch
from service.core.ports import SourceAway
from service.settings.fields import Secret
from service.settings.kafka import Kafka, Security
from tests.adapters.kafka.clients import quick, reader
from tests.adapters.source_contract import Reading
from tests.harness.kafka_security import PASSWORD, USER, Listener

if TYPE_CHECKING:
    from service.adapters.kafka import KafkaSettings
    from tests.harness.kafka import KafkaBroker

pytestmark = pytest.mark.usefixtures("library")


def secured(broker: KafkaBroker, listener: Listener, security: KafkaSecurity) -> KafkaSettings:
    return quick(broker.bootstrap(listener), security=security)


def security_of(
    broker: KafkaBroker, listener: Listener, mechanism: Any = None, password: str = PASSWORD
) -> KafkaSecurity:
    told = broker.settings(listener)
    protocol: Any = listener.protocol
    options: dict[str, Any] = {
        ours: Path(told[theirs])
        for ours, theirs in (("ca_file", "ssl_cafile"), ("cert_file", "ssl_certfile"), ("key_file", "ssl_keyfile"))
        if theirs in told
    }
    if mechanism:
        options |= {"username": USER, "password": lambda: password}
    return KafkaSecurity(protocol=protocol, mechanism=mechanism, **options)


def there_and_back(broker: KafkaBroker, settings: KafkaSettings) -> list[bytes]:
    """What comes back of two lines that were put with the same settings."""
    topic = broker.create_topic()
    produce([b"one", b"two"], topic, settings)
    with reader(settings, [topic]) as source:
        reading = Reading(source)
        reading.until(lambda: len(reading.payloads()) >= 2)
    return reading.payloads()


WAYS = [
    (Listener.PLAINTEXT, None),
    (Listener.TLS, None),
    (Listener.MUTUAL_TLS, None),
    (Listener.SASL_PLAIN, "PLAIN"),
    (Listener.SASL_SCRAM, "SCRAM-SHA-256"),
    (Listener.SASL_SCRAM, "SCRAM-SHA-512"),
    (Listener.SASL_TLS, "PLAIN"),
    (Listener.SASL_TLS, "SCRAM-SHA-512"),
]


@pytest.mark.parametrize(
    ("listener", "mechanism"), WAYS, ids=lambda way: way.name if isinstance(way, Listener) else way
)
def test_every_way_in_is_passed(broker: KafkaBroker, listener: Listener, mechanism: str | None) -> None:
    settings = secured(broker, listener, security_of(broker, listener, mechanism))

    assert there_and_back(broker, settings) == [b"one", b"two"]


def token(subject: str, life: float = 300.0) -> str:
    now = time.time()
    parts = ({"alg": "none"}, {"sub": subject, "iat": now, "exp": now + life})
    return ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts) + "."


def test_a_token_from_a_file_is_passed(broker: KafkaBroker, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(token("me") + "\n")
    security = KafkaSecurity("SASL_PLAINTEXT", "OAUTHBEARER", oauth=TokenFile(file))

    assert there_and_back(broker, secured(broker, Listener.SASL_PLAIN, security)) == [b"one", b"two"]


def test_a_token_that_was_renewed_is_taken_up_without_a_restart(broker: KafkaBroker, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(token("me", life=-60))
    security = KafkaSecurity("SASL_PLAINTEXT", "OAUTHBEARER", oauth=TokenFile(file))
    topic = broker.create_topic()
    produce([b"there"], topic, quick(broker))

    with reader(secured(broker, Listener.SASL_PLAIN, security), [topic]) as source:
        with pytest.raises(SourceAway):
            next(source.batches())
        file.write_text(token("me"))
        reading = Reading(source)
        reading.until(lambda: bool(reading.payloads()))

    assert reading.payloads() == [b"there"]


def refusal(settings: KafkaSettings) -> str:
    with reader(settings, ["any"]) as source, pytest.raises(SourceAway) as refused:
        next(source.batches())
    return str(refused.value)


def test_a_wrong_password_is_said_and_not_shown(broker: KafkaBroker, caplog: pytest.LogCaptureFixture) -> None:
    security = security_of(broker, Listener.SASL_SCRAM, "SCRAM-SHA-512", password="not-the-password")

    why = refusal(secured(broker, Listener.SASL_SCRAM, security))

    # The broker's own word is lost where it hangs up before the client has read it.
    assert "Authentication failed" in why or "check kafka.security" in why
    assert "not-the-password" not in why + caplog.text + repr(security)


def test_a_password_that_was_changed_is_taken_up_without_a_restart(broker: KafkaBroker) -> None:
    known = ["old", PASSWORD]
    security = KafkaSecurity("SASL_PLAINTEXT", "PLAIN", USER, password=lambda: known[0])
    topic = broker.create_topic()
    produce([b"there"], topic, quick(broker))

    with reader(secured(broker, Listener.SASL_PLAIN, security), [topic]) as source:
        with pytest.raises(SourceAway):
            next(source.batches())
        known.pop(0)
        reading = Reading(source)
        reading.until(lambda: bool(reading.payloads()))

    assert reading.payloads() == [b"there"]


# The client leaves sockets that failed to shake hands to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_a_broker_that_nobody_vouches_for_is_refused(broker: KafkaBroker) -> None:
    why = refusal(secured(broker, Listener.TLS, KafkaSecurity("SSL")))
    gc.collect()

    assert "certificate verify failed" in why


def test_a_broker_of_another_name_is_refused_unless_told_otherwise(broker: KafkaBroker) -> None:
    authority = security_of(broker, Listener.TLS).ca_file
    port = broker.bootstrap(Listener.TLS).rpartition(":")[2]
    # The certificate is for localhost and 127.0.0.1.
    elsewhere = f"127.0.0.2:{port}"

    strict = KafkaSecurity("SSL", ca_file=authority)
    lenient = KafkaSecurity("SSL", ca_file=authority, check_hostname=False)

    assert client_options(quick(elsewhere, security=strict))["ssl_context"].check_hostname
    assert not client_options(quick(elsewhere, security=lenient))["ssl_context"].check_hostname


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_a_client_without_a_certificate_is_refused_where_one_is_asked_for(broker: KafkaBroker) -> None:
    told = security_of(broker, Listener.MUTUAL_TLS)
    bare = KafkaSecurity("SSL", ca_file=told.ca_file)

    why = refusal(secured(broker, Listener.MUTUAL_TLS, bare))
    gc.collect()

    assert "no broker" in why


def test_a_secret_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    security = KafkaSecurity("SSL", ca_file=tmp_path / "missing.pem")

    assert "missing.pem" in refusal(quick("127.0.0.1:9", security=security))


def test_failing_to_connect_leaves_no_threads_behind(broker: KafkaBroker) -> None:
    before = threading.active_count()
    with reader(quick("127.0.0.1:9", connect_timeout=0.3), ["any"]) as source:
        for _ in range(3):
            with pytest.raises(SourceAway):
                next(source.batches())

    assert threading.active_count() <= before


def test_reading_ends_when_the_source_is_closed(broker: KafkaBroker) -> None:
    topic = broker.create_topic()
    before = threading.active_count()
    with reader(quick(broker), [topic]) as source:
        arrivals = source.batches()
        next(arrivals)

    assert not [arrival for arrival in arrivals if isinstance(arrival, Batch)]
    # No consumer was made to look once more.
    assert threading.active_count() <= before


def test_the_settings_file_says_it_all(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.touch()
    security = Security.model_validate(
        {
            "protocol": "SASL_SSL",
            "mechanism": "SCRAM-SHA-512",
            "username": "me",
            "password_file": Secret("hush"),
            "ca_file": str(authority),
        }
    )
    section = Kafka(bootstrap_servers=["a:1", "b:2"], group_id="g", poll_records=7, security=security)

    settings = kafka_settings(section)

    assert settings.bootstrap_servers == ("a:1", "b:2")
    assert (settings.group_id, settings.client_id, settings.poll_records) == ("g", "momentwatch", 7)
    told = settings.security
    assert (told.protocol, told.mechanism, told.username) == ("SASL_SSL", "SCRAM-SHA-512", "me")
    assert told.password is not None
    assert told.password() == "hush"
    assert told.ca_file == authority
    assert "hush" not in repr(settings)
