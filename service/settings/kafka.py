"""How Kafka is reached: servers, encryption, and who the client is."""

from collections.abc import Collection, Mapping
from importlib.util import find_spec
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from service.adapters.catalog.fields import Line, Url, listed, wrong
from service.settings.fields import (
    NOT_INLINE,
    LocalPath,
    Password,
    ReadableFile,
    SecretOfFile,
    SecretOfVariable,
    Section,
    Server,
    loopback,
)

_OF_TLS = ("ca_file", "cert_file", "key_file", "key_password_env", "check_hostname")
_OF_PASSWORDS = ("username", "password_file", "password_env")
_OF_SASL = ("mechanism", *_OF_PASSWORDS, "oauth")


class OAuth(Section):
    """Where the bearer token for Kafka comes from: a file that something else renews, or a token endpoint."""

    token_file: LocalPath | None = None
    token_url: Url | None = None
    client_id: Line | None = None
    client_secret_file: SecretOfFile | None = None
    scope: Line | None = None

    refused: ClassVar[Mapping[str, str]] = {
        "token": "a secret does not belong in this file; write token_file: PATH",
        "client_secret": "a secret does not belong in this file; write client_secret_file: PATH",
    }

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.token_file is None) == (self.token_url is None):
            raise wrong("needs one of token_file and token_url; keep or add one")
        asked = {
            "client_id": self.client_id is not None,
            "client_secret_file": self.client_secret_file is not None,
            "scope": self.scope is not None,
        }
        if self.token_url is None:
            for key in (key for key, given in asked.items() if given):
                raise wrong("has no effect with token_file; remove it", (key,))
            return self
        for key in ("client_id", "client_secret_file"):
            if not asked[key]:
                raise wrong(f"needs {key} beside token_url; add it")
        parts = urlsplit(self.token_url)
        if parts.scheme.lower() != "https" and not loopback(parts.hostname or ""):
            raise wrong("would send the client's secret in the clear; write an https:// address", ("token_url",))
        return self


class Security(Password):
    """How Kafka is spoken to."""

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] | None = None
    username: Line | None = None
    oauth: OAuth | None = None
    ca_file: ReadableFile | None = None
    cert_file: ReadableFile | None = None
    key_file: ReadableFile | None = None
    key_password_env: SecretOfVariable | None = None
    check_hostname: bool = True

    refused: ClassVar[Mapping[str, str]] = {
        "password": NOT_INLINE,
        "key_password": "a secret does not belong in this file; write key_password_env: NAME",
    }

    @property
    def tls(self) -> bool:
        """The connection is encrypted."""
        return self.protocol in ("SSL", "SASL_SSL")

    @property
    def sasl(self) -> bool:
        """The client names itself."""
        return self.protocol.startswith("SASL_")

    @model_validator(mode="after")
    def _no_contradiction(self) -> Self:
        if not self.tls:
            self._useless(_OF_TLS, f"protocol {self.protocol}; write SSL or SASL_SSL")
        if not self.sasl:
            self._useless(_OF_SASL, f"protocol {self.protocol}; write SASL_SSL")
        if (self.cert_file is None) != (self.key_file is None):
            raise wrong("needs cert_file and key_file together; add the other")
        if self.key_password_env is not None and self.key_file is None:
            raise wrong("has no effect without key_file; add that", ("key_password_env",))
        if self.sasl:
            self._who()
        return self

    def _who(self) -> None:
        if self.mechanism is None:
            message = f"protocol {self.protocol} needs a mechanism; add one such as mechanism: SCRAM-SHA-512"
            raise wrong(message)
        if self.mechanism == "OAUTHBEARER":
            self._useless(_OF_PASSWORDS, "mechanism OAUTHBEARER; remove it")
            if self.oauth is None:
                raise wrong("mechanism OAUTHBEARER needs oauth; add oauth: {token_file: PATH}")
            return
        self._useless(("oauth",), f"mechanism {self.mechanism}; write OAUTHBEARER")
        if self.username is None or self.password is None:
            message = f"mechanism {self.mechanism} needs username and password_file or password_env; add them"
            raise wrong(message)

    def _useless(self, keys: Collection[str], why: str) -> None:
        for key in keys:
            if key in self.model_fields_set:
                raise wrong(f"has no effect with {why}", (key,))


def _installed(client: str) -> str:
    if client == "librdkafka" and find_spec("confluent_kafka") is None:
        raise wrong("needs the package confluent-kafka; pip install 'momentwatch[librdkafka]'")
    return client


class Kafka(Section):
    """Where events come from."""

    bootstrap_servers: Annotated[list[Server], listed(least=1)] = Field(examples=["[localhost:9092]"])
    client: Annotated[Literal["kafka-python", "librdkafka"], AfterValidator(_installed)] = "kafka-python"
    group_id: Line = "momentwatch"
    client_id: Line = "momentwatch"
    security: Security = Field(default_factory=Security)
    start: Literal["earliest", "latest"] = "earliest"
    poll_records: Annotated[int, Field(ge=1, le=100_000)] = 5_000
