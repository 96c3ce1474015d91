"""Many sound outcomes of one moment as columns: nothing is made of an event by itself unless somebody asks for it."""

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

    `words`: places in WORDS. `values`, `durations`: NaN where there is none. `which`: the place in `dimensions`.
    `ids`: as UTF-8.
    """

    ats: Ints
    words: Ints
    values: Floats
    durations: Floats
    which: Ints
    ids: Sequence[bytes]
    dimensions: Sequence[Mapping[str, str] | None]


class Outcomes(Sequence[Record]):
    """Records of one moment's outcomes without keys, in their order, at least one.

    `made` gives the record of a place, counted in what all of this was cut from: `places` are those that are left.
    """

    __slots__ = ("_made", "columns", "moment", "places")

    def __init__(self, moment: str, columns: Columns, places: Ints, made: Callable[[int], Record]) -> None:
        self.moment = moment
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
        return self._made(int(self.places[place]))

    def __iter__(self) -> Iterator[Record]:
        return map(self._made, self.places.tolist())

    @property
    def times(self) -> list[Micros]:
        """When each happened."""
        found: list[Micros] = self.columns.ats.tolist()
        return found

    def chosen(self, these: Ints) -> Sequence[Record]:
        """Those at some places, in ascending order."""
        if len(these) == len(self):
            return self
        if not len(these):
            return []
        was = self.columns
        columns = Columns(
            was.ats[these],
            was.words[these],
            was.values[these],
            was.durations[these],
            was.which[these],
            [was.ids[place] for place in these.tolist()],
            was.dimensions,
        )
        return Outcomes(self.moment, columns, self.places[these], self._made)
