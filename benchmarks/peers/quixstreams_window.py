"""What a user of quixstreams would write: attempts and breaks a minute of event time and region, keyed by region."""

import sys
import tempfile
from datetime import datetime, timedelta
from typing import Any

from quixstreams import Application
from quixstreams.dataframe.windows import Count, Sum
from stopwatch import Stopwatch


def _when(value: Any, headers: Any, timestamp: float, kind: Any) -> int:
    del headers, timestamp, kind
    return int(datetime.fromisoformat(value["time"]).timestamp() * 1000)


def main(bootstrap: str, name: str, events: int) -> None:
    """Read so many events."""
    watch = Stopwatch(events)
    with tempfile.TemporaryDirectory() as folder:
        application = Application(
            broker_address=bootstrap,
            consumer_group=f"quix-{folder[-6:]}",
            auto_offset_reset="earliest",
            state_dir=folder,
            loglevel="ERROR",
        )
        topic = application.topic(name, value_deserializer="json", timestamp_extractor=_when)

        def seen(value: dict[str, Any]) -> dict[str, Any]:
            if watch.saw():
                application.stop()
            return value

        frame = application.dataframe(topic).apply(seen)
        frame = frame.apply(lambda event: {"broken": int(event["outcome"] == "broken")})
        window = frame.tumbling_window(timedelta(minutes=1), grace_ms=timedelta(seconds=30))
        window.agg(attempts=Count(), broken=Sum("broken")).final()
        application.run()
        watch.stop()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
