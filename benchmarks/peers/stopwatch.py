"""Times one reader from its first record to its last; imports nothing, for it runs in every environment."""

import json
import resource
import sys
import time


class Stopwatch:
    """Counts records up to `events`; the answer goes to stdout as one line of JSON."""

    def __init__(self, events: int) -> None:
        self.events = events
        self.seen = 0
        self._wall = self._cpu = 0.0
        self._marked: tuple[float, float] | None = None

    def saw(self, records: int = 1) -> bool:
        """Take some records; the clock starts with the first. Whether that is all of them."""
        if not self.seen:
            self._wall, self._cpu = time.perf_counter(), time.process_time()
        self.seen += records
        return self.seen >= self.events

    def mark(self) -> None:
        """Take the time now: what comes after the last mark is not counted."""
        self._marked = time.perf_counter(), time.process_time()

    def stop(self, **more: object) -> None:
        """Say what it took."""
        wall, cpu = self._marked or (time.perf_counter(), time.process_time())
        answer = {
            "events": self.seen,
            "wall": wall - self._wall,
            "cpu": cpu - self._cpu,
            "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        sys.stdout.write(json.dumps(answer | more) + "\n")
        sys.stdout.flush()
