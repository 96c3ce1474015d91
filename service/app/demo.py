"""The demo: a year of flights through the pipeline that `serve` runs, notices printed instead of sent."""

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from service.adapters.memory_source import LineSource
from service.adapters.store import open_store
from service.app.service import Options, Service
from service.core.catalog import Catalog, Target
from service.core.event import Micros, Partition
from service.core.outbox import Delivery
from service.core.reporting.carried import places
from service.core.reporting.report import Line, Span, lines
from service.core.telling.route import Message

TOPIC = "flights.departures"
FLIGHTS = 336_776
_TERMINAL = "terminal"


class Printed:
    """A notifier whose only target is whoever runs the demo."""

    def __init__(self, show: Callable[[Message], None]) -> None:
        self._show = show

    def send(self, target: str, message: Message) -> Delivery:
        """Shown is sent."""
        del target
        self._show(message)
        return Delivery("sent", "printed")

    def keeps_incidents(self, target: str) -> bool:
        """A terminal keeps nothing."""
        del target
        return False


class Demo:
    """The service over an embedded source and a database in a temporary folder."""

    def __init__(
        self,
        catalog: Catalog,
        events: Callable[[], Iterable[bytes]],
        show: Callable[[Message], None],
        port: int = 0,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="momentwatch-demo-")
        self.catalog = told(catalog)
        store = open_store(f"sqlite:///{Path(self._folder.name) / 'demo.db'}", self.catalog.moments)
        source = LineSource(Partition(TOPIC, 0, TOPIC), events(), batch=5000)
        options = Options(port=port, live=False, watch_pause=0.2)
        self.service = Service(self.catalog, store, source, Printed(show), options)

    def read(self) -> int:
        """How many events have been read so far."""
        return self.service.store.counts().read

    def finished(self) -> bool:
        """The year is over, judged and told."""
        if not self.service.read_to_the_end:
            return False
        # The judging first, then the routing: what there is to tell is in the outbox once both are over.
        if self.service.watch.has_more() or self.service.store.news(1):
            return False
        return all(row.state not in {"waiting", "attempting"} for row in self.service.store.outbox(limit=1000))

    def found(self) -> tuple[list[Line], Span]:
        """What was found, as `backtest` reports it."""
        store = self.service.store
        marks = [clock.latest for clock in store.clocks() if clock.latest is not None]
        first: list[Micros] = []
        for name in self.catalog.moments:
            totals = store.totals(name, 0, max(marks, default=0) + 1, 86_400_000_000)
            first += [at for at, _ in totals[:1]]
        span = Span(min(first, default=0), max(marks, default=0) + 1)
        return lines(store, dict(self.catalog.moments), span), span

    def places(self, span: Span) -> dict[str, str]:
        """Where the interruptions of everything were worst, in words, by their ids."""
        return places(self.service.store, self.catalog.moments, span.end)

    def close(self) -> int:
        """End everything; the exit code."""
        code = self.service.close()
        self._folder.cleanup()
        return code


def told(catalog: Catalog) -> Catalog:
    """The catalogue with every owner at the terminal."""
    owners = {name: replace(owner, targets=(_TERMINAL,)) for name, owner in catalog.owners.items()}
    return replace(catalog, owners=owners, targets={_TERMINAL: Target(_TERMINAL)})
