"""librdkafka behind the source: C, several times faster, an extra (`momentwatch[librdkafka]`)."""

from service.adapters.kafka.librdkafka.client import LibrdkafkaTransport

__all__ = ["LibrdkafkaTransport"]
