"""Many sound outcomes as columns: nothing is made of an event by itself unless somebody asks for it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import overload

import msgspec
import numpy as np
import numpy.typing as npt

from service.core.event import Micros, OutcomeWord, Record

WORDS: tuple[OutcomeWord, ...] = ("kept", "broken", "cancelled")
KEPT, BROKEN, CANCELLED = range(3)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Columns(msgspec.Struct, frozen=True, gc=False):
    """What outcomes without keys say, an entry for each.

    `words`: places in WORDS. `values`, `durations`: NaN where there is none. `about`: the place in `moments`.
    `which`: the place in `dimensions`. `ids`: as UTF-8.
    """

    ats: Ints
    words: Ints
    values: Floats
    durations: Floats
    about: Ints
    which: Ints
    ids: Sequence[bytes]
    moments: tuple[str, ...]
    dimensions: Sequence[Mapping[str, str] | None]


def joined(parts: Sequence[Columns]) -> Columns:
    """Columns one after another."""
    if len(parts) == 1:
        return parts[0]
    moments = tuple(dict.fromkeys(name for part in parts for name in part.moments))
    before = np.cumsum([0, *(len(part.dimensions) for part in parts)])
    return Columns(
        np.concatenate([part.ats for part in parts]),
        np.concatenate([part.words for part in parts]),
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.durations for part in parts]),
        np.concatenate([np.array([moments.index(name) for name in part.moments])[part.about] for part in parts]),
        np.concatenate([part.which + start for part, start in zip(parts, before.tolist(), strict=False)]),
        [one for part in parts for one in part.ids],
        moments,
        [one for part in parts for one in part.dimensions],
    )


class Outcomes(Sequence[Record]):
    """Records of outcomes without keys, in their order, at least one.

    `made` gives the records of some places, counted in what all of this was cut from: `places` are those that are
    left.
    """

    __slots__ = ("_made", "columns", "places")

    def __init__(self, columns: Columns, places: Ints, made: Callable[[Ints], Sequence[Record]]) -> None:
        self.columns = columns
        self.places = places
        self._made = made

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, place: int) -> Record: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Record]: ...
    def __getitem__(self, place: int | slice) -> Record | Sequence[Record]:
        if isinstance(place, slice):
            return self.chosen(np.arange(len(self))[place])
        return self._made(self.places[[place]])[0]

    def __iter__(self) -> Iterator[Record]:
        return iter(self._made(self.places))

    def at(self, these: Ints) -> Sequence[Record]:
        """The records of some places, made together."""
        return self._made(self.places[these])

    def chosen(self, these: Ints) -> Sequence[Record]:
        """Those at some places, in ascending order."""
        if len(these) == len(self):
            return self
        if not len(these):
            return []
        was = self.columns
        # Where dimensions hardly repeat, all of them would be looked through for each moment.
        used, which = np.unique(was.which[these], return_inverse=True)
        columns = Columns(
            was.ats[these],
            was.words[these],
            was.values[these],
            was.durations[these],
            was.about[these],
            which,
            [was.ids[place] for place in these.tolist()],
            was.moments,
            [was.dimensions[place] for place in used.tolist()],
        )
        return Outcomes(columns, self.places[these], self._made)

    def by_moment(self) -> dict[str, Sequence[Record]]:
        """Those of each moment, in the order in which the moments come."""
        moments, about = self.columns.moments, self.columns.about
        if len(moments) == 1:
            return {moments[0]: self}
        there, first = np.unique(about, return_index=True)
        return {moments[one]: self.chosen(np.flatnonzero(about == one)) for one in there[np.argsort(first)].tolist()}


def times_of(records: Sequence[Record]) -> list[Micros]:
    """When each happened."""
    if isinstance(records, Outcomes):
        found: list[Micros] = records.columns.ats.tolist()
        return found
    return [record.at for record in records]
