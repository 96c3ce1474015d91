"""How Kafka is reached and read, as kafka-python is told it; secrets are asked for when they are needed."""

import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from kafka.errors import KafkaTimeoutError, RequestTimedOutError, SaslAuthenticationFailedError

from service.adapters.kafka.tokens import ClientCredentials, TokenFile, token_provider

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]
OUT_OF_TIME = (KafkaTimeoutError, RequestTimedOutError)
AskSecret = Callable[[], str]
"""Gives a secret; asked for every new client, so that one that was changed is taken up without a restart."""


@dataclass(frozen=True, slots=True)
class KafkaSecurity:
    """Encryption, and who the client is."""

    protocol: Protocol = "PLAINTEXT"
    mechanism: Mechanism | None = None
    username: str | None = None
    password: AskSecret | None = field(default=None, repr=False)
    oauth: TokenFile | ClientCredentials | None = None
    ca_file: Path | None = None
    """Who may vouch for the brokers; None: whom the system trusts."""
    cert_file: Path | None = None
    key_file: Path | None = None
    key_password: AskSecret | None = field(default=None, repr=False)
    check_hostname: bool = True


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """Where the brokers are, who reads, and how much at a time; times in seconds.

    `away_after`: so long without any broker's answer, they are said to be away. `stuck_after`: so long
    without progress although records are there to be read, the consumer is made anew; twice is an error.
    """

    bootstrap_servers: tuple[str, ...] = ("localhost:9092",)
    group_id: str = "momentwatch"
    client_id: str = "momentwatch"
    instance_id: str | None = None
    """A name that stays the same over restarts keeps this reader's partitions for it in the meantime."""
    security: KafkaSecurity = field(default_factory=KafkaSecurity)
    poll_records: int = 5_000
    partition_fetch_bytes: int = 2 * 1024 * 1024
    fetch_bytes: int = 32 * 1024 * 1024
    session_timeout: float = 45.0
    metadata_age: float = 5.0
    connect_timeout: float = 5.0
    away_after: float = 10.0
    stuck_after: float = 60.0


def client_options(settings: KafkaSettings) -> dict[str, Any]:
    """What every kafka-python client is told. Raises OSError where a file or a secret cannot be read."""
    return {
        "bootstrap_servers": list(settings.bootstrap_servers),
        "client_id": settings.client_id,
        "metadata_max_age_ms": round(settings.metadata_age * 1000),
        "bootstrap_timeout_ms": round(settings.connect_timeout * 1000),
        "reconnect_backoff_max_ms": 2_000,
    } | _security_options(settings.security)


def _security_options(security: KafkaSecurity) -> dict[str, Any]:
    options: dict[str, Any] = {"security_protocol": security.protocol}
    if security.protocol in ("SSL", "SASL_SSL"):
        options["ssl_context"] = _tls(security)
    if security.protocol in ("SASL_PLAINTEXT", "SASL_SSL"):
        options["sasl_mechanism"] = security.mechanism
        if security.mechanism == "OAUTHBEARER":
            if security.oauth is None:
                raise ValueError("kafka.security.oauth: missing, OAUTHBEARER needs it: say where tokens come from")
            options["sasl_oauth_token_provider"] = token_provider(security.oauth)
        else:
            options["sasl_plain_username"] = security.username
            options["sasl_plain_password"] = security.password() if security.password else None
    return options


def _tls(security: KafkaSecurity) -> ssl.SSLContext:
    for file in (security.ca_file, security.cert_file, security.key_file):
        if file is not None:
            # So that an error names the file; those of the ssl module do not.
            file.stat()
    context = ssl.create_default_context(cafile=security.ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = security.check_hostname
    if security.cert_file is not None:
        context.load_cert_chain(security.cert_file, security.key_file, security.key_password)
    return context


def consumer_options(settings: KafkaSettings) -> dict[str, Any]:
    """What the consumer is told: positions are ours, and only what was committed to the log is read."""
    return client_options(settings) | {
        "group_id": settings.group_id,
        "group_instance_id": settings.instance_id,
        "enable_auto_commit": False,
        "auto_offset_reset": "none",
        "isolation_level": "read_committed",
        "allow_auto_create_topics": False,
        "check_crcs": True,
        "metrics_enabled": False,
        "max_poll_records": settings.poll_records,
        "max_partition_fetch_bytes": settings.partition_fetch_bytes,
        "fetch_max_bytes": settings.fetch_bytes,
        "session_timeout_ms": round(settings.session_timeout * 1000),
        "heartbeat_interval_ms": min(3_000, round(settings.session_timeout * 1000 / 3)),
        # A topic that is not there yet is asked for this often.
        "retry_backoff_ms": 250,
    }


def need_checksums() -> None:
    """Raise ImportError where kafka-python would fall back to checksums in Python, ten times slower."""
    if find_spec("crc32c") is None:
        raise ImportError("the package crc32c is not installed, reading would be ten times slower: pip install crc32c")


class Hush(logging.Filter):
    """Keeps kafka-python's commentary on brokers that are away out of the log, and remembers its reason.

    Whoever waits for a broker says so once, with the reason; the client would say it several times a second.
    """

    LOGGERS = (
        "kafka.cluster",
        "kafka.consumer.fetcher",
        "kafka.coordinator",
        "kafka.net.connection",
        "kafka.net.manager",
        "kafka.net.transport",
    )

    def __init__(self) -> None:
        super().__init__()
        self.reason: str | None = None
        # Its DEBUG level prints requests with what is in them.
        client = logging.getLogger("kafka")
        client.setLevel(max(client.level, logging.WARNING))
        for name in self.LOGGERS:
            logging.getLogger(name).addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Let nothing through."""
        for argument in record.args if isinstance(record.args, tuple) else ():
            # The first is the reason, what follows from it is not; nor is it a reason that time ran out. But a
            # client that is not let in says first that it was cut off.
            if isinstance(argument, SaslAuthenticationFailedError):
                self.reason = str(argument)
            elif self.reason is None and isinstance(argument, Exception) and not isinstance(argument, OUT_OF_TIME):
                self.reason = str(argument) or None
        return False

    def forget(self) -> None:
        """Begin anew: what was said so far was about something else."""
        self.reason = None

    def lift(self) -> None:
        """Let the client speak for itself again."""
        for name in self.LOGGERS:
            logging.getLogger(name).removeFilter(self)
