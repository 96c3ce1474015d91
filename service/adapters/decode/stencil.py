"""Lines that differ in their values only, read by columns: a producer writes all of its events in one shape.

What stands between the values is compared with a line that the parser took, byte for byte, and each value is held
against the narrowest form that its kind comes in. So a line that fits is what the parser would have made of it, and
of any other the parser is asked. Nothing is made of an event by itself.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from service.core.columns import WORDS
from service.core.event import DAY, HOUR, MINUTE, SECOND, Outcome

Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Span = tuple[Ints, Ints]

_PAIR = re.compile(rb'[{,] *"(?P<name>[a-z_]+)" *: *(?:"(?P<text>[^"]*)"|(?P<number>-?[0-9.]+)|(?P<object>\{[^{}]*\}))')
_TIME = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6}(?!\d))?")
_DATE = re.compile(rb"\d{4}-\d\d-\d\d")
_LONGEST = 128
"""Bytes of a value; longer ones are the parser's. So short a text is within the limits of any field."""
_WIDEST = 4 * _LONGEST
"""Bytes of dimensions, which the parser takes apart anyhow."""
_ROOM = 16
"""Bytes that are looked at for the end of a value, at least."""
_WORD = 8
_DIGITS = 15
"""So many digits are exact in a float, and so is the power of ten that they are divided by."""
_ZERO, _POINT, _MINUS = b"0.-"
_MOST = np.uint8(9)
_EPOCH = date(1970, 1, 1)
_CLOCK = 19
"""Bytes of a time without fraction and offset."""
_UNITS = {11: 10 * HOUR, 12: HOUR, 14: 10 * MINUTE, 15: MINUTE, 17: 10 * SECOND, 18: SECOND}
"""Where its digits stand, but the date's, and what each is worth."""
_BOUNDS = ((0, 24), (2, 60), (4, 60))
"""Which of these are hours, minutes and seconds, and what they lie below; leap seconds are the parser's."""


class _Slot(NamedTuple):
    """A value: what stands before it, its field, the byte that ends it, how far that is sought, and its length."""

    before: bytes
    name: bytes
    end: int
    room: int
    length: int


class Found(NamedTuple):
    """What lines say, an entry for each; where `fits` is False it means nothing.

    `text`: the lines', with so much after it that every value can be read at the width of the longest.
    `ids`, `moments`, `dimensions`: where these begin and end in it; None where there are none.
    """

    text: bytes
    fits: Flags
    ats: Ints
    words: Ints
    values: Floats
    durations: Floats
    ids: Span
    moments: Span
    dimensions: Span | None


class Stencil:
    """The shape of a line, from one that the parser made an outcome without a key of."""

    __slots__ = ("_after", "_offset", "_pad", "_slots")

    def __init__(self, event: Outcome, slots: list[_Slot], after: bytes) -> None:
        self._slots = slots
        self._after = after
        self._offset = round((event.time.utcoffset() or timedelta()).total_seconds()) * SECOND
        # Whoever looks for values in lines without any comes so far beyond the last of them.
        self._pad = bytes(sum(_words_of(len(slot.before) + slot.room) for slot in slots) + len(after) + _WORD + _WIDEST)

    @classmethod
    def of(cls, line: bytes, event: Outcome) -> "Stencil | None":
        """The shape of a line and the outcome that it is; None where it has one that is not known here."""
        if b"\\" in line:
            return None
        names: list[bytes] = []
        slots: list[_Slot] = []
        place = since = 0
        for pair in _pairs(line):
            name, place = pair["name"], pair.end()
            names.append(name)
            if name == b"type":
                continue
            begin, end = _span(pair)
            if not 0 < end - begin <= _LONGEST:
                return None
            room = max(_ROOM, min(2 * (end - begin), _LONGEST))
            slots.append(_Slot(line[since:begin], name, line[end], room, end - begin))
            since = end
        if line[place:] != b"}" or len(names) != len(set(names)):
            return None
        return cls(event, slots, line[since:])

    def read(self, text: bytes, starts: Ints, stops: Ints) -> Found:
        """What lines of a text say; of one with a backslash or a control character it means nothing."""
        padded = text + self._pad
        fits = np.ones(len(starts), dtype=np.bool_)
        said: dict[bytes, Any] = {}
        where: dict[bytes, Span] = {}
        here = starts
        for slot in self._slots:
            # The longest of all, and where it ends is known.
            last = slot.name == b"dimensions" and slot is self._slots[-1]
            begin = here + len(slot.before)
            ahead = near(padded, here, _words_of(len(slot.before) + (0 if last else slot.room)))
            fits &= _begins(ahead, slot.before)
            if last:
                here = np.maximum(stops - len(self._after), begin)
                fits &= here - begin < _WIDEST
            elif slot.name == b"time":
                here = begin + slot.length
            else:
                here = begin + (ahead == slot.end)[:, len(slot.before) :].argmax(axis=1)
            # Of what has no end where it was sought nothing was found, and no value is empty.
            fits &= here > begin
            where[slot.name] = begin, here
            if slot.name in _READ:
                said[slot.name], good = _READ[slot.name](ahead[:, len(slot.before) :], here - begin)
                fits &= good
        fits &= _begins(near(padded, here, _words_of(len(self._after))), self._after)
        # No value reached into the next line: a line ends where its line ends.
        fits &= here + len(self._after) == stops
        dimensions = where.get(b"dimensions")
        return Found(
            padded,
            fits,
            said[b"time"] - self._offset,
            said[b"outcome"],
            said.get(b"value", np.full(len(starts), np.nan)),
            said.get(b"duration_s", np.full(len(starts), np.nan)),
            where[b"id"],
            where[b"moment"],
            # With the bracket that ends them.
            None if dimensions is None else (dimensions[0], dimensions[1] + 1),
        )


