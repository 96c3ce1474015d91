"""How Kafka is reached and read, as kafka-python is told it."""

import ssl
from importlib.util import find_spec
from typing import Any

from service.adapters.kafka.settings import KafkaSecurity, KafkaSettings
from service.adapters.kafka.tokens import token_provider

CODECS = "pip install 'momentwatch[kafka-codecs]' beside the service"
"""What to do where a topic is compressed by what is not installed."""


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
    security.need_files()
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
