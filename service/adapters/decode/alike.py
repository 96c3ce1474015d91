"""Blocks of lines in one shape as columns: the shape is learned from a line, and lines of another are parsed by one."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from service.adapters.decode.bulk import BulkDecoder, LeanOutcome
from service.adapters.decode.stencil import Flags, Ints, Span, Stencil, whole
from service.core.columns import WORDS, Columns, Outcomes, joined
from service.core.event import Outcome, Record, micros

_MANY = 512
"""Fewer lines are quicker as objects: each step over columns has a price of its own."""
_BLOCK = 4096
"""Payloads that are looked at together."""
_ODD = 16
"""Of so many lines one may have another shape; where there are more, the block is the parser's."""
_LONGEST_PAUSE = 64
_KEY = np.uint64(0x9E3779B97F4A7C15)
"""By whose powers the words of a text are summed to its key."""
_SPACE, _NEWLINE, _BACKSLASH = b" \n\\"
"""The first is the first character that is no control character."""


class Alike:
    """Reads blocks of outcomes without keys, where their lines differ in their values only."""

    def __init__(self, parser: BulkDecoder) -> None:
        self._parser = parser
        self._stencil: Stencil | None = None
        self._pause = self._left = 0
        """So many blocks are not tried after the last failure, and so many of them are left."""

    def lines(self, text: bytes, ends: npt.NDArray[np.intp], offsets: Sequence[int], longest: int) -> Outcomes | None:
        """What a text of one object a line says, none longer than `longest`; None where the parser has to be asked.

        `ends`: where its lines end. It is UTF-8. `offsets`: of the lines.
        """
        if self._rests(len(offsets)):
            return None
        starts, stops = np.append(0, ends + 1), np.append(ends, len(text))

        def lines(these: Ints) -> list[bytes]:
            spans = zip(starts[these].tolist(), stops[these].tolist(), strict=True)
            return [text[begin:end] for begin, end in spans]

        return self._made(self._columns(text, starts, stops, longest), offsets, lines)

    def payloads(self, payloads: Sequence[bytes], offsets: Sequence[int], longest: int) -> Outcomes | None:
        """What payloads say, as `lines` of a text."""
        if self._rests(len(payloads)):
            return None

        def lines(these: Ints) -> list[bytes]:
            return list(map(payloads.__getitem__, these.tolist()))

        parts = []
        for start in range(0, len(payloads), _BLOCK):
            some = payloads[start : start + _BLOCK]
            stops = np.cumsum(np.fromiter(map(len, some), np.int64, len(some)) + 1) - 1
            part = self._columns(b"\n".join(some), np.append(0, stops[:-1] + 1), stops, longest)
            if part is None:
                break
            parts.append(part)
        else:
            return self._made(joined(parts), offsets, lines)
        return self._made(None, offsets, lines)

    def _rests(self, many: int) -> bool:
        """Whether a block is not tried."""
        if many < _MANY:
            return True
        self._left -= 1
        return self._left >= 0

    def _made(
        self, columns: Columns | None, offsets: Sequence[int], lines: Callable[[Ints], list[bytes]]
    ) -> Outcomes | None:
        """Whatever was found, of which each line is a record for whoever asks."""
        self._pause = 0 if columns is not None else min(2 * self._pause + 1, _LONGEST_PAUSE)
        self._left = self._pause
        if columns is None:
            return None
        again, ats, which, dimensions = self._parser.again, columns.ats, columns.which, columns.dimensions

        def records(these: Ints) -> list[Record]:
            events = again(lines(these), list(map(dimensions.__getitem__, which[these].tolist())))
            return list(map(Record, map(offsets.__getitem__, these.tolist()), ats[these].tolist(), events))

        return Outcomes(columns, np.arange(len(ats)), records)

    def _columns(self, text: bytes, starts: Ints, stops: Ints, longest: int) -> Columns | None:
        if (stops - starts).max() > longest:
            return None
        lines = _Lines(text, starts, stops, self._parser)
        if self._stencil is not None:
            found = lines.read(self._stencil)
            if found is not None:
                return found
        # Not the first line: where a file begins, or was cut, that may be another's.
        self._stencil = lines.stencil(len(starts) // 2)
        return None if self._stencil is None else lines.read(self._stencil)


class _Lines:
    """A block of lines."""

    def __init__(self, text: bytes, starts: Ints, stops: Ints, parser: BulkDecoder) -> None:
        self._text, self._starts, self._stops = text, starts, stops
        self._parser = parser

    def _told_by_bytes(self) -> Flags:
        """Which lines have no escape and no control character, so that a text ends at the next quotation mark."""
        every = np.frombuffer(self._text, dtype=np.uint8)
        good = np.ones(len(self._starts), dtype=np.bool_)
        if b"\\" in self._text or np.count_nonzero(every < _SPACE) >= len(good):
            marks = (every < _SPACE) | (every == _BACKSLASH)
            # What stands between lines is in none of them.
            marks[self._stops[:-1]] = False
            good[np.searchsorted(self._stops, np.flatnonzero(marks))] = False
        return good

    def _line(self, place: int) -> bytes:
        return self._text[self._starts[place] : self._stops[place]]

    def _outcome(self, place: int) -> Outcome | None:
        """The outcome without a key that a line is, if it is one."""
        event = self._parser.one(self._line(place))
        return event if isinstance(event, LeanOutcome) and event.key is None else None

    def stencil(self, place: int) -> Stencil | None:
        """The shape of a line."""
        event = self._outcome(place)
        return None if event is None else Stencil.of(self._line(place), event)

    def read(self, stencil: Stencil) -> Columns | None:
        """All of them, of which nearly all have a shape; None where they are not what this is for."""
        found = stencil.read(self._text, self._starts, self._stops)
        fits = found.fits & self._told_by_bytes()
        odd = np.flatnonzero(~fits).tolist()
        if len(odd) * _ODD > len(fits) or len(odd) == len(fits):
            return None
        moments = _different(found.text, found.moments, fits)
        given = _different(found.text, found.dimensions, fits)
        if moments is None or given is None:
            return None
        names, about = [name.decode() for name in moments[0]], moments[1]
        texts, which = given
        dimensions = self._parser.dimensions(texts)
        if dimensions is None:
            return None
        ids = _texts(found.text, found.ids, fits)
        for place in odd:
            event = self._outcome(place)
            if event is None:
                return None
            ids[place] = event.id.encode()
            found.ats[place] = micros(event.time)
            found.words[place] = WORDS.index(event.outcome)
            found.values[place] = np.nan if event.value is None else event.value
            found.durations[place] = np.nan if event.duration_s is None else event.duration_s
            if event.moment not in names:
                names.append(event.moment)
            about[place] = names.index(event.moment)
            which[place] = len(dimensions)
            dimensions.append(event.dimensions)
        return Columns(
            found.ats, found.words, found.values, found.durations, about, which, ids, tuple(names), dimensions
        )


def _texts(text: bytes, spans: Span, fits: Flags) -> list[bytes]:
    """Texts without zeros, one for each line; of a line that does not fit it is anything."""
    each = whole(text, spans[0], np.where(fits, spans[1] - spans[0], 0))
    found: list[bytes] = each.view(f"S{each.shape[1]}").ravel().tolist()
    return found


def _different(text: bytes, spans: Span | None, fits: Flags) -> tuple[list[bytes], Ints] | None:
    """The texts that differ, and which of them each line has; of a line that does not fit it is any.

    None: they cannot be told apart by their keys, which chance alone never does.
    """
    if spans is None:
        return [b""], np.zeros(len(fits), dtype=np.int64)
    begin, end = spans if fits.all() else (np.where(fits, each, each[fits.argmax()]) for each in spans)
    each = whole(text, begin, end - begin).view(np.uint64)
    if (each == each[0]).all():
        # Nearly always of moments.
        return [text[begin[0] : end[0]]], np.zeros(len(fits), dtype=np.int64)
    keys = each @ np.cumprod(np.full(each.shape[1], _KEY))
    known, which = np.unique(keys, return_inverse=True)
    one = np.empty(len(known), dtype=np.int64)
    one[which] = np.arange(len(keys))
    if not (each == each[one][which]).all():
        return None
    return [text[begin[place] : end[place]] for place in one.tolist()], which