def _span(pair: re.Match[bytes]) -> tuple[int, int]:
    """Where the value of a field begins and ends, as far as it may differ; (-1, -1) for another sort of value."""
    match pair["name"]:
        case b"id" | b"moment" | b"customer" | b"outcome":
            return pair.span("text")
        case b"time":
            when = _TIME.match(pair["text"] or b"")
            begin = pair.start("text")
            return (begin, begin + when.end()) if when else (-1, -1)
        case b"value" | b"duration_s":
            return pair.span("number")
        case b"dimensions":
            begin, end = pair.span("object")
            return begin, end - 1
    return -1, -1


def _pairs(line: bytes) -> Iterator[re.Match[bytes]]:
    place = 0
    while (pair := _PAIR.match(line, place)) is not None and (line[place] == line[0]) == (place == 0):
        yield pair
        place = pair.end()


def near(padded: bytes, places: Ints, length: int) -> Bytes:
    """So many bytes from each place on, a row for each."""
    every = np.ndarray((len(padded) - length + 1,), dtype=f"V{length}", buffer=padded, strides=(1,))
    return every[places].view(np.uint8).reshape(len(places), length)


def whole(padded: bytes, begin: Ints, lengths: Ints) -> Bytes:
    """Texts of some lengths, a row for each, with zeros after them, in whole words of eight bytes."""
    each = near(padded, begin, _words_of(int(lengths.max())))
    inside = np.arange(each.shape[1], dtype=np.int16) < lengths.astype(np.int16)[:, np.newaxis]
    each *= inside.view(np.uint8)
    return each


