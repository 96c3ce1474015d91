"""Keeps kafka-python from talking about brokers that are away, and remembers what it would have said."""

import logging

from kafka.errors import KafkaTimeoutError, RequestTimedOutError, SaslAuthenticationFailedError

OUT_OF_TIME = (KafkaTimeoutError, RequestTimedOutError)


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
