"""Structs as text columns and back; dimension values as canonical JSON."""

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

import msgspec

from service.adapters.recurring import Recurring
from service.core.counting.tally import Values

T = TypeVar("T")

_dumps = msgspec.json.Encoder(order="sorted").encode
_loads = msgspec.json.Decoder(dict[str, str]).decode
_loads_all = msgspec.json.Decoder(list[dict[str, str]]).decode
_loads_numbers = msgspec.json.Decoder(list[int]).decode

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


def unpack_all(texts: str) -> list[dict[str, str]]:
    """The dimensions of many texts with commas between, in one call of the parser."""
    return _loads_all(f"[{texts}]")


def unpack_numbers(texts: str) -> list[int]:
    """Whole numbers with commas between."""
    return _loads_numbers(f"[{texts}]")


class ValuesCodec:
    """A moment's tuples of dimension values as canonical JSON and back.

    The text carries names, so that what is stored outlives a catalogue that orders or chooses them anew. Texts are
    remembered while they repeat, for they are made one by one; tuples are not, for many are made in one call of the
    parser.
    """

    def __init__(self, names: tuple[str, ...], most: int = MOST_CACHED) -> None:
        """`most`: so many texts are remembered."""
        self._names = names
        self._texts = Recurring(self._text, most=most, few=LEAST_CACHED)
        fields = [f"of_{place}" for place in range(len(names))]
        # Struct's own fields cannot be called what a dimension may be.
        given = msgspec.defstruct(
            "Given", [(f, str | None, None) for f in fields], rename=dict(zip(fields, names, strict=True)), gc=False
        )
        self._parse: Callable[[str], list[msgspec.Struct]] = msgspec.json.Decoder(list[given]).decode  # type: ignore[valid-type]  # made just now

    def text(self, values: Values) -> str:
        """What is stored for a tuple."""
        return self._texts.all((values,))[0]

    def texts(self, many: Collection[Values]) -> list[str]:
        """What is stored for some tuples."""
        return self._texts.all(many)

    def _text(self, values: Values) -> str:
        return pack_dimensions({n: v for n, v in zip(self._names, values, strict=True) if v is not None})

    def values(self, text: str) -> Values:
        """The tuple of what is stored."""
        return self.all_values(text)[0]

    def all_values(self, texts: str) -> list[Values]:
        """The tuples of what is stored, with commas between."""
        return list(map(msgspec.structs.astuple, self._parse(f"[{texts}]")))
