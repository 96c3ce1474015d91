"""Structs as text columns and back; dimension values as canonical JSON."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from service.core.counting.tally import Values, stated

T = TypeVar("T")

_dumps = msgspec.json.Encoder(order="sorted").encode
_loads = msgspec.json.Decoder(dict[str, str]).decode
_loads_all = msgspec.json.Decoder(list[dict[str, str]]).decode

MOST_CACHED = 50_000
"""Tuples of values, a third to two thirds of a KiB each."""
LEAST_CACHED = 1_000


def pack(value: object) -> str:
    """A struct as JSON text. Infinite floats survive, which strict JSON would turn into null."""
    return json.dumps(msgspec.to_builtins(value), separators=(",", ":"), ensure_ascii=False)


def unpack(text: str, kind: type[T]) -> T:
    """The struct that was packed."""
    return msgspec.convert(json.loads(text), kind)


def pack_any(value: Any) -> str:
    """Plain JSON data as text."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def pack_dimensions(dimensions: Mapping[str, str]) -> str:
    """Canonical: the same dimensions give the same text."""
    return _dumps(dimensions).decode() if dimensions else "{}"


def unpack_dimensions(text: str) -> dict[str, str]:
    """The dimensions of a text."""
    return _loads(text) if text != "{}" else {}


def unpack_all(texts: Iterable[str]) -> list[dict[str, str]]:
    """The dimensions of many texts, in one call of the parser."""
    return _loads_all(f"[{','.join(texts)}]")


class ValuesCodec:
    """A moment's tuples of dimension values as canonical JSON and back, remembered because they come again.

    The text carries names, so that what is stored outlives a catalogue that orders or chooses them anew.
    """

    def __init__(self, names: tuple[str, ...], most: int = MOST_CACHED) -> None:
        """`most`: so many are remembered each way."""
        self._names = names
        self._most = most
        self._texts: dict[Values, str] = {}
        self._values: dict[str, Values] = {}
        self._words: dict[str, str] = {}
        """Values are few where their tuples are many: each is kept once."""

    def text(self, values: Values) -> str:
        """What is stored for a tuple."""
        text = self._texts.get(values)
        if text is None:
            given = {n: v for n, v in zip(self._names, values, strict=True) if v is not None}
            if len(self._texts) >= self._most:
                self._texts.clear()
            text = self._texts[values] = pack_dimensions(given)
        return text

    def values(self, text: str) -> Values:
        """The tuple of what is stored."""
        return self.all_values([text])[0]

    def all_values(self, texts: Sequence[str]) -> list[Values]:
        """The tuples of what is stored."""
        known = self._values
        try:
            return list(map(known.__getitem__, texts))
        except KeyError:
            new = [text for text in dict.fromkeys(texts) if text not in known]
        if len(known) + len(new) > self._most:
            # Another one, for other threads look up in this.
            known, new = {}, list(dict.fromkeys(texts))
            self._values = known if len(new) <= self._most else {}
        if len(self._words) > self._most:
            self._words = {}
        word = self._words.setdefault
        for text, given in zip(new, unpack_all(new), strict=True):
            known[text] = tuple([value and word(value, value) for value in stated(given, self._names)])
        return list(map(known.__getitem__, texts))
