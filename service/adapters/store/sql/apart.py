"""Tells customers apart, exactly, in one long text of their ids: as whole numbers that are sorted, not one by one.

A set of a million texts takes most of its time making the texts. Here an id is a row of 64-bit words, the ids are put
in the order of a hash with the row's number in its lowest bits, and neighbours with the same hash are compared word by
word: what the hash confuses is told apart after that, so that it costs time and never a customer.
"""

from itertools import compress

import numpy as np
import numpy.typing as npt

SEPARATOR = "\0"
"""In no id: one with it is a dead letter."""
_WIDE = 64
"""Bytes; an id that is longer must not make all others as long."""

Words = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]


def told_apart(ids: bytes, parts: bytes, count: int, separator: bytes = SEPARATOR.encode()) -> tuple[int, ...]:
    r"""How many different ids have a digit of `parts` as their lowest: by digit, from 0 to `count` - 1.

    `ids`: joined by the separator, a digit of `parts` each. ValueError where these are not as many as each other.

    >>> told_apart(b"ann\0bob\0ann\0eve", b"1012", 3)
    (1, 1, 1)
    """
    if not parts:
        return (0,) * count
    digits = np.frombuffer(parts, dtype=np.uint8) - ord("0")
    text = np.frombuffer(ids + separator, dtype=np.uint8)
    ends = np.flatnonzero(text == separator[0])
    if len(ends) != len(digits):
        raise ValueError(f"{len(ends)} ids and {len(digits)} parts: one of the ids holds the separator")
    lengths = np.diff(ends, prepend=-1) - 1
    widest = int(lengths.max())
    if widest > _WIDE:
        return _as_sets(ids.split(separator), digits, count)
    if lengths.min() == widest:
        rows = np.zeros((len(ends), _padded(widest)), dtype=np.uint8)
        rows[:, :widest] = text.reshape(len(ends), widest + 1)[:, :widest]
        words = rows.view(np.uint64)
    else:
        words = np.array(ids.split(separator), dtype=f"S{_padded(widest)}").view(np.uint64).reshape(len(ends), -1)
    return _counted(words, digits, count)


def _padded(width: int) -> int:
    """In whole words."""
    return max(-(-width // 8), 1) * 8


def _counted(words: Words, digits: npt.NDArray[np.uint8], count: int) -> tuple[int, ...]:
    """Of each run of the same id the lowest digit."""
    bits = np.uint64(len(words).bit_length())
    order = _mixed(words)
    order >>= bits
    order <<= bits
    order |= np.arange(len(words), dtype=np.uint64)
    order.sort()
    hashes, rows = order >> bits, (order & ((np.uint64(1) << bits) - np.uint64(1))).astype(np.int64)
    same = hashes[1:] == hashes[:-1]
    begins = np.flatnonzero(np.concatenate(([True], ~same)))
    lowest = np.minimum.reduceat(digits[rows], begins)
    found = np.bincount(lowest, minlength=count)
    where = np.flatnonzero(same)
    confused = where[(words[rows[where]] != words[rows[where + 1]]).any(axis=1)]
    for run in np.unique(np.searchsorted(begins, confused, side="right") - 1).tolist():
        mine = rows[begins[run] : begins[run + 1] if run + 1 < len(begins) else None]
        first: dict[bytes, int] = {}
        for row in mine.tolist():
            name = words[row].tobytes()
            first[name] = min(first.get(name, count), int(digits[row]))
        found[lowest[run]] -= 1
        found += np.bincount(list(first.values()), minlength=count)
    return tuple(found.tolist())


def _mixed(words: Words) -> Words:
    """A hash of each row; multiplication goes round at 64 bits."""
    mixed = words[:, 0].copy()
    for place in range(1, words.shape[1]):
        mixed *= np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(32)
        mixed += words[:, place]
    mixed *= np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return mixed


def _as_sets(ids: list[bytes], digits: npt.NDArray[np.uint8], count: int) -> tuple[int, ...]:
    """The plain way."""
    known: set[bytes] = set()
    found = []
    for digit in range(count):
        before = len(known)
        known.update(compress(ids, (digits == digit).tolist()))
        found.append(len(known) - before)
    return tuple(found)
