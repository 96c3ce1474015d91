"""`momentwatch serve` at twice its rated load for as long as is asked: memory, threads and file descriptors as slopes.

An hour of event time goes by in a minute, so that what is remembered for an hour (ids, open windows) is full after one,
and windows close and are judged sixty times as often as they would be. It begins with a backlog, so that the largest
batches there can be have been held, too. What still grows after that grows for ever.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.coming import Make, coming
from benchmarks.stream import DIMENSIONS, PARTITIONS
from service.loops.ingest import Pace
from tests.e2e.running import Serve, kafka_at, write_catalogue
from tests.harness.kafka import own_broker

RATED = 1_000
"""Events a second that the manual says one small machine is for."""
SPEED = 60
MOMENTS = 10
VALUES = (20, 3, 4, 2)
CUSTOMERS = 20_000
WARM_S = 300.0
BACKLOG = 2 * PARTITIONS * Pace().records
"""Two full batches of each partition."""
EVERY_S = 1.0
ALLOWED = {"RSS, MiB": 24.0, "threads": 3.0, "file descriptors": 3.0}
"""An hour; of event time that is two days and a half."""
NOTHING = 0.1
"""Of the middle: batches are larger while the machine is busy with something else."""
STUDENT = 2.31
"""Of ten stretches less two."""
BEHIND_S = 3.0
"""So many seconds' worth of records ahead are a backlog."""
ASK_EVERY = 5
FEWEST = 60
"""Readings that a slope needs."""


class Row(NamedTuple):
    """What the process held at a time, and whether it was behind."""

    at: float
    behind: bool
    rss: float
    threads: int
    handles: int


@dataclass(frozen=True)
class Slope:
    """How a figure goes over time: its middle, how much more there is an hour later, and half of its 95 % interval."""

    what: str
    middle: float
    an_hour: float
    error: float
    hours: float

    @property
    def verdict(self) -> str:
        """`GROWS`: by more than is allowed, not by chance, and by more than batches that are larger for a while.

        `UNCLEAR`: what chance leaves open is more than what is allowed.
        """
        if self.an_hour - self.error > ALLOWED[self.what] and self.an_hour * self.hours > NOTHING * self.middle:
            return "GROWS"
        return "flat" if self.an_hour + self.error <= ALLOWED[self.what] else "UNCLEAR, soak longer"

    def __str__(self) -> str:
        verdict = self.verdict
        return f"{self.what:<18}{self.middle:>10.1f}{self.an_hour:>+12.2f} ± {self.error:<8.2f} {verdict}"


def slope(what: str, at: Sequence[float], seen: Sequence[float]) -> Slope:
    """By least squares; the error from means of ten stretches, for neighbours are alike."""
    x, y = np.asarray(at) / 3600, np.asarray(seen, dtype=float)
    parts = zip(np.array_split(x, 10), np.array_split(y, 10), strict=True)
    stretches = [(part_x.mean(), part_y.mean()) for part_x, part_y in parts]
    mean_x, mean_y = (np.array(column) for column in zip(*stretches, strict=True))
    centred = mean_x - mean_x.mean()
    spread = float((centred**2).sum())
    rise = float((centred * mean_y).sum()) / spread
    rest = mean_y - mean_y.mean() - rise * centred
    error = float(np.sqrt((rest**2).sum() / (len(mean_x) - 2) / spread))
    return Slope(what, float(np.median(y)), rise, STUDENT * error, float(x[-1] - x[0]))


def carried(rows: Sequence[Row]) -> Sequence[Row]:
    """The longest stretch in which the service kept up.

    A backlog is memory too, and leaves the allocator with more than before: that is no leak, and no load either.
    """
    found: list[list[Row]] = [[]]
    for row in rows:
        if row.behind:
            found.append([])
        else:
            found[-1].append(row)
    return max(found, key=len)


def kept_up(rows: Sequence[Row], kept: Sequence[Row]) -> str:
    """How long the service kept up on end, and whether that says anything."""
    share = len(kept) / max(1, len(rows))
    said = f"kept up for {share:.0%} of the time on end"
    if rows and share < 1 / 2:
        return f"{said}, BEHIND: nothing is known of this rate here; give a lower --rate"
    if len(kept) < FEWEST:
        return f"{said}, TOO SHORT: {len(kept)} readings, and a slope needs {FEWEST}; give more --minutes"
    return said


