"""Reads YAML that nobody has to trust: capped, without aliases, tags or surprises, each value with its line.

Built on the parser's events, so that depth and size are refused before anything is built. Plain scalars
follow YAML 1.2, narrowed: only true and false are booleans, so that `NO` is text, and only decimal numbers
are numbers, so that `07:00` and `010` are text.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from service.adapters.catalog.problem import Problem, Step, Where, name_of, show, spell

LARGEST_FILE = 1 << 20
DEEPEST = 32
MOST_NODES = 100_000
MOST_PROBLEMS = 50
"""Problems reported a file; a file with more is not read line by line by anybody."""

JSON = None | bool | int | float | str | list["JSON"] | dict[str, "JSON"]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = re.compile(r"null|Null|NULL|~|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
# Controls but tab and line ends, surrogates, non-characters: PostgreSQL, mail or terminals refuse them.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_LONGEST_INT = 18


@dataclass(slots=True)
class Document:
    """One YAML document as plain values, with the line of each value and the letters plain scalars had."""

    file: str
    line: int
    folder: Path = Path()
    value: JSON = None
    lines: dict[Where, int] = field(default_factory=dict)
    raw: dict[Where, str] = field(default_factory=dict)
    sound: bool = True
    """False where the reader found a problem inside: the value is for looking up names only."""

    def line_of(self, where: Where) -> int:
        """The line of a value, or of the nearest one around it."""
        while where and where not in self.lines:
            where = where[:-1]
        return self.lines.get(where, self.line)

    def problem(self, where: Where, message: str) -> Problem:
        """A problem at a value of this document."""
        return Problem(self.file, self.line_of(where), spell(where), message)


@dataclass(slots=True)
class Contents:
    """What a file holds; empty documents are left out."""

    documents: list[Document] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    whole: bool = True
    """False where documents may be missing: the file, or its rest, could not be read."""


class _GiveUpError(Exception):
    """The rest of the file cannot be read."""


def read(path: Path, may_be_empty: frozenset[Where] = frozenset()) -> Contents:
    """The documents of a file and what is wrong with them.

    `may_be_empty`: the keys whose missing value means an empty mapping; elsewhere it is a problem.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        return _refused(path, 0, f"cannot be read: {error.strerror or error}; check the path and its rights")
    return read_bytes(data, path, may_be_empty)


def read_bytes(data: bytes, path: Path, may_be_empty: frozenset[Where] = frozenset()) -> Contents:
    """The same for bytes in hand; the path is for the problems' text and for paths inside."""
    if len(data) > LARGEST_FILE:
        return _refused(path, 0, f"is larger than {LARGEST_FILE >> 20} MiB; split it into several files")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return _refused(path, data.count(b"\n", 0, error.start) + 1, "is not UTF-8 text; save the file as UTF-8")
    if bad := _FORBIDDEN.search(text):
        line = text.count("\n", 0, bad.start()) + 1
        return _refused(path, line, f"holds the control character U+{ord(bad.group()):04X}; remove it")
    reader = _Reader(path, may_be_empty)
    try:
        reader.documents_of(yaml.parse(text, Loader=_LOADER))
    except _GiveUpError:
        reader.contents.whole = False
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reader.not_yaml(mark.line + 1 if mark else 0, str(error.problem or error.context))
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # The parser in pure Python lets chr() and int() of an escape such as "\UFFFFFFFF" through.
        reader.not_yaml(0, str(error))
    return reader.contents


def _refused(path: Path, line: int, message: str) -> Contents:
    return Contents(problems=[Problem(name_of(path), line, "", message)], whole=False)


