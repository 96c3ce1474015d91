"""Many payloads in one call of the parser, for those that are sound: what is odd is left to whoever can say why."""

from collections import deque
from collections.abc import Mapping, Sequence
from itertools import repeat
from operator import itemgetter
from typing import Annotated, Any

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import force_setattr

from service.adapters.decode.envelope import MARK, marked
from service.adapters.recurring import Recurring
from service.core.event import Annotation, Complaint, CustomerChange, Dimensions, Event, Feedback, Outcome, Promise

_MOST = 4096
_FEWEST = 32
"""Payloads that are tried together: one that is odd costs all of them a second look."""
_MOST_KNOWN, _FEW_KNOWN, _LONGEST_KNOWN = 10_000, 1_000, 1024
_OPEN, _CLOSE = b"{}"  # as numbers, which is how bytes give their parts
_FIRST, _LAST = itemgetter(0), itemgetter(-1)
_REFUSED = Annotated[int, msgspec.Meta(ge=1, le=0)]
"""What no value is."""


def _lean(kind: type[msgspec.Struct]) -> Any:
    """The type with its dimensions left as text: the same few texts come again and again.

    An envelope is refused by the parser, which looks at every key anyhow: to search the text for its mark is dear.
    """
    tag = kind.__struct_config__.tag
    fields = [("dimensions", msgspec.Raw, msgspec.Raw()), (MARK, _REFUSED, msgspec.UNSET)]
    return msgspec.defstruct(kind.__name__, fields, bases=(kind,), tag_field="type", tag=tag, frozen=True, gc=False)


LeanOutcome = _lean(Outcome)
"""An Outcome as this module makes it."""
_LeanPromise = _lean(Promise)
_LEAN = {LeanOutcome, _LeanPromise}
_ANY = LeanOutcome | _LeanPromise | Complaint | Feedback | CustomerChange | Annotation


class BulkDecoder:
    """Decodes payloads of the plain contract together; equal dimensions are one dict, which nobody may change."""

    def __init__(self) -> None:
        self._json: msgspec.json.Decoder[Event] = msgspec.json.Decoder(_ANY)
        self._together = _MOST
        decode = msgspec.json.Decoder(Dimensions | None).decode
        self._dimensions: Recurring[bytes, dict[str, str] | None] = Recurring(
            lambda text: decode(text) if text else None,
            most=_MOST_KNOWN,
            few=_FEW_KNOWN,
            lasting=lambda text: len(text) <= _LONGEST_KNOWN,
        )

    def stretch(self, payloads: Sequence[bytes], start: int) -> tuple[int, list[Event] | None]:
        """Where the next stretch of payloads ends, and its events; None where it must be looked at one by one."""
        some = payloads[start : start + self._together]
        events = self._events(some)
        if events is None:
            self._together = max(_FEWEST, self._together // 8)
            some = some[: self._together]
            events = self._events(some)
        if events is not None:
            self._together = min(_MOST, self._together * 2)
        return start + len(some), events

    def _events(self, payloads: Sequence[bytes]) -> list[Event] | None:
        # Each begins with { and ends with }, and where one follows another there is }, a line's end, {. No text of JSON
        # holds a bare line's end, and inside an object no { follows a }: so what is parsed as a whole was whole
        # objects in each payload, and if there are as many of them as payloads, one in each.
        try:
            if set(map(_FIRST, payloads)) != {_OPEN} or set(map(_LAST, payloads)) != {_CLOSE}:
                return None
        except IndexError:  # an empty one
            return None
        return self._whole(b"\n".join(payloads), len(payloads))

    def lines(self, text: bytes, ends: npt.NDArray[np.intp], longest: int) -> list[Event] | None:
        """The events of a text of one object a line, none longer than `longest`; None where it may be none.

        `ends`: where its lines end.
        """
        every = np.frombuffer(text, dtype=np.uint8)
        if not text or (ends.size and not 0 < ends[0] <= ends[-1] < len(text) - 1):
            return None
        # As above: what each line begins and ends with shows that it is an object of its own.
        if not (every[0] == _OPEN and every[-1] == _CLOSE):
            return None
        if not ((every[ends + 1] == _OPEN).all() and (every[ends - 1] == _CLOSE).all()):
            return None
        if np.diff(ends, prepend=-1, append=len(text)).max() > longest:
            return None
        return self._whole(text, len(ends) + 1)

    def again(self, payloads: Sequence[bytes], dimensions: Sequence[Mapping[str, str] | None]) -> list[Event]:
        """The events of payloads of which it is known that they are sound outcomes, and what their dimensions are."""
        events = self._json.decode_lines(b"\n".join(payloads))
        _give(events, dimensions)
        return events

    def one(self, payload: bytes) -> Event | None:
        """The event of one payload; None where it must be looked at closer."""
        events = self._events([payload])
        return events[0] if events else None

    def dimensions(self, texts: Sequence[bytes]) -> list[dict[str, str] | None] | None:
        """What some texts of dimensions say; None where one of them says nothing."""
        try:
            return self._dimensions.all(texts)
        except msgspec.MsgspecError:
            return None

    def _whole(self, text: bytes, count: int) -> list[Event] | None:
        events = self._parsed(text)
        if events is None or len(events) != count:
            return None
        lean: Sequence[Any] = events
        if not set(map(type, events)) <= _LEAN:
            if marked(text):
                return None
            lean = [event for event in events if type(event) in _LEAN]
        return events if self._with_dimensions(lean) else None

    def _parsed(self, block: bytes) -> list[Event] | None:
        try:
            return self._json.decode_lines(block)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None

    def _with_dimensions(self, lean: Sequence[Any]) -> bool:
        # The quickest way from a buffer to bytes.
        texts: list[bytes] = [b"" + event.dimensions for event in lean]
        given = self.dimensions(texts)
        if given is None:
            return False
        _give(lean, given)
        return True


def _give(lean: Sequence[Any], dimensions: Sequence[Mapping[str, str] | None]) -> None:
    """Put dimensions in the place of their texts."""
    # A map that nobody looks at: a step a column rather than a step an event.
    deque(map(force_setattr, lean, repeat("dimensions"), dimensions), maxlen=0)
