"""How Kafka is reached and read, as librdkafka is told it."""

import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from service.adapters.kafka.settings import KafkaSecurity, KafkaSettings
from service.adapters.kafka.tokens import token_provider

QUEUED_KIB = 32 * 1024
"""How much is fetched ahead at most, all partitions together; the client's own 64 MiB buy no speed."""
REMEDY = (
    "the package confluent-kafka is not installed: pip install 'momentwatch[librdkafka]', or leave kafka.client out"
)


def need_package() -> None:
    """Raise ImportError where the extra is missing."""
    if find_spec("confluent_kafka") is None:
        raise ImportError(f"kafka.client librdkafka {REMEDY}")


def client_options(settings: KafkaSettings) -> dict[str, Any]:
    """What every librdkafka client is told. Raises OSError where a file or a secret cannot be read."""
    return {
        "bootstrap.servers": ",".join(settings.bootstrap_servers),
        "client.id": settings.client_id,
        "topic.metadata.refresh.interval.ms": round(settings.metadata_age * 1000),
        "metadata.max.age.ms": round(settings.metadata_age * 3000),
        "socket.connection.setup.timeout.ms": max(1_000, round(settings.connect_timeout * 1000)),
        "reconnect.backoff.max.ms": 2_000,
    } | _security_options(settings.security)


def _security_options(security: KafkaSecurity) -> dict[str, Any]:
    options: dict[str, Any] = {"security.protocol": security.protocol}
    if security.protocol in ("SSL", "SASL_SSL"):
        security.need_files()
        given = {
            "ssl.ca.location": security.ca_file,
            "ssl.certificate.location": security.cert_file,
            "ssl.key.location": security.key_file,
        }
        options |= {name: str(file) for name, file in given.items() if file is not None}
        options["ssl.endpoint.identification.algorithm"] = "https" if security.check_hostname else "none"
        if security.key_password is not None:
            options["ssl.key.password"] = security.key_password()
    if security.protocol in ("SASL_PLAINTEXT", "SASL_SSL"):
        options["sasl.mechanism"] = security.mechanism
        if security.mechanism == "OAUTHBEARER":
            if security.oauth is None:
                raise ValueError("kafka.security.oauth: missing, OAUTHBEARER needs it: say where tokens come from")
            options["oauth_cb"] = _token_giver(security)
        else:
            options["sasl.username"] = security.username
            options["sasl.password"] = security.password() if security.password else None
    return options


def _token_giver(security: KafkaSecurity) -> Callable[[str], tuple[str, float]]:
    if security.oauth is None:
        raise ValueError("kafka.security.oauth: missing, OAUTHBEARER needs it: say where tokens come from")
    provider = token_provider(security.oauth)

    def token(config: str) -> tuple[str, float]:
        del config
        text: str = provider.token()
        return text, time.time() + provider.life()

    return token


def consumer_options(settings: KafkaSettings) -> dict[str, Any]:
    """What the consumer is told: positions are ours, and only what was committed to the log is read."""
    return (
        client_options(settings)
        | {
            "group.id": settings.group_id,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            "allow.auto.create.topics": False,
            "check.crcs": True,
            # Says how far the client went over records that nobody sees.
            "enable.partition.eof": True,
            # As kafka-python names them, so that replicas of both kinds share a group while one replaces the other.
            "partition.assignment.strategy": "roundrobin,range",
            "max.partition.fetch.bytes": settings.partition_fetch_bytes,
            "fetch.max.bytes": settings.fetch_bytes,
            "queued.max.messages.kbytes": QUEUED_KIB,
            # A full queue is looked at again so soon; the client's own second would leave it empty meanwhile.
            "fetch.queue.backoff.ms": 10,
            "fetch.wait.max.ms": 250,
            "session.timeout.ms": round(settings.session_timeout * 1000),
            "heartbeat.interval.ms": min(3_000, round(settings.session_timeout * 1000 / 3)),
        }
        | ({"group.instance.id": settings.instance_id} if settings.instance_id else {})
    )
