"""From the settings file's section to what the source and the producer are told."""

from service.adapters.kafka.settings import KafkaSecurity, KafkaSettings
from service.adapters.kafka.tokens import ClientCredentials, TokenFile
from service.settings.fields import Secret
from service.settings.kafka import Kafka, OAuth


def kafka_settings(section: Kafka) -> KafkaSettings:
    """The settings of the section, which was checked when the file was read."""
    security = section.security
    return KafkaSettings(
        bootstrap_servers=tuple(section.bootstrap_servers),
        client=section.client,
        group_id=section.group_id,
        client_id=section.client_id,
        poll_records=section.poll_records,
        security=KafkaSecurity(
            protocol=security.protocol,
            mechanism=security.mechanism,
            username=security.username,
            password=security.password.reveal if security.password else None,
            oauth=_oauth(security.oauth) if security.oauth else None,
            ca_file=security.ca_file,
            cert_file=security.cert_file,
            key_file=security.key_file,
            key_password=security.key_password_env.reveal if security.key_password_env else None,
            check_hostname=security.check_hostname,
        ),
    )


def _oauth(section: OAuth) -> TokenFile | ClientCredentials:
    if section.token_file is not None:
        return TokenFile(section.token_file)
    return ClientCredentials(
        token_url=section.token_url or "",
        client_id=section.client_id or "",
        client_secret=(section.client_secret_file or Secret("")).reveal,
        scope=section.scope,
    )