def _event_of(rate: float) -> Make:
    """Events of `SPEED` times the time that goes by, made from a seed."""
    draw, began = random.Random(1), datetime.now(UTC) - timedelta(days=30)

    def make(number: int, now: datetime) -> Mapping[str, Any]:
        del now
        return {
            "id": f"{draw.getrandbits(128):032x}",
            "time": (began + timedelta(seconds=SPEED * number / rate)).isoformat(),
            "type": "outcome",
            "moment": f"moment-{number % MOMENTS}",
            "customer": f"customer-{draw.randrange(CUSTOMERS)}",
            "outcome": "broken" if draw.random() < 0.02 else "kept",  # noqa: PLR2004  # two of a hundred, as elsewhere
            "duration_s": round(draw.lognormvariate(1, 0.5), 2),
            "dimensions": {name: f"{name}-{draw.randrange(n)}" for name, n in zip(DIMENSIONS, VALUES, strict=True)},
        }

    return make


def _status(pid: int) -> tuple[float, int, int]:
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    handles = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return int(fields["VmRSS"].split()[0]) / 1024, int(fields["Threads"]), handles


def soak(minutes: float, rate: float) -> list[str]:
    """The table's lines, the slopes last; whoever grows says so."""
    with closing(own_broker()) as broker, tempfile.TemporaryDirectory() as folder:
        topic, place = broker.create_topic(partitions=PARTITIONS), Path(folder)
        shape = {"kind": "Moment", "owner": "ops", "dimensions": list(DIMENSIONS)}
        moments = [shape | {"name": f"moment-{n}"} for n in range(MOMENTS)]
        source = {"kind": "Source", "name": "s", "topic": topic, "clock": "event"}
        rules = write_catalogue(place / "rules", {"kind": "Owner", "name": "ops"}, source, *moments)
        service = Serve(place / "run", rules, kafka_at(broker.bootstrap_servers))
        service.begin()
        try:
            with coming(broker.bootstrap_servers, topic, rate, _event_of(rate), PARTITIONS, ahead=BACKLOG):
                time.sleep(WARM_S)
                read, began = service.metric("events_read_total"), time.monotonic()
                rows: list[Row] = []
                lag = 0.0
                while (at := time.monotonic() - began) < minutes * 60:
                    if len(rows) % ASK_EVERY == 0:
                        # As whoever watches it does.
                        lag = service.metric("consumer_lag_records")
                    rows.append(Row(at, lag > BEHIND_S * rate, *_status(service.pid)))
                    if len(rows) % 60 == 0:
                        print(
                            f"{at / 60:4.1f} min  RSS {rows[-1].rss:.0f} MiB, {lag:,.0f} behind",
                            file=sys.stderr,
                            flush=True,
                        )
                    time.sleep(EVERY_S)
                came = (service.metric("events_read_total") - read) / (time.monotonic() - began)
                lag = service.metric("consumer_lag_records")
            off = service.metric("reconcile_difference")
        finally:
            code = service.end()
    kept = carried(rows)
    figures: tuple[Sequence[float], ...] = (
        [row.rss for row in kept],
        [row.threads for row in kept],
        [row.handles for row in kept],
    )
    times = [row.at for row in kept]
    slopes = (
        [slope(what, times, seen) for what, seen in zip(ALLOWED, figures, strict=True)] if len(kept) >= FEWEST else []
    )
    books = f"books off by {off:g}{' WRONG' if off else ''}, exit {code}{' WRONG' if code else ''}"
    load = f"read {came:,.0f} a second of {rate:,.0f}, {kept_up(rows, kept)}"
    head = f"{'':<18}{'middle':>10}{'an hour':>12}"
    return [head, *map(str, slopes), f"{load}; {books}; {minutes:g} minutes after {WARM_S:g} s of warming"]


def main() -> int:
    """Print the table; 1 where something grows, falls behind or is lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=2.0 * RATED, help="events a second, twice what is rated")
    told = parser.parse_args()
    lines = soak(told.minutes, told.rate)
    print("\n".join(lines))
    return int(any(word in line for line in lines for word in ("GROWS", "UNCLEAR", "BEHIND", "TOO SHORT", "WRONG")))


if __name__ == "__main__":
    sys.exit(main())
