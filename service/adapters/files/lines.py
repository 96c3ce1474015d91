"""One file as blocks of numbered lines, plain or gzip, with bounded memory whatever the file holds."""

import shutil
import stat
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from service.adapters.decode import PAYLOAD_KEPT, TOO_LARGE
from service.core.event import Partition

BLOCK = 2 * 1024 * 1024
"""Bytes of text that are looked at together."""

_GZIP = b"\x1f\x8b"
_ZLIB_READS_GZIP = 31
_NEWLINE = ord("\n")
_BOM = b"\xef\xbb\xbf"
_SHORTEST_EVENT = 60
"""No event is shorter; in a block without shorter lines nobody needs to look for blank ones."""


class EventFileError(Exception):
    """A file that cannot be read; says which, why and what to do."""


@dataclass(frozen=True, slots=True)
class LongLine:
    """A line too long to be looked into: its number, its size, how it begins."""

    number: int
    size: int
    head: bytes


class Lines:
    """Some lines, and those among them that are too long.

    `first`: the number of the first of `text`, which is all of them as they stand in the file, the last one's end
    left out; `ends`: where in it the others end. They are taken apart for whoever asks: a reader of sound events
    never does.
    """

    __slots__ = ("_parts", "ends", "first", "long", "text")

    def __init__(self, first: int, text: bytes, long: tuple[LongLine, ...] = ()) -> None:
        self.first = first
        self.text = text
        self.ends = np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == _NEWLINE)
        self.long = long
        self._parts: tuple[Sequence[int], list[bytes]] | None = None

    @property
    def numbers(self) -> Sequence[int]:
        """The lines' numbers (from 1), blank ones left out."""
        return self._apart()[0]

    @property
    def texts(self) -> list[bytes]:
        """The lines, blank ones left out."""
        return self._apart()[1]

    def _apart(self) -> tuple[Sequence[int], list[bytes]]:
        if self._parts is None:
            self._parts = _numbered(self.text.split(b"\n"), self.first)
        return self._parts


@dataclass(slots=True)
class EventFile:
    """One file of events: its name, its partition, and how many bytes of it were passed at each step.

    What is appended after it was opened is not read. Raises EventFileError.
    """

    name: str
    size: int = field(init=False)
    partition: Partition = field(init=False)
    position: int = field(init=False, default=0)
    """Bytes read, compressed where the file is, by the latest pass."""
    _path: Path = field(init=False)
    _spool: "tempfile._TemporaryFileWrapper[bytes] | None" = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.partition = Partition(self.name, 0, self.name)
        self._path = Path(self.name)
        with self._said():
            status = self._path.stat()
            if stat.S_ISDIR(status.st_mode):
                message = f"{self.name} is a folder: name the files in it"
                raise EventFileError(message)
            if not stat.S_ISREG(status.st_mode):
                # A pipe can be read once only, and files are read twice.
                self._spool = tempfile.NamedTemporaryFile(prefix="momentwatch-")  # noqa: SIM115 - kept open
                with self._path.open("rb") as pipe:
                    shutil.copyfileobj(pipe, self._spool, BLOCK)
                self._spool.flush()
                self._path = Path(self._spool.name)
                status = self._path.stat()
            self.size = status.st_size

    def close(self) -> None:
        """Remove the copy that was made of a pipe."""
        if self._spool is not None:
            self._spool.close()

    def blocks(self, block: int = BLOCK, too_large: int = TOO_LARGE) -> Iterator[Lines]:
        """The file's lines from the beginning, about `block` bytes at a time. Raises EventFileError."""
        self.position = 0
        with self._said(), self._path.open("rb", buffering=0) as file:
            compressed = file.read(len(_GZIP)) == _GZIP
            file.seek(0)
            raw = self._raw(file, block)
            yield from _lines(self._inflated(raw, block) if compressed else raw, too_large)

    def _raw(self, file: BinaryIO, block: int) -> Iterator[bytes]:
        while self.position < self.size:
            data = file.read(min(block, self.size - self.position))
            if not data:
                return
            self.position += len(data)
            yield data

    def _inflated(self, raw: Iterator[bytes], block: int) -> Iterator[bytes]:
        engine = None
        for data in raw:
            rest = data
            while rest:
                if engine is None:
                    # Between members, and after the last, gzip allows padding with zeros.
                    rest = rest.lstrip(b"\0")
                    if not rest:
                        break
                    engine = zlib.decompressobj(_ZLIB_READS_GZIP)
                # The limit keeps a bomb from filling the memory.
                text = engine.decompress(rest, block)
                if text:
                    yield text
                if engine.eof:
                    rest, engine = engine.unused_data, None
                else:
                    rest = engine.unconsumed_tail
        if engine is not None:
            where = f"after {self.position} bytes"
            message = f"{self.name} is cut: its gzip data ends in the middle, {where}: fetch it again"
            raise EventFileError(message)

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            message = f"{self.name} does not exist: check the path"
            raise EventFileError(message) from error
        except PermissionError as error:
            message = f"{self.name} may not be read by this user: change its permissions"
            raise EventFileError(message) from error
        except zlib.error as error:
            message = f"{self.name} is damaged: {error} before byte {self.position}: fetch it again"
            raise EventFileError(message) from error
        except (OSError, ValueError) as error:
            message = f"{self.name} cannot be read: {error}: check the path and the disk"
            raise EventFileError(message) from error


def _lines(chunks: Iterator[bytes], too_large: int) -> Iterator[Lines]:
    number = 1
    rest = head = b""
    # Of a line that is too long, as far as it was met; 0 outside of one.
    size = 0
    for chunk in chunks:
        data = chunk
        long: tuple[LongLine, ...] = ()
        if size:
            end = data.find(b"\n")
            if end < 0:
                size += len(data)
                continue
            long = (LongLine(number, size + end, head),)
            number, size, data = number + 1, 0, data[end + 1 :]
        data = rest + data
        cut = data.rfind(b"\n")
        rest = data[cut + 1 :]
        if cut >= 0:
            text = data[:cut]
            lines = Lines(number, text.removeprefix(_BOM) if number == 1 else text, long)
            yield lines
            number += len(lines.ends) + 1
        elif long:
            yield Lines(number, b"", long)
        if len(rest) > too_large:
            head, size, rest = rest[:PAYLOAD_KEPT], len(rest), b""
    if size:
        yield Lines(number, b"", (LongLine(number, size, head),))
    elif rest:
        yield Lines(number, rest.removeprefix(_BOM) if number == 1 else rest)


def _numbered(texts: list[bytes], first: int) -> tuple[Sequence[int], list[bytes]]:
    if min(map(len, texts)) >= _SHORTEST_EVENT:
        return range(first, first + len(texts)), texts
    kept = [(number, text) for number, text in enumerate(texts, first) if text.strip()]
    return [number for number, _ in kept], [text for _, text in kept]
