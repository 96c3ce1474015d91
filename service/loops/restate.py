"""Corrected events in the place of what was counted: a stretch of closed windows at a time, each in one transaction."""

import logging
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from service.core.catalog import Catalog
from service.core.counting.changes import Changes
from service.core.counting.duplicates import IdHorizon
from service.core.counting.identity import Identities, Pseudonyms
from service.core.counting.intake import Intake
from service.core.counting.restating import Restating, Stretch
from service.core.event import DAY, HOUR, DeadLetter, Micros, Outcome, Partition, Promise, Record, rfc3339
from service.core.keeping import Restatement, Restates
from service.core.ports import StoreBusy, StoreRefused

_LOG = logging.getLogger(__name__)

PIECE: Micros = DAY
"""As much of a stretch as is counted anew in one transaction: reports see a day before or after, never half of it."""
BUSY_IN_A_ROW = 20
SPOOLED = 64 * 1024 * 1024
"""Bytes of corrected events that wait in memory before they go to disk."""

Corrected = Iterable[tuple[Partition, Sequence[Record], Sequence[DeadLetter]]]
"""What a source of corrected events gives: a partition's records in its order, and what could not be taken."""


class NotClosed(Exception):  # noqa: N818  # a state of the world, not a mistake
    """The stretch reaches into windows that are still open: what is in them is not final."""


@dataclass(slots=True)
class Replay:
    """What was read anew, and what it changed, moment by moment."""

    read: int = 0
    duplicate: int = 0
    outside: int = 0
    dead: Counter[str] = field(default_factory=Counter)
    counted: Counter[str] = field(default_factory=Counter)
    freed: int = 0
    changed: dict[str, tuple[int, int]] = field(default_factory=dict)
    """(attempts, broken): the difference."""