class _Reader:
    """Builds the values of one file's documents from the parser's events."""

    def __init__(self, path: Path, may_be_empty: frozenset[Where]) -> None:
        self.contents = Contents()
        self._file = name_of(path)
        self._folder = path.parent
        self._may_be_empty = may_be_empty
        self._nodes = 0

    def documents_of(self, events: Iterator[Any]) -> None:
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                root = next(events)
                document = Document(self._file, root.start_mark.line + 1, self._folder)
                before = len(self.contents.problems)
                try:
                    document.value = self._value(root, events, document, ())
                finally:
                    document.sound = len(self.contents.problems) == before
                    if document.value is not None or not document.sound:
                        self.contents.documents.append(document)

    def not_yaml(self, line: int, message: str) -> None:
        self.contents.whole = False
        self.contents.problems.append(Problem(self._file, line, "", f"is not YAML: {message}; mend the line"))

    def report(self, where: Where, line: int, message: str) -> None:
        problems = self.contents.problems
        problems.append(Problem(self._file, line, spell(where), message))
        if len(problems) >= MOST_PROBLEMS:
            problems.append(Problem(self._file, line, "", "more problems follow; mend these first"))
            raise _GiveUpError

    def _value(self, event: Any, events: Iterator[Any], document: Document, where: Where) -> JSON:
        line = event.start_mark.line + 1
        document.lines.setdefault(where, line)
        self._nodes += 1
        if self._nodes > MOST_NODES:
            self.report((), line, f"holds more than {MOST_NODES} values; split the file")
            raise _GiveUpError
        if len(where) > DEEPEST:
            self.report((), line, f"is nested more than {DEEPEST} levels deep; flatten it")
            raise _GiveUpError
        if isinstance(event, yaml.AliasEvent):
            self.report(where, line, f"the alias *{event.anchor} is not allowed; write the value out")
            return None
        if event.anchor is not None:
            self.report(where, line, f"the anchor &{event.anchor} is not allowed; remove it")
        if event.tag is not None:
            self.report(where, line, f"the tag {show(event.tag)[1:-1]} is not allowed; remove it")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, document, where)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(events, document, where)
        return self._mapping(events, document, where)

    def _list(self, events: Iterator[Any], document: Document, where: Where) -> JSON:
        items: list[JSON] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            step = len(items)
            items.append(self._filled(self._value(event, events, document, (*where, step)), event, where, step))
        return items

    def _mapping(self, events: Iterator[Any], document: Document, where: Where) -> JSON:
        members: dict[str, JSON] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            line = event.start_mark.line + 1
            key = self._key(event, events, where)
            inner = (*where, key)
            if key in members:
                first = document.lines[inner]
                self.report(inner, line, f"is written twice, first on line {first}; keep one")
                # Read on into a document nobody looks at, so that the first value keeps its lines.
                self._value(next(events), events, Document(self._file, line), inner)
                continue
            document.lines[inner] = line
            value_event = next(events)
            members[key] = self._filled(self._value(value_event, events, document, inner), event, where, key)
        return members

    def _key(self, event: Any, events: Iterator[Any], where: Where) -> str:
        """A key is always text, as it stands: `NO:` and `1:` may be the values of a dimension."""
        line = event.start_mark.line + 1
        if not isinstance(event, yaml.ScalarEvent):
            self._value(event, events, Document(self._file, line), (*where, "?"))
            self.report(where, line, "has a key that is not plain text; write key: value")
            return ""
        plain = event.implicit[0] and event.tag is None
        if event.anchor is not None or event.tag is not None:
            self.report(where, line, "has a key with an anchor or a tag; remove it")
        if plain and event.value == "<<":
            self.report(where, line, "the merge key << is not allowed; write the keys out")
        elif plain and _NULL.fullmatch(event.value):
            self.report(where, line, "has a key without a name; name it, or put it in quotes")
        self._check_text(event.value, line, where)
        return str(event.value)

    def _filled(self, value: JSON, event: Any, where: Where, step: Step) -> JSON:
        """A value that is there; a missing one is a problem unless it means an empty mapping."""
        inner = (*where, step)
        problems = self.contents.problems
        if value is not None or (problems and problems[-1].field == spell(inner)):
            return value
        if inner in self._may_be_empty:
            return {}
        remedy = "write one or remove the key" if isinstance(step, str) else "write one or remove the item"
        self.report(inner, event.start_mark.line + 1, f"has no value; {remedy}")
        return None

    def _scalar(self, event: Any, document: Document, where: Where) -> JSON:
        text: str = event.value
        line = event.start_mark.line + 1
        self._check_text(text, line, where)
        if not event.implicit[0]:
            return text
        if _NULL.fullmatch(text):
            return None
        if _BOOL.fullmatch(text):
            document.raw[where] = text
            return text[0] in "tT"
        if _INT.fullmatch(text) and len(text) <= _LONGEST_INT:
            document.raw[where] = text
            return int(text)
        if _FLOAT.fullmatch(text):
            document.raw[where] = text
            number = float(text)
            if not math.isfinite(number):
                self.report(where, line, f"{show(text)[1:-1]} is too large a number; write a smaller one")
            return number
        return text

    def _check_text(self, text: str, line: int, where: Where) -> None:
        if bad := _FORBIDDEN.search(text):
            self.report(where, line, f"holds the control character U+{ord(bad.group()):04X}; remove it")
