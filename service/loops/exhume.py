"""Dead letters taken anew: decoded as the catalogue says now, and counted once, in the transaction that ends them."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from service.core.counting.changes import Changes, keys_of
from service.core.counting.duplicates import BEFORE_TIME, IdHorizon, id_hash
from service.core.counting.identity import Forgetting, Identities, Pseudonyms
from service.core.counting.intake import Intake
from service.core.event import Batch, Micros, Outcome, Partition, Promise, Record
from service.core.keeping import Buried, Graves, Which
from service.core.ports import StoreAway, StoreBusy, StoreRefused
from service.loops.writer import Decodes

_LOG = logging.getLogger(__name__)

PAGE = 500
BUSY_IN_A_ROW = 20


@dataclass(slots=True)
class Replayed:
    """What became of dead letters: `accepted` by moment, `late` ones among them; `still` dead, by reason."""

    accepted: Counter[str] = field(default_factory=Counter)
    late: int = 0
    duplicate: int = 0
    still: Counter[str] = field(default_factory=Counter)
    gone: int = 0
    """Taken away by somebody else meanwhile."""

    @property
    def read(self) -> int:
        """How many were looked at."""
        return self.accepted.total() + self.duplicate + self.still.total() + self.gone


class Exhumation:
    """Takes dead letters anew. `live`: the wall clock is that partition's, so that what lies ahead of it is refused.

    A letter that is taken, or turns out to be a duplicate, leaves the dead in the transaction that counts it: done
    twice, or killed half-way, nothing is counted twice. What falls into windows that are closed amends reports, as
    everything late does, and is never judged. The partition's clock and position stay where they are. A customer who
    was forgotten stays so. `pseudonyms`: under which name customers are kept.
    """

    def __init__(
        self,
        graves: Graves,
        decoder_for: Callable[[Partition], Decodes],
        intake: Intake,
        clock: Callable[[], Micros],
        live: Callable[[Partition], bool],
        pseudonyms: Pseudonyms | None = None,
    ) -> None:
        self._graves = graves
        self._decoder_for = decoder_for
        self._intake = intake
        self._clock = clock
        self._live = live
        self._pseudonyms = pseudonyms

    def run(self, which: Which, *, dry: bool = False) -> Replayed:
        """Take all that are meant; `dry`: only say what would become of them, ids unseen."""
        done = Replayed()
        after = 0
        while page := self._graves.buried(which, after=after, limit=PAGE):
            after = page[-1].number
            by_place = sorted(page, key=lambda one: (one.letter.partition, one.number))
            for partition, letters in groupby(by_place, key=lambda one: one.letter.partition):
                self._take(partition, list(letters), done, dry=dry)
        return done

    def _take(self, partition: Partition, letters: Sequence[Buried], done: Replayed, *, dry: bool) -> None:
        for by_offset in _apart(letters):
            records = self._decode(partition, by_offset, done)
            if dry:
                done.accepted.update(getattr(record.event, "moment", None) or "" for record in records)
            elif records:
                self._write(partition, records, by_offset, done)

    def _decode(self, partition: Partition, by_offset: dict[int, Buried], done: Replayed) -> list[Record]:
        """The records that can be taken now."""
        batch = Batch(
            partition,
            list(by_offset),
            [one.letter.payload for one in by_offset.values()],
            max(by_offset) + 1,
            headers=[one.letter.headers or {} for one in by_offset.values()],
        )
        decoded = self._decoder_for(partition).decode(batch, self._clock() if self._live(partition) else None)
        done.still.update(letter.reason for letter in decoded.dead)
        return list(decoded.records)

    def _write(
        self, partition: Partition, records: Sequence[Record], letters: dict[int, Buried], done: Replayed
    ) -> None:
        """All of them in one transaction; halved, where the store refuses some, until that one stands alone."""
        for _ in range(BUSY_IN_A_ROW):
            there = self._there(records, letters)
            done.gone += len(records) - len(there)
            records = there
            if not records:
                return
            try:
                self._revise(partition, records, letters, done)
            except StoreBusy as busy:
                _LOG.debug("gave way, once more: %s", busy)
                continue
            except StoreRefused as refused:
                if len(records) == 1:
                    _LOG.warning("%s: offset %d stays a dead letter: %s", partition.topic, records[0].offset, refused)
                    done.still["store_refused"] += 1
                    return
                middle = len(records) // 2
                self._write(partition, records[:middle], letters, done)
                self._write(partition, records[middle:], letters, done)
            return
        raise StoreAway(f"gave way {BUSY_IN_A_ROW} times over: others write without a pause")

    def _there(self, records: Sequence[Record], letters: dict[int, Buried]) -> list[Record]:
        """Those whose letters nobody else took away meanwhile."""
        numbers = tuple(letters[record.offset].number for record in records)
        left = {one.number for one in self._graves.buried(Which(numbers=numbers), limit=len(numbers))}
        return [record for record in records if letters[record.offset].number in left]

    def _revise(
        self, partition: Partition, records: Sequence[Record], letters: dict[int, Buried], done: Replayed
    ) -> None:
        moments = sorted({r.event.moment for r in records if isinstance(r.event, Outcome | Promise)})
        # Promises are found under the names that they are kept by; who was forgotten is known inside only.
        likely = Identities(Forgetting(), self._pseudonyms).named(list(records))
        with self._graves.revise(partition, moments, sorted(keys_of(likely))) as revision:
            changes = Changes()
            named = Identities(revision.forgetting, self._pseudonyms).named(list(records))
            fresh = _unseen(named, revision.hashes, changes)
            self._intake.take(partition, fresh, revision.view, changes)
            counts = changes.counts
            counts.duplicate = len(records) - len(fresh)
            # One letter may be several events now.
            taken = {record.offset for record in records}
            counts.dead.subtract(letters[offset].letter.reason for offset in taken)
            counts.read = counts.unfolded = len(records) - len(taken)
            if not counts.balanced:
                raise ArithmeticError(f"{partition.topic}[{partition.number}]: the books do not balance: {counts}")
            revision.save(changes, sorted(letters[offset].number for offset in taken))
        done.accepted.update(counts.accepted)
        done.late += counts.late.total()
        done.duplicate += counts.duplicate


def _apart(letters: Sequence[Buried]) -> list[dict[int, Buried]]:
    """Letters by their offset; a log that was cut back and read anew has two for one."""
    rounds: list[dict[int, Buried]] = []
    for one in letters:
        offset = one.letter.offset
        free = next((each for each in rounds if offset not in each), None)
        if free is None:
            free = {}
            rounds.append(free)
        free[offset] = one
    return rounds


def _unseen(records: Sequence[Record], hashes: Sequence[bytes], changes: Changes) -> list[Record]:
    """The records whose ids the partition does not remember; remembered from now on, with its time where it is."""
    horizon = IdHorizon()
    horizon.restore(hashes)
    fresh = []
    for record in records:
        hashed = id_hash(record.event.id)
        if not horizon.seen(hashed):
            # What is taken anew moves no time, except where nothing was taken before.
            horizon.add(hashed, horizon.watermark if horizon.watermark != BEFORE_TIME else record.at)
            fresh.append(record)
    if fresh:
        changes.hashes = horizon.drain()
    return fresh
