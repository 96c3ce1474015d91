"""What is made of keys that come again and again, remembered for as long as they do."""

from collections.abc import Callable, Collection
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

_WORTH = 1.25
"""A key has to be asked for so often, on average, to be worth the memory: one in four a second time."""


class Recurring(Generic[K, V]):
    """Makes the value of each key once, as a rule.

    `most`: so many are remembered, and all is forgotten beyond. `few`: the same where keys hardly repeat, until they
    do: what is different all the time would fill whatever room there is, and be of no use to anybody. `lasting`: which
    keys may come again at all; None: any.

    >>> sizes = Recurring(len, most=4, few=1)
    >>> sizes.all(["one", "three", "one"]), len(sizes)
    ([3, 5, 3], 2)
    >>> sizes.all(["two", "four", "six"]), len(sizes)
    ([3, 4, 3], 0)
    """

    __slots__ = ("_asked", "_few", "_known", "_lasting", "_made", "_make", "_most", "_room")

    def __init__(
        self, make: Callable[[K], V], *, most: int, few: int, lasting: Callable[[K], bool] | None = None
    ) -> None:
        self._make = make
        self._most, self._few = most, min(few, most)
        self._room = most
        self._lasting = lasting
        self._known: dict[K, V] = {}
        self._asked = self._made = 0

    def __len__(self) -> int:
        return len(self._known)

    def all(self, keys: Collection[K]) -> list[V]:
        """The value of each key. Raises what making one raises."""
        self._asked += len(keys)
        try:
            return list(map(self._known.__getitem__, keys))
        except KeyError:
            return self._with_new(keys)

    def _with_new(self, keys: Collection[K]) -> list[V]:
        known = self._known
        new = set(keys) - known.keys()
        self._made += len(new)
        known |= {key: self._make(key) for key in new}
        values = [known[key] for key in keys]
        if self._lasting is not None:
            for key in new:
                if not self._lasting(key):
                    del known[key]
        if len(known) > self._room:
            self._room = self._most if self._asked >= _WORTH * self._made else self._few
            self._asked = self._made = 0
            self._known = {}
        return values
