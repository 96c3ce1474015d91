"""Kafka: records in with positions that the database keeps, and a small producer for the demonstration."""

from service.adapters.kafka.configured import kafka_settings
from service.adapters.kafka.produce import produce
from service.adapters.kafka.settings import KafkaSecurity, KafkaSettings
from service.adapters.kafka.source import KafkaSource, StuckError
from service.adapters.kafka.tokens import ClientCredentials, TokenFile

__all__ = [
    "ClientCredentials",
    "KafkaSecurity",
    "KafkaSettings",
    "KafkaSource",
    "StuckError",
    "TokenFile",
    "kafka_settings",
    "produce",
]
