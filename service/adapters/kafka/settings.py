"""How Kafka is reached and read, whichever client does it; secrets are asked for when they are needed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from service.adapters.kafka.tokens import ClientCredentials, TokenFile

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]
Library = Literal["kafka-python", "librdkafka"]
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

    def need_files(self) -> None:
        """Raise OSError for a file that is missing; unlike those of the libraries, it names the file."""
        for file in (self.ca_file, self.cert_file, self.key_file):
            if file is not None:
                file.stat()


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """Where the brokers are, who reads, and how much at a time; times in seconds.

    `away_after`: so long without any broker's answer, they are said to be away. `stuck_after`: so long
    without progress although records are there to be read, the consumer is made anew; twice is an error.
    """

    bootstrap_servers: tuple[str, ...] = ("localhost:9092",)
    client: Library = "kafka-python"
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
