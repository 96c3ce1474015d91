"""What records of a foreign topic mean: a start that is a promise, a completion that keeps it, or nothing of interest.

A topic of orders, tickets or claims tells how something moves on, in words of its own. Each meaning of its source has a
condition; a record is every event whose condition holds, in the order declared, and none where none does. What a record
is must not depend on others, so that any partition and any replay says the same.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from service.adapters.decode.faults import Fault, RefusedError
from service.adapters.decode.mapping import FieldMapping, compiled, search
from service.core.catalog import Meaning, Source

_FALSE: tuple[object, ...] = (None, False, "", [], {})
"""What JMESPath calls false."""


class Told(FieldMapping):
    """The mapping of one meaning: the source's, with its own fields, and what it says."""

    def __init__(self, source: Source, meaning: Meaning, place: int) -> None:
        said = {"type": "promise"} if meaning.word == "promise" else {"type": "outcome", "outcome": meaning.word}
        mapping = {name: text for name, text in source.mapping.items() if name not in {*said, "moment"}}
        super().__init__(
            replace(
                source,
                mapping={**mapping, **meaning.mapping},
                constants={**source.constants, **said, "moment": meaning.moment},
            )
        )
        self._meaning = meaning
        self._field = f"events[{place}].when"
        self._condition = compiled(source.name, self._field, meaning.when)

    def holds(self, found: Mapping[str, object]) -> bool:
        """Whether a record means this. Raises RefusedError."""
        value = search(self._field, self._meaning.when, self._condition, found)
        return not any(value is false or (value == false and type(value) is type(false)) for false in _FALSE)

    def apply(self, found: Mapping[str, object], fields: Mapping[str, object]) -> dict[str, object]:
        """See `FieldMapping`; what has no key settles nothing, and an id says which of a record's events it is."""
        mapped = super().apply(found, fields)
        key, word, moment = mapped.get("key"), self._meaning.word, self._meaning.moment
        if key is None or key == "":
            detail = f"key: missing: map the field that is the same at the start and at the end of {moment}"
            raise RefusedError(Fault("missing_field", detail))
        # Topics of this sort often have no ids: the same thing told of the same key at the same time is told once.
        base = mapped.get("id") or f"{key}@{mapped.get('time')}"
        mapped["id"] = f"{base}/{word}/{moment}"
        return mapped


class Meanings:
    """All meanings of one source. Raises MappingError."""

    def __init__(self, source: Source) -> None:
        self._told = [Told(source, meaning, place) for place, meaning in enumerate(source.events)]

    def of(self, found: Mapping[str, object]) -> Iterator[Told]:
        """Those that hold of a record. Raises RefusedError."""
        return (told for told in self._told if told.holds(found))
