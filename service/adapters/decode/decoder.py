"""The decoder: a batch of payloads through msgspec, checked, together where none of them is odd.

What the types of the contract can say (lengths, ranges, offsets) msgspec checks in C. The rest stands below.
Only a payload that failed is looked at again, to name its fault. Where an object names a key twice, the last
counts; fields that the contract does not know are ignored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast, get_args

import msgspec
import numpy as np
import numpy.typing as npt

from service.adapters.decode import envelope, faults
from service.adapters.decode.alike import Alike
from service.adapters.decode.bulk import BulkDecoder, LeanOutcome
from service.adapters.decode.faults import DEEP_BYTES, TOO_LARGE, Fault, RefusedError
from service.adapters.decode.mapping import FieldMapping
from service.adapters.decode.meanings import Meanings
from service.core.catalog import Catalog, Source
from service.core.columns import Outcomes
from service.core.event import (
    DAY,
    MINUTE,
    SECOND,
    Batch,
    CustomerChange,
    DeadLetter,
    Event,
    Micros,
    Outcome,
    Promise,
    Record,
    micros,
    rfc3339,
)

EARLIEST: Micros = micros(datetime(1900, 1, 1, tzinfo=UTC))
LATEST: Micros = micros(datetime(9000, 1, 1, tzinfo=UTC))
"""Zero dates (0001-01-01) and "never" (9999-12-31) are placeholders, not times."""

DEFAULT_SKEW: Micros = 5 * MINUTE

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DISTANT = 1_000_000
"""Days after that of what no calendar of Python's ends near."""
_LAST_DUE = datetime(9000, 1, 1, tzinfo=UTC)
_FIRST_DUE = datetime(1900, 1, 1, tzinfo=UTC)
_KINDS: Mapping[str, Any] = {str(kind.__struct_config__.tag): kind for kind in get_args(Event)}
_FEW = 32
_NO_HEADERS: Mapping[str, bytes] = {}


@dataclass(frozen=True, slots=True)
class Decoded:
    """What became of a batch: each payload is in exactly one of the two lists, both in the batch's order.

    Where a source says what its records mean, one may be several events (`unfolded`: how many more than payloads), or
    none (`passed`: so many payloads were of no concern).
    """

    records: Sequence[Record]
    dead: list[DeadLetter]
    unfolded: int = 0
    passed: int = 0


