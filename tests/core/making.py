"""Short names for making the events and windows of core tests; times are minutes after BEGIN."""

from collections.abc import Mapping, Sequence
from itertools import count

import numpy as np

from service.core.columns import Outcomes
from service.core.counting.outcomes import columns_of
from service.core.counting.tally import Cell, Values, Window
from service.core.event import MINUTE, SECOND, Event, Micros, Outcome, OutcomeWord, Partition, Promise, Record, instant
from service.core.event import micros as micros_of
from tests.core.streams import BEGIN

PLACE = Partition("events", 0, "events")
_ids = count()


def at(minute: float) -> Micros:
    """A time so many minutes after BEGIN, in whole seconds."""
    return BEGIN + round(minute * 60) * SECOND


def promise(minute: float, due: float | None, **more: object) -> Promise:
    """A promise made at a minute, due at another."""
    fields: dict[str, object] = {
        "id": f"p{next(_ids)}",
        "time": instant(at(minute)),
        "moment": "arrives",
        "customer": "c",
        "key": "k",
        "due": None if due is None else instant(at(due)),
    } | more
    return Promise(**fields)  # type: ignore[arg-type]  # named as the struct has them


def outcome(minute: float, word: OutcomeWord, **more: object) -> Outcome:
    """An outcome of the same key; give key=None for one without."""
    fields: dict[str, object] = {
        "id": f"o{next(_ids)}",
        "time": instant(at(minute)),
        "moment": "arrives",
        "customer": "c",
        "outcome": word,
        "key": "k",
    } | more
    return Outcome(**fields)  # type: ignore[arg-type]  # named as the struct has them


def record(event: Event, offset: int = 0) -> Record:
    """As a source gave it."""
    return Record(offset, micros_of(event.time), event)


def window(minute: float, cells: Mapping[Values, tuple[int, int]], arrivals: int | None = None) -> Window:
    """A minute's window of (attempts, broken) by values; as many arrived as were tried, unless told otherwise."""
    made = {
        values: Cell(attempts=tried, broken=broken, arrivals=tried if arrivals is None else arrivals)
        for values, (tried, broken) in cells.items()
    }
    return Window(at(minute), at(minute) + MINUTE, made)


def by_columns(records: Sequence[Record]) -> Outcomes:
    """Outcomes of one moment without keys as a decoder gives them where a block was read by columns."""
    return Outcomes(
        columns_of(records), np.arange(len(records)), lambda these: [records[place] for place in these.tolist()]
    )
