"""Keeps librdkafka off stderr, and remembers what it says about brokers that are away."""

import logging
from typing import Any

from confluent_kafka import KafkaError

log = logging.getLogger(__name__)

# None of these says why.
OUT_OF_TIME = (KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT, KafkaError._MSG_TIMED_OUT)  # noqa: SLF001  # its names


class Remarks:
    """What clients of one source said; given to each as its callbacks.

    `reason`: the best word on why brokers are away. `refused`: they do not let the client in.
    """

    def __init__(self) -> None:
        self.reason: str | None = None
        self.refused = False
        # Outside of the tree of loggers: without one of its own, the client writes to stderr.
        self._logger = logging.Logger("librdkafka")  # noqa: LOG001  # on purpose, see above
        self._logger.addFilter(self._logged)

    def options(self) -> dict[str, Any]:
        """For a client's configuration."""
        return {"error_cb": self.heard, "logger": self._logger}

    def heard(self, error: KafkaError) -> None:
        """Take the client's word on its connections."""
        if error.code() == KafkaError._AUTHENTICATION:  # noqa: SLF001  # its name
            self.refused = True
            self.reason = error.str()
        elif self.reason is None and error.code() not in OUT_OF_TIME:
            self.reason = error.str()

    def forget(self) -> None:
        """Begin anew."""
        self.reason, self.refused = None, False

    @staticmethod
    def _logged(record: logging.LogRecord) -> bool:
        log.debug("%s", record.getMessage())
        return False
