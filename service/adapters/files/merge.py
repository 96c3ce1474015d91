"""Merging sorted streams a piece at a time: one sort in C of nearly sorted lists, not a heap's turn each."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from service.core.event import Micros

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Piece(Generic[T]):
    """Items of one or more streams with their times, in order; `streams` says which stream each came from.

    A piece may be empty: its stream had nothing to give, but something to say.
    """

    times: list[Micros]
    items: Sequence[T]
    streams: list[int]


@dataclass(slots=True)
class _Head(Generic[T]):
    number: int
    pieces: Iterator[tuple[list[Micros], Sequence[T]]]
    times: list[Micros] = field(default_factory=list)
    items: Sequence[T] = ()
    ended: bool = False

    def refill(self) -> bool:
        """Take the next piece; whether it was empty, so that nothing is known of the stream yet."""
        found = next(self.pieces, None)
        if found is None:
            self.ended = True
            return False
        self.times, self.items = found
        return not self.times

    def take(self, last: Micros, stream: int) -> tuple[list[Micros], Sequence[T]]:
        """Split off what comes up to the item of `stream` at `last`; on equal times, the lower stream."""
        bisect = bisect_right if self.number <= stream else bisect_left
        cut = bisect(self.times, last)
        taken = self.times[:cut], self.items[:cut]
        self.times, self.items = self.times[cut:], self.items[cut:]
        return taken


def merge(streams: Sequence[Iterator[tuple[list[Micros], Sequence[T]]]]) -> Iterator[Piece[T]]:
    """Merge streams of sorted pieces by (time, stream, position in the stream)."""
    heads = [_Head(number, pieces) for number, pieces in enumerate(streams)]
    if len(heads) == 1:
        for times, items in heads[0].pieces:
            yield Piece(times, items, [0] * len(times))
        return
    while heads:
        for head in heads:
            while not head.times and not head.ended:
                if head.refill():
                    yield Piece([], [], [])
        heads = [head for head in heads if head.times]
        if heads:
            yield _front(heads)


def _front(heads: Sequence[_Head[T]]) -> Piece[T]:
    """All that surely comes before what the streams hold back: up to the earliest end of their pieces."""
    last, stream = min((head.times[-1], head.number) for head in heads)
    times: list[Micros] = []
    items: list[T] = []
    numbers: list[int] = []
    for head in heads:
        more_times, more_items = head.take(last, stream)
        times += more_times
        items += more_items
        numbers += [head.number] * len(more_times)
    # Stable, and the streams stand in their order: equal times stay by stream and position.
    order = sorted(range(len(times)), key=times.__getitem__)
    return Piece([times[i] for i in order], [items[i] for i in order], [numbers[i] for i in order])