def _words_of(length: int) -> int:
    """The bytes of so many words that a length fits in."""
    return -(-length // _WORD) * _WORD


def _begins(each: Bytes, text: bytes) -> Flags:
    """Which rows of whole words begin with this text."""
    length = _words_of(len(text))
    wanted, inside = (np.frombuffer(one.ljust(length, b"\0"), dtype=np.uint64) for one in (text, b"\xff" * len(text)))
    words = each.view(np.uint64)
    begins = np.ones(len(each), dtype=np.bool_)
    # Column by column, as far as the text reaches: rows are too short to be gone through one by one.
    for place, (word, mask) in enumerate(zip(wanted, inside, strict=True)):
        begins &= words[:, place] & mask == word
    return begins


def _alike(each: Bytes, text: bytes) -> Flags:
    """Which rows are this text."""
    return _all(each == np.frombuffer(text, dtype=np.uint8))


def _all(each: Flags) -> Flags:
    """Whether all of each row is so; nearly always all of all of them."""
    if each.all():
        return np.ones(len(each), dtype=np.bool_)
    every: Flags = np.logical_and.reduce(each, axis=1)
    return every


def _times(each: Bytes, lengths: Ints) -> tuple[Ints, Flags]:
    """The microseconds of times of one length, which all have, as if they were in UTC; and where they are any."""
    length = int(lengths[0])
    places = [*_UNITS, *range(_CLOCK + 1, length)]
    digits = each[:, places] - np.uint8(_ZERO)
    good = _all(digits <= _MOST)
    for place, bound in _BOUNDS:
        good &= digits[:, place] * np.uint8(10) + digits[:, place + 1] < bound
    signs = [10, 13, 16, _CLOCK] if length > _CLOCK else [10, 13, 16]
    good &= _alike(each[:, signs], b"T::."[: len(signs)])
    units = [*_UNITS.values(), *(SECOND // 10**place for place in range(1, length - _CLOCK))]
    # Whole numbers of which a day has few enough for a float, and sums of floats are quicker.
    clock = digits.astype(np.float64) @ np.array(units, dtype=np.float64)
    days, known = _days(each[:, :10])
    return clock.astype(np.int64) + days, good & known


def _days(each: Bytes) -> tuple[Ints, Flags]:
    """The microseconds at which days begin, and where they are days; nearly always it is one and the same."""
    dates = np.ascontiguousarray(each).view("S10").ravel()
    if (each == each[0]).all():
        different, which = dates[:1], np.zeros(len(dates), dtype=np.intp)
    else:
        different, which = np.unique(dates, return_inverse=True)
    begin = [_day(one) for one in different.tolist()]
    days = np.array([day or 0 for day in begin], dtype=np.int64)
    return days[which], np.array([day is not None for day in begin])[which]


def _day(one: bytes) -> int | None:
    if _DATE.fullmatch(one) is None:
        return None
    try:
        return (date.fromisoformat(one.decode()) - _EPOCH).days * DAY
    except ValueError:
        return None


def _words(each: Bytes, lengths: Ints) -> tuple[Ints, Flags]:
    """The places of texts in WORDS, and where they are any of them."""
    found = np.full(len(each), -1, dtype=np.int64)
    beginning = np.ascontiguousarray(each[:, :_ROOM])
    for number, word in enumerate(WORDS):
        found[_begins(beginning, word.encode()) & (lengths == len(word))] = number
    return found, found >= 0


def _numbers(each: Bytes, lengths: Ints) -> tuple[Floats, Flags]:
    """The values of numbers as JSON writes them, without exponents, and where they are any."""
    below = each[:, 0] == _MINUS
    whole, scale = np.zeros(len(each)), np.ones(len(each))
    good = (lengths > below) & (lengths <= _DIGITS)
    pointed = np.zeros(len(each), dtype=np.bool_)
    # Column by column: each step is one over all rows.
    for place, column in enumerate(np.ascontiguousarray(each[:, : min(int(lengths.max()), _DIGITS)].T)):
        inside = lengths > place
        figure = column - np.uint8(_ZERO)
        digit = (figure <= _MOST) & inside
        point = (column == _POINT) & inside & ~pointed & (place > below)
        good &= digit | point | ~inside | (below & (place == 0))
        whole = np.where(digit, whole * 10 + figure, whole)
        scale = np.where(digit & pointed, scale * 10, scale)
        pointed |= point
    rows, first = np.arange(len(each)), below.astype(np.int64)
    # No zero before other digits, no point at the end; and of a zero below zero only the parser knows what it makes.
    good &= (each[rows, first] != _ZERO) | (lengths == first + 1) | (each[rows, first + 1] == _POINT)
    good &= each[rows, lengths - 1] != _POINT
    good &= ~below | (whole > 0.0)
    return np.where(below, -whole, whole) / scale, good


def _within(least: float, most: float) -> Callable[[Bytes, Ints], tuple[Floats, Flags]]:
    """Numbers in a range."""

    def read(each: Bytes, lengths: Ints) -> tuple[Floats, Flags]:
        numbers, good = _numbers(each, lengths)
        return numbers, good & (numbers >= least) & (numbers <= most)

    return read


_READ: Mapping[bytes, Callable[[Bytes, Ints], tuple[Ints | Floats, Flags]]] = {
    b"time": _times,
    b"outcome": _words,
    b"value": _within(-1e12, 1e12),
    b"duration_s": _within(0.0, 315_576_000.0),
}
"""How what differs is read; the limits are those of the contract's types."""
