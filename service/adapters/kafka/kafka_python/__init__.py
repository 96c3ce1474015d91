"""kafka-python behind the source: pure Python, nothing to compile, the default."""

from service.adapters.kafka.kafka_python.client import PythonTransport

__all__ = ["PythonTransport"]
