"""What a user of bytewax would write: attempts and breaks a minute of event time, moment and region."""

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import bytewax.operators as op
import bytewax.operators.windowing as win
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import EventClock, TumblingWindower
from bytewax.testing import TestingSink, cluster_main
from stopwatch import Stopwatch


def main(bootstrap: str, name: str, events: int) -> None:
    """Read the whole topic; what comes after so many events is read, and not timed."""
    watch = Stopwatch(events)
    flow = Dataflow("windows")
    stream = op.input("kafka", flow, KafkaSource([bootstrap], [name], tail=False, batch_size=5_000))

    def parsed(message: Any) -> tuple[str, dict[str, Any]]:
        event = json.loads(message.value)
        watch.saw()
        return f"{event['moment']}/{event['dimensions']['region']}", event

    def add(counts: tuple[int, int], item: dict[str, Any]) -> tuple[int, int]:
        return counts[0] + 1, counts[1] + (item["outcome"] == "broken")

    clock = EventClock(
        ts_getter=lambda event: datetime.fromisoformat(event["time"]),
        wait_for_system_duration=timedelta(seconds=30),
    )
    windower = TumblingWindower(length=timedelta(minutes=1), align_to=datetime(2026, 1, 1, tzinfo=UTC))
    keyed = op.map("parse", stream, parsed)
    counted = win.fold_window(
        "count", keyed, clock, windower, lambda: (0, 0), add, lambda a, b: (a[0] + b[0], a[1] + b[1])
    )
    closed: list[Any] = []
    op.output("out", counted.down, TestingSink(closed))
    cluster_main(flow, [], 0)
    watch.stop(windows=len(closed))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