class Spool:
    """Corrected events on disk, a file a piece of time and moment, until their turn comes; removed at the end."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="momentwatch-")
        self._places: list[Partition] = []
        self._numbers: dict[Partition, int] = {}
        self._waiting: dict[tuple[str, Micros], bytearray] = {}
        self._size = 0
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(tuple[int, Record]).decode

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def put(self, moment: str, start: Micros, partition: Partition, record: Record) -> None:
        """Keep one for the piece that starts then."""
        number = self._numbers.setdefault(partition, len(self._places))
        if number == len(self._places):
            self._places.append(partition)
        row = self._encode((number, record))
        self._waiting.setdefault((moment, start), bytearray()).extend(len(row).to_bytes(4, "little") + row)
        self._size += len(row)
        if self._size > SPOOLED:
            for place, rows in self._waiting.items():
                with self._file(place).open("ab") as file:
                    file.write(rows)
            self._waiting, self._size = {}, 0

    def take(self, moment: str, start: Micros) -> list[tuple[Partition, Record]]:
        """Those of a piece, in the order in which they came."""
        file = self._file((moment, start))
        rows = (file.read_bytes() if file.exists() else b"") + self._waiting.pop((moment, start), b"")
        file.unlink(missing_ok=True)
        found, at = [], 0
        while at < len(rows):
            end = at + 4 + int.from_bytes(rows[at : at + 4], "little")
            number, record = self._decode(rows[at + 4 : end])
            found.append((self._places[number], record))
            at = end
        return found

    def _file(self, place: tuple[str, Micros]) -> Path:
        return Path(self._folder.name) / f"{place[0]}-{place[1]}"


class Restater:
    """Counts stretches of closed windows anew. `clock`: the wall time, for the record of it.

    A customer who was forgotten stays so. `pseudonyms`: under which name customers are kept.
    """

    def __init__(
        self,
        store: Restates,
        catalog: Catalog,
        minor_digits: int,
        clock: Callable[[], Micros],
        pseudonyms: Pseudonyms | None = None,
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._digits = minor_digits
        self._intake = Intake(catalog, minor_digits)
        self._clock = clock
        self._pseudonyms = pseudonyms

    def run(
        self,
        moments: Sequence[str],
        since: Micros,
        until: Micros,
        corrected: Corrected,
        *,
        source: str,
        strict: bool = False,
        whole: bool = False,
    ) -> Replay:
        """Put what `corrected` gives in the place of what [since, until), whole hours, holds for some moments.

        `source`: in words, for the record. `strict`: nothing is done where any of it cannot be taken. `whole`:
        nothing is done where fewer events came than were counted before, so that a log that has lost some of them,
        or gives them under another time, empties no hour. Raises NotClosed and StoreRefused before anything is done.
        Killed half-way, do the same once more.
        """
        if since % HOUR or until % HOUR or since >= until:
            raise StoreRefused(f"{rfc3339(since)} to {rfc3339(until)} is no stretch of whole hours")
        self._need_closed(moments, until)
        done = Replay()
        with Spool() as spool:
            self._read(moments, (since, until), corrected, spool, done)
            if strict and done.dead:
                reasons = ", ".join(f"{n:,} {reason}" for reason, n in done.dead.most_common())
                raise StoreRefused(f"{done.dead.total():,} of the corrected events cannot be taken ({reasons})")
            if whole:
                self._need_all(moments, (since, until), done)
            for moment in moments:
                for start in range(since, until, PIECE):
                    piece = spool.take(moment, start)
                    self._patiently(moment, (start, min(start + PIECE, until)), piece, (source, done))
        return done

    def _need_closed(self, moments: Sequence[str], until: Micros) -> None:
        for moment in moments:
            with self._store.restating(moment) as transaction:
                closed = transaction.reach.closed
            if closed < until:
                raise NotClosed(
                    f"{moment} is closed through {rfc3339(closed)} only: wait, or end the stretch there; "
                    "what comes late to an open window needs no replay"
                )

    def _need_all(self, moments: Sequence[str], span: tuple[Micros, Micros], done: Replay) -> None:
        for moment in moments:
            with self._store.restating(moment) as transaction:
                before = sum(cell.arrivals for cell in transaction.cells(*span).values())
            if done.counted[moment] < before:
                raise StoreRefused(
                    f"{moment}: {done.counted[moment]:,} events came again, and {before:,} were counted before: "
                    "the log may have lost some; replay from files, or say --partial where fewer is right"
                )

    def _read(
        self,
        moments: Sequence[str],
        span: tuple[Micros, Micros],
        corrected: Corrected,
        spool: Spool,
        done: Replay,
    ) -> None:
        horizons: dict[Partition, IdHorizon] = {}
        since, until = span
        for partition, records, dead in corrected:
            done.read += len(records) + len(dead)
            done.dead.update(letter.reason for letter in dead)
            fresh = horizons.setdefault(partition, IdHorizon()).sift(list(records))
            done.duplicate += len(records) - len(fresh)
            for record in fresh:
                event = record.event
                name = event.moment if isinstance(event, Outcome | Promise) else None
                if name is None or name not in moments or not since <= record.at < until:
                    done.outside += 1
                    continue
                done.counted[name] += 1
                spool.put(name, since + (record.at - since) // PIECE * PIECE, partition, record)

    def _patiently(
        self,
        moment: str,
        span: tuple[Micros, Micros],
        piece: Sequence[tuple[Partition, Record]],
        of: tuple[str, Replay],
    ) -> None:
        for attempt in range(BUSY_IN_A_ROW):
            try:
                self._restate(moment, span, piece, of)
            except StoreBusy as busy:
                if attempt == BUSY_IN_A_ROW - 1:
                    raise
                _LOG.debug("gave way, once more: %s", busy)
            else:
                return

    def _restate(
        self,
        moment: str,
        span: tuple[Micros, Micros],
        piece: Sequence[tuple[Partition, Record]],
        of: tuple[str, Replay],
    ) -> None:
        source, done = of
        since, until = span
        with self._store.restating(moment) as transaction:
            stretch = Stretch(since, until, transaction.reach)
            changes = Changes()
            identities = Identities(transaction.forgetting, self._pseudonyms)
            piece = [(place, record) for place, given in piece for record in identities.named([given])]
            restating = Restating(self._intake, self._catalog.moments[moment], stretch, self._digits)
            sums = restating.run(
                piece, transaction.rows(), transaction.cells(since, until), transaction.breaks(since, until), changes
            )
            attempts, broken = (after - before for before, after in zip(sums.before, sums.after, strict=True))
            row = Restatement(
                moment=moment,
                since=since,
                until=until,
                source=source,
                counted=len(piece),
                attempts=attempts,
                broken=broken,
                arrivals=sums.arrivals_after - sums.arrivals_before,
                at=self._clock(),
            )
            done.freed += transaction.save(changes, _offsets(piece), row)
        known = done.changed.get(moment, (0, 0))
        done.changed[moment] = (known[0] + attempts, known[1] + broken)


def _offsets(piece: Iterable[tuple[Partition, Record]]) -> Mapping[Partition, list[int]]:
    found: dict[Partition, list[int]] = {}
    for partition, record in piece:
        found.setdefault(partition, []).append(record.offset)
    return found
