"""A stretch of closed windows counted anew: what corrected events say replaces what was counted, by its difference.

What is left afterwards is a function of the corrected events and of the promises made outside the stretch, so that
the same done twice, or once more after a crash, changes nothing. All of it amends: what was judged stays as judged.

The shape that was not chosen: to take back each record that was read, by its offset. Counts are sums, and what a
record once added to them is no longer known once a mapping has changed.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from service.core.catalog import Moment
from service.core.counting.changes import Break, Changes, View
from service.core.counting.course import follow
from service.core.counting.intake import Intake, settle
from service.core.counting.ledger import Account, Entry, Promised, account, fold
from service.core.counting.reach import Reach
from service.core.counting.tally import Cell, Values, stated
from service.core.counting.window import window_of
from service.core.event import Micros, Outcome, Partition, Promise, Record

Cells = Mapping[tuple[Micros, Values], Cell]


class Stretch(msgspec.Struct, frozen=True, gc=False):
    """[since, until) of one moment, whole windows; `reach`: how far it has come, closed at `until` or later."""

    since: Micros
    until: Micros
    reach: Reach

    def holds(self, at: Micros) -> bool:
        """Whether a time lies in it."""
        return self.since <= at < self.until


class Restated(msgspec.Struct, gc=False):
    """What counting anew came to: (attempts, broken) before and after, in the stretch, and the events' number."""

    before: tuple[int, int] = (0, 0)
    after: tuple[int, int] = (0, 0)
    arrivals_before: int = 0
    arrivals_after: int = 0


class Restating:
    """Counts a stretch of one moment anew. `digits`: of the currency's minor unit."""

    def __init__(self, intake: Intake, moment: Moment, stretch: Stretch, digits: int) -> None:
        self._intake = intake
        self._moment = moment
        self._stretch = stretch
        self._scale = 10**digits

    def run(
        self,
        records: Sequence[tuple[Partition, Record]],
        rows: Iterable[Promised],
        cells: Cells,
        breaks: Iterable[Break],
        changes: Changes,
    ) -> Restated:
        """Add what changes.

        `records`: the corrected events of the moment, their own time in the stretch, duplicates left out. `rows`: all
        promises of the moment. `cells`: what the windows of the stretch hold, as amended. `breaks`: those in it.
        """
        stretch, moment = self._stretch, self._moment
        plain = [(place, record) for place, record in records if _key(record) is None]
        keyed: dict[str, list[Record]] = {}
        for _, record in records:
            key = _key(record)
            if key is not None:
                keyed.setdefault(key, []).append(record)
        anew = Changes()
        told = {(row.moment, row.ref): row for row in breaks if row.ref.startswith("@")}
        view = View({moment.name: stretch.reach}, {})
        for place, record in plain:
            self._intake.take(place, [record], view, anew)
        for record in (one for some in keyed.values() for one in some):
            self._arrived(record, anew)
        held = Changes()
        for row in rows:
            self._settle(row, keyed.pop(row.key, []), held, changes)
        for key, some in keyed.items():
            self._settle(Promised(moment.name, key), some, held, changes)
        self._exchange(cells, held, anew, changes)
        for at in told.keys() | anew.breaks.keys():
            _exchange_break(at, told.get(at), anew.breaks.get(at), changes)
        return self._sums(cells, changes)

    def _arrived(self, record: Record, anew: Changes) -> None:
        window = window_of(record.at, self._moment.window)
        values = stated(getattr(record.event, "dimensions", None), self._moment.dimensions)
        anew.tally.cell(self._moment.name, window, values, late=True).arrivals += 1

    def _settle(self, row: Promised, corrected: Sequence[Record], held: Changes, changes: Changes) -> None:
        """Bring a promise from what was told of it to what is told now; what it counted for is noted in `held`."""
        moment, reach = self._moment, self._stretch.reach
        was = account(row, reach, moment.window)
        if was.amended is not None and self._stretch.holds(was.amended.at):
            # Alone in a book of its own, to be told from what the windows hold besides.
            settle(moment, row, Account(), Account(was.amended, (was.amended,)), 0, held)
        after = self._without(row)
        for record in corrected:
            after = fold(after, record, moment, self._scale)
        if after == row:
            return
        now = account(after, reach, moment.window)
        changes.promises[moment.name, row.key] = after
        settle(moment, after, was, now, reach.closed, changes)
        follow(moment, (row, reach), (after, reach), changes.tally)

    def _without(self, row: Promised) -> Promised:
        """A promise without what was told of it within the stretch."""

        def left(entry: Entry | None) -> Entry | None:
            return None if entry is not None and self._stretch.holds(entry.at) else entry

        first, newest = left(row.first), left(row.newest)
        # Of its promises the first and the newest are remembered: where one goes, the other stands for both.
        first, newest = first or newest, newest or first
        outcomes = [left(entry) for entry in (row.kept, row.broken, row.cancelled)]
        if (first, newest, *outcomes) == (row.first, row.newest, row.kept, row.broken, row.cancelled):
            return row
        return Promised(row.moment, row.key, first, newest, *outcomes)

    def _exchange(self, cells: Cells, held: Changes, anew: Changes, changes: Changes) -> None:
        """Take out what the windows hold besides promises, and put in what the corrected events come to."""
        difference: dict[tuple[Micros, Values], Cell] = {}
        for place, cell in cells.items():
            difference.setdefault(place, Cell()).add(cell, -1)
        for key, cell in held.tally:
            difference.setdefault((key.window, key.values), Cell()).add(cell)
        for key, cell in anew.tally:
            difference.setdefault((key.window, key.values), Cell()).add(cell)
        for (window, values), cell in difference.items():
            if cell:
                changes.tally.cell(self._moment.name, window, values, late=True).add(cell)

    def _sums(self, cells: Cells, changes: Changes) -> Restated:
        done = Restated()
        for cell in cells.values():
            done.before = (done.before[0] + cell.attempts, done.before[1] + cell.broken)
            done.arrivals_before += cell.arrivals
        done.after, done.arrivals_after = done.before, done.arrivals_before
        for key, cell in changes.tally:
            if self._stretch.holds(key.window):
                done.after = (done.after[0] + cell.attempts, done.after[1] + cell.broken)
                done.arrivals_after += cell.arrivals
        return done


def _key(record: Record) -> str | None:
    return record.event.key if isinstance(record.event, Outcome | Promise) else None


def _exchange_break(place: tuple[str, str], was: Break | None, now: Break | None, changes: Changes) -> None:
    if now is not None and was is not None:
        # It was judged, or was not: that does not change.
        now = msgspec.structs.replace(now, late=was.late)
    if now != was:
        changes.breaks[place] = now
