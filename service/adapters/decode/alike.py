"""Blocks of lines in one shape as columns: the shape is learned from a line, and lines of another are parsed by one."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from service.adapters.decode.bulk import BulkDecoder, LeanOutcome
from service.adapters.decode.stencil import Flags, Ints, Span, Stencil
from service.core.columns import WORDS, Columns, Outcomes
from service.core.event import Event, Outcome, Record, micros

_MANY = 256
"""Fewer lines are quicker by one."""
_ODD = 16
"""Of so many lines one may have another shape; where there are more, the block is the parser's."""
_LONGEST_PAUSE = 64
_SPACE, _NEWLINE, _BACKSLASH = b" \n\\"
"""The first is the first character that is no control character."""


class Alike:
    """Reads blocks of outcomes without keys of one moment, where their lines differ in their values only."""

    def __init__(self, parser: BulkDecoder) -> None:
        self._parser = parser
        self._stencil: Stencil | None = None
        self._pause = self._left = 0
        """So many blocks are not tried after the last failure, and so many of them are left."""

    def outcomes(
        self, text: bytes, ends: npt.NDArray[np.intp], offsets: Sequence[int], longest: int
    ) -> Outcomes | None:
        """What a text of one object a line says, none longer than `longest`; None where the parser has to be asked.

        `ends`: where its lines end. It is UTF-8. `offsets`: of the lines.
        """
        if len(ends) < _MANY:
            return None
        if self._left:
            self._left -= 1
            return None
        found = self._tried(text, ends, offsets, longest)
        self._pause = 0 if found is not None else min(2 * self._pause + 1, _LONGEST_PAUSE)
        self._left = self._pause
        return found

    def _tried(self, text: bytes, ends: npt.NDArray[np.intp], offsets: Sequence[int], longest: int) -> Outcomes | None:
        starts, stops = np.append(0, ends + 1), np.append(ends, len(text))
        if (stops - starts).max() > longest:
            return None
        lines = _Lines(text, starts, stops, offsets, self._parser)
        if self._stencil is not None:
            found = lines.read(self._stencil)
            if found is not None:
                return found
        # Not the first line: where a file begins, or was cut, that may be another's.
        self._stencil = lines.stencil(len(starts) // 2)
        return None if self._stencil is None else lines.read(self._stencil)


class _Lines:
    """A block of lines, of which each can be asked for."""

    def __init__(self, text: bytes, starts: Ints, stops: Ints, offsets: Sequence[int], parser: BulkDecoder) -> None:
        self._text, self._starts, self._stops = text, starts, stops
        self._offsets = offsets
        self._parser = parser

    def _told_by_bytes(self) -> Flags:
        """Which lines have no escape and no control character, so that a text ends at the next quotation mark."""
        every = np.frombuffer(self._text, dtype=np.uint8)
        good = np.ones(len(self._starts), dtype=np.bool_)
        if b"\\" in self._text or np.count_nonzero(every < _SPACE) >= len(good):
            marks = ((every < _SPACE) & (every != _NEWLINE)) | (every == _BACKSLASH)
            good[np.searchsorted(self._stops, np.flatnonzero(marks))] = False
        return good

    def _line(self, place: int) -> bytes:
        return self._text[self._starts[place] : self._stops[place]]

    def _outcome(self, place: int) -> Outcome | None:
        """The outcome without a key that a line is, if it is one."""
        event = self._parser.one(self._line(place))
        return event if isinstance(event, LeanOutcome) and event.key is None else None

    def record(self, place: int) -> Record:
        """A line that was taken, as a record."""
        event: Event | None = self._parser.one(self._line(place))
        if event is None:
            message = f"line {self._offsets[place]} was taken, and cannot be read"
            raise ValueError(message)
        return Record(self._offsets[place], micros(event.time), event)

    def stencil(self, place: int) -> Stencil | None:
        """The shape of a line."""
        event = self._outcome(place)
        return None if event is None else Stencil.of(self._line(place), event)

    def read(self, stencil: Stencil) -> Outcomes | None:
        """All of them, of which nearly all have a shape; None where they are not what this is for."""
        found = stencil.read(self._text, self._starts, self._stops)
        fits = found.fits & self._told_by_bytes()
        many = len(fits)
        odd = np.flatnonzero(~fits).tolist()
        if len(odd) * _ODD > many:
            return None
        which, dimensions = self._dimensions(found.dimensions, fits)
        if dimensions is None:
            return None
        ids = self._cut(found.ids)
        for place in odd:
            event = self._outcome(place)
            if event is None or event.moment != stencil.moment:
                return None
            ids[place] = event.id.encode()
            found.ats[place] = micros(event.time)
            found.words[place] = WORDS.index(event.outcome)
            found.values[place] = np.nan if event.value is None else event.value
            found.durations[place] = np.nan if event.duration_s is None else event.duration_s
            which[place] = len(dimensions)
            dimensions.append(event.dimensions)
        columns = Columns(found.ats, found.words, found.values, found.durations, which, ids, dimensions)
        return Outcomes(stencil.moment, columns, np.arange(many), self.record)

    def _cut(self, spans: Span) -> list[bytes]:
        text = self._text
        return [text[begin:end] for begin, end in zip(spans[0].tolist(), spans[1].tolist(), strict=True)]

    def _dimensions(self, spans: Span | None, fits: Flags) -> tuple[Ints, list[dict[str, str] | None] | None]:
        """The place of each line's dimensions among those that differ, and these."""
        if spans is None:
            return np.zeros(len(fits), dtype=np.int64), [None]
        texts = self._cut(spans)
        if not fits.all():
            # What is cut out of a line of another shape is anything.
            texts = [text if good else b"" for text, good in zip(texts, fits.tolist(), strict=True)]
        numbers = {text: number for number, text in enumerate(dict.fromkeys(texts))}
        return np.fromiter(map(numbers.__getitem__, texts), np.int64, len(texts)), self._parser.dimensions(
            list(numbers)
        )