class Decoder:
    """Decodes the batches of one source (None: the plain contract, as files speak it).

    `too_large` is the size in bytes beyond which a payload is not looked into. Raises MappingError where the
    mapping of the source cannot be used.
    """

    def __init__(self, catalog: Catalog, source: Source | None = None, *, too_large: int = TOO_LARGE) -> None:
        self._moments = catalog.moments
        self._dated = frozenset(name for name, moment in catalog.moments.items() if moment.deadline is not None)
        self._skew = source.allowed_skew if source is not None else DEFAULT_SKEW
        foreign = source is not None and (source.mapping or source.constants)
        self._meanings = Meanings(source) if source is not None and source.events else None
        self._mapping = FieldMapping(source) if source is not None and foreign and not source.events else None
        self.too_large = too_large
        self._bulk = BulkDecoder()
        self._alike = Alike(self._bulk)
        self._json = msgspec.json.Decoder(Event)
        self._object = msgspec.json.Decoder(dict[str, object])

    @property
    def speaks_contract(self) -> bool:
        """Whether payloads are read as the contract itself, without a field mapping."""
        return self._mapping is None and self._meanings is None

    def decode(self, batch: Batch, now: Micros | None = None, *, columns: bool = False) -> Decoded:
        """Decode a batch; an event later than `now` plus the allowed skew is refused as `future`.

        `now` is the wall clock, or None where time comes from the events themselves. `columns`: the records may be
        Outcomes, for whoever does not ask for each of them.
        """
        latest = LATEST if now is None else min(LATEST, now + self._skew)
        records: list[Record] = []
        dead: list[DeadLetter] = []
        if self._meanings is not None:
            return self._decode_meanings(self._meanings, batch, latest)
        if self._mapping is not None or batch.headers is not None or not self._plain(batch.payloads):
            self._decode_carefully(batch, latest, records, dead)
            return Decoded(records, dead)
        if columns:
            outcomes = self._alike.payloads(batch.payloads, batch.offsets, DEEP_BYTES)
            if outcomes is not None and self._all_sound(outcomes, latest):
                return Decoded(outcomes, dead)
        start = 0
        while start < len(batch.payloads):
            end, events = self._bulk.stretch(batch.payloads, start)
            if events is None:
                for place in range(start, end):
                    self._decode_one(batch, place, latest, records, dead)
            else:
                self._take(batch, start, events, latest, records, dead)
            start = end
        return Decoded(records, dead)

    def decode_lines(
        self,
        first: int,
        text: bytes,
        ends: npt.NDArray[np.intp],
        now: Micros | None = None,
        *,
        columns: bool = False,
    ) -> Sequence[Record] | None:
        """The events of a text of JSON Lines, of which the first has the number `first`, where all of it is sound.

        `ends`: the places of its line ends. `columns`: they may be Outcomes, for whoever does not ask for each record.
        None: it has to be looked at line by line, by `decode`.
        """
        if not self.speaks_contract or not _fast(text, [text]):
            return None
        latest = LATEST if now is None else min(LATEST, now + self._skew)
        if columns:
            outcomes = self._alike.lines(text, ends, range(first, first + len(ends) + 1), DEEP_BYTES)
            if outcomes is not None:
                return outcomes if self._all_sound(outcomes, latest) else None
        events = self._bulk.lines(text, ends, DEEP_BYTES)
        if events is None:
            return None
        ats = _times(events)
        if not self._sound(events, ats, latest):
            return None
        return list(map(Record, range(first, first + len(events)), ats, events))

    def _take(  # a stretch of a batch, and where its records go
        self,
        batch: Batch,
        start: int,
        events: Sequence[Event],
        latest: Micros,
        records: list[Record],
        dead: list[DeadLetter],
    ) -> None:
        """Well-formed events, from a place of the batch on: all at once where all are sound, as nearly always."""
        ats = _times(events)
        if self._sound(events, ats, latest):
            records.extend(map(Record, batch.offsets[start : start + len(events)], ats, events))
            return
        for place, (event, at) in enumerate(zip(events, ats, strict=True), start):
            fault = self._refuse(event, at, latest)
            if fault is None:
                records.append(Record(batch.offsets[place], at, event))
            else:
                dead.append(faults.bury(batch.partition, batch.offsets[place], fault, batch.payloads[place]))

    def _sound(self, events: Sequence[Event], ats: Sequence[Micros], latest: Micros) -> bool:
        """Whether neither the clock nor the catalogue has anything against any of some well-formed events."""
        return min(ats) >= EARLIEST and max(ats) <= latest and self._all_known(events)

    def _all_sound(self, outcomes: Outcomes, latest: Micros) -> bool:
        """As `_sound`, of columns."""
        ats = outcomes.columns.ats
        known = self._moments.keys() >= set(outcomes.columns.moments)
        return known and bool(ats.min() >= EARLIEST and ats.max() <= latest)

    def _all_known(self, events: Sequence[Event]) -> bool:
        """Whether the catalogue has nothing against any of some events."""
        moments, dated = self._moments, self._dated
        if set(map(type, events)) == {LeanOutcome}:
            outcomes = cast("Sequence[Outcome]", events)
            return {event.moment for event in outcomes} <= moments.keys()
        for event in events:
            if isinstance(event, Outcome):
                if event.moment not in moments:
                    return False
            elif isinstance(event, Promise):
                due, name = event.due, event.moment
                if not (name in dated if due is None else name in moments and _FIRST_DUE <= due <= _LAST_DUE):
                    return False
            elif not isinstance(event, CustomerChange) and event.moment is not None and event.moment not in moments:
                return False
        return True

    def _decode_one(
        self, batch: Batch, place: int, latest: Micros, records: list[Record], dead: list[DeadLetter]
    ) -> None:
        payload = batch.payloads[place]
        if envelope.marked(payload):
            one = Batch(batch.partition, [batch.offsets[place]], [payload], batch.offsets[place] + 1)
            self._decode_carefully(one, latest, records, dead)
            return
        try:
            event = self._json.decode(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            dead.append(faults.bury(batch.partition, batch.offsets[place], faults.explain(payload, error), payload))
        else:
            self._take(batch, place, [event], latest, records, dead)

    def _plain(self, payloads: list[bytes]) -> bool:
        """Whether none of the payloads can hold what the fast loop does not look for."""
        if not payloads:
            return True
        return _fast(b"".join(payloads), payloads) and (
            max(map(len, payloads)) <= DEEP_BYTES or not any(map(self._odd, payloads))
        )

    def _odd(self, payload: bytes) -> bool:
        return len(payload) > self.too_large or faults.may_be_deep(payload)

    def _decode_carefully(self, batch: Batch, latest: Micros, records: list[Record], dead: list[DeadLetter]) -> None:
        headers: Sequence[Mapping[str, bytes]] = batch.headers or [_NO_HEADERS] * len(batch.payloads)
        for offset, payload, header in zip(batch.offsets, batch.payloads, headers, strict=True):
            found = self._one(payload, header, latest)
            if isinstance(found, Fault):
                dead.append(faults.bury(batch.partition, offset, found, payload, header))
            else:
                records.append(Record(offset, micros(found.time), found))

    def _decode_meanings(self, meanings: Meanings, batch: Batch, latest: Micros) -> Decoded:
        """A topic in words of its own: every payload is some events, a dead letter or of no concern."""
        records: list[Record] = []
        dead: list[DeadLetter] = []
        unfolded = passed = 0
        headers: Sequence[Mapping[str, bytes]] = batch.headers or [_NO_HEADERS] * len(batch.payloads)
        for offset, payload, header in zip(batch.offsets, batch.payloads, headers, strict=True):
            found = self._told(meanings, payload, header, latest)
            if isinstance(found, Fault):
                dead.append(faults.bury(batch.partition, offset, found, payload, header))
                continue
            records += [Record(offset, micros(event.time), event) for event in found]
            unfolded += max(len(found) - 1, 0)
            passed += not found
        return Decoded(records, dead, unfolded, passed)

    def _told(
        self, meanings: Meanings, payload: bytes, headers: Mapping[str, bytes], latest: Micros
    ) -> list[Event] | Fault:
        """All that one payload says, or what is wrong with any of it: half of a record is not taken."""
        fault = faults.unreadable(payload, self.too_large)
        if fault is not None:
            return fault
        events: list[Event] = []
        try:
            found = faults.parsed(payload)
            for told in meanings.of(found):
                event = self._explained(found, headers, told)
                fault = faults.bad_text(event) or self._refuse(event, micros(event.time), latest)
                if fault is not None:
                    return fault
                events.append(event)
        except RefusedError as error:
            return error.fault
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return faults.explain(payload, error)
        return events

    def _one(self, payload: bytes, headers: Mapping[str, bytes], latest: Micros) -> Event | Fault:
        fault = faults.unreadable(payload, self.too_large)
        if fault is not None:
            return fault
        try:
            if self._mapping is None and not envelope.wrapped(payload, headers):
                event = self._json.decode(payload)
            else:
                event = self._unwrapped(payload, headers)
        except RefusedError as error:
            return error.fault
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return faults.explain(payload, error)
        if self._mapping is not None or b"\\u0000" in payload or b"\0" in headers.get("ce_id", b""):
            fault = faults.bad_text(event)
        return fault or self._refuse(event, micros(event.time), latest) or event

    def _unwrapped(self, payload: bytes, headers: Mapping[str, bytes]) -> Event:
        try:
            return self._converted(self._object.decode(payload), headers, self._mapping)
        except (msgspec.MsgspecError, UnicodeDecodeError, RefusedError):
            # Once more, slowly: to say what is wrong, or that it was in a field that nobody reads.
            return self._explained(faults.parsed(payload), headers, self._mapping)

    def _converted(
        self, found: Mapping[str, object], headers: Mapping[str, bytes], mapping: FieldMapping | None
    ) -> Event:
        fields = envelope.unwrap(found, headers)
        if mapping is not None:
            fields = mapping.apply(found, fields)
        # Into one type where it is named: msgspec takes the union of them apart anew at each call.
        event: Event = msgspec.convert(fields, _KINDS.get(str(fields.get("type")), Event))
        return event

    def _explained(
        self, found: Mapping[str, object], headers: Mapping[str, bytes], mapping: FieldMapping | None
    ) -> Event:
        try:
            event = self._converted(found, headers, mapping)
        except msgspec.ValidationError as error:
            fields = envelope.unwrap(found, headers)
            if mapping is None:
                raise RefusedError(faults.invalid(fields, error)) from error
            fault = faults.invalid(mapping.apply(found, fields), error)
            raise RefusedError(mapping.blame(fault)) from error
        fault_or_none = faults.huge(event)
        if fault_or_none is not None:
            raise RefusedError(fault_or_none)
        return event

    def _refuse(self, event: Event, at: Micros, latest: Micros) -> Fault | None:
        """What the catalogue or the clock has against a well-formed event."""
        if at > latest:
            return faults.future(rfc3339(at) if at <= LATEST else str(event.time), latest == LATEST)
        if at < EARLIEST:
            return faults.out_of_range("time", event.time)
        due = event.due if isinstance(event, Promise) else None
        if due is not None and not _FIRST_DUE <= due <= _LAST_DUE:
            return faults.out_of_range("due", due)
        moment = None if isinstance(event, CustomerChange) else event.moment
        if moment is not None and moment not in self._moments:
            return faults.unknown_moment(moment, self._moments)
        if isinstance(event, Promise) and due is None and event.moment not in self._dated:
            return faults.no_due(event.moment)
        return None


def _times(events: Sequence[Event]) -> list[Micros]:
    if len(events) < _FEW:
        return [micros(event.time) for event in events]
    # By columns: numbers that are left in numpy's hands until they are whole. Days hardly ever differ.
    first = _EPOCH + timedelta(days=min(max((events[0].time - _EPOCH).days, 0), _DISTANT))
    since = [event.time - first for event in events]
    times = np.array([each.seconds for each in since], dtype=np.int64)
    times *= SECOND
    times += np.array([each.microseconds for each in since], dtype=np.int64)
    days = [each.days for each in since]
    if any(days):
        times += np.array(days, dtype=np.int64) * DAY
    times += micros(first)
    found: list[Micros] = times.tolist()
    return found


def _fast(block: bytes, payloads: Sequence[bytes]) -> bool:
    """Whether the payloads, joined in a block, have nothing that msgspec takes and the contract does not."""
    return (b"\\" not in block or b"\\u0000" not in block) and (block.isascii() or _is_utf8(payloads))


def _is_utf8(payloads: Sequence[bytes]) -> bool:
    # One by one: two halves of a character in neighbouring payloads would make a whole one in between.
    try:
        for payload in payloads:
            if not payload.isascii():
                payload.decode()
    except UnicodeDecodeError:
        return False
    return True
