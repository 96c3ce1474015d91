"""Blocks that are read by columns are what the parser says of them, whatever they hold."""

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.adapters.decode import Decoder, alike
from service.core.columns import WORDS, Outcomes, times_of
from service.core.counting.outcomes import parted
from service.core.event import Batch, Micros, Record
from tests.adapters.decode.events import CATALOG, OUTCOME, TOPIC

_FULL = OUTCOME | {"time": "2026-01-31T09:30:00.123456Z", "value": 12.5, "duration_s": 3.25, "dimensions": {"r": "n"}}
_SHAPES = [
    json.dumps(OUTCOME).encode(),
    json.dumps(_FULL).encode(),
    json.dumps(_FULL, separators=(",", ":")).encode(),
    json.dumps({name: _FULL[name] for name in reversed(_FULL)}).encode(),
    json.dumps(_FULL | {"time": "2026-01-31T11:30:00.5+02:00", "value": -1}).encode(),
    json.dumps(_FULL | {"customer": "Zoë", "dimensions": {"r": "n", "plan": ""}}, ensure_ascii=False).encode(),
]
_PIECES = [
    *(bytes([each]) for each in b'"\\{}[]:,.-+eE0123456789TZz \n\r\t\x00\x1f\x7f\xc3\xa9\xff'),
    *(b"null", b"true", b"1e5", b"NaN", b"1_0", b"00", b"-0", b"1e999", b'"\n"', b'","', b'"}\n{"', b"\\u0000"),
    *(b"kept", b"broken", b"cancelled", b"answered", b"nowhere", b"promise", b'"key": "k", ', b'"specversion":"1.0",'),
    *(b'"id": "other", ', b'"more": 1, ', b"2026-02-30", b"0000-01-01", b"9999-12-31", b"24:00:00", b"23:59:60"),
    *(b"999999999999", b"1000000000000.1", b"123456789012345678", b"315576000.5", b"x" * 130, b"x" * 600, "é".encode()),
]
_edit = st.tuples(st.integers(0, 400), st.integers(0, 12), st.sampled_from([b"", *_PIECES]))


def _edited(line: bytes, edits: Sequence[tuple[int, int, bytes]]) -> bytes:
    for place, cut, piece in edits:
        at = place % (len(line) + 1)
        line = line[:at] + piece + line[at + cut :]
    return line


_whatever_it_takes = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
_blocks = st.sampled_from(_SHAPES).flatmap(
    lambda shape: st.tuples(
        st.just(shape),
        st.lists(st.lists(_edit, max_size=2).map(lambda edits: _edited(shape, edits)), min_size=1, max_size=5),
    )
)


def _read(text: bytes, *, columns: bool, now: Micros | None = None) -> Sequence[Record] | None:
    """What is said of a block; by columns after a look at a sound one of the same shape."""
    ends = np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == ord("\n"))
    return Decoder(CATALOG).decode_lines(1, text, ends, now, columns=columns)


def _said(record: Record) -> Any:
    # A number that is not one, and zeros of either sign, are told apart.
    return record.offset, record.at, type(record.event).__name__, repr(msgspec.to_builtins(record.event))


def _agree(found: Sequence[Record] | None, expected: Sequence[Record] | None) -> None:
    if not isinstance(found, Outcomes):
        assert found is None or list(map(_said, found)) == list(map(_said, expected or ()))
        return
    assert expected is not None
    assert list(map(_said, found)) == list(map(_said, expected))
    said = found.columns
    assert times_of(found) == [record.at for record in expected]
    for place, record in enumerate(expected):
        event: Any = record.event
        value, duration = float(said.values[place]), float(said.durations[place])
        assert (event.moment, event.key) == (said.moments[said.about[place]], None)
        assert event.id.encode() == said.ids[place]
        assert event.outcome == WORDS[said.words[place]]
        assert repr(event.value) == repr(None if np.isnan(value) else value)
        assert repr(event.duration_s) == repr(None if np.isnan(duration) else duration)
        assert event.dimensions == said.dimensions[said.which[place]]


@_whatever_it_takes
@given(_blocks, st.booleans())
def test_what_is_read_by_columns_is_what_the_parser_says(block: tuple[bytes, list[bytes]], tolerant: bool) -> None:
    shape, lines = block
    text = b"\n".join([shape, *lines, shape, *[shape] * len(lines)])
    expected = _read(text, columns=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alike, "_MANY", 1)
        # Any number of lines may differ from the others in shape, or none.
        patch.setattr(alike, "_ODD", 0 if tolerant else 10_000)
        found = _read(text, columns=True)
    if expected is None:
        assert found is None
    else:
        _agree(found, expected)


_LONG = _SHAPES[1].replace(b"12.5", b"123456789.125")
_HOSTILE = [
    *(
        (_SHAPES[1], b"12.5", number)
        for number in (b"012.5", b"12.", b".5", b".", b"-", b"-.5", b"-012", b"1.2.3", b"+1")
    ),
    *(
        (_SHAPES[1], b"12.5", number)
        for number in (b"-0", b"-0.0", b"--1", b"1-2", b"1_0", b"1e3", b"00", b"0x1", b"1 2")
    ),
    *((_LONG, b"123456789.125", number) for number in (b"0.1234567890123456789", b"12345678901.23456789")),
    *((_SHAPES[1], b"12.5", number) for number in (b"1000000000001", b"null", b"true", b'"12.5"', b"[1]", b"")),
    *((_SHAPES[1], b"3.25", number) for number in (b"-3.25", b"315576000.5", b"-0", b"null")),
    *(
        (_SHAPES[1], b"2026-01-31", day)
        for day in (b"2026-02-30", b"2026-13-01", b"0000-01-01", b"2026-W05-6", b"20260-1-31")
    ),
    *(
        (_SHAPES[1], b"2026-01-31", day)
        for day in (b"1899-12-31", b"9001-01-01", b"2024-02-29", b"2026-01-30", b"\xef\xbc\x9126-01-31")
    ),
    *(
        (_SHAPES[1], b"T09:30:00", clock)
        for clock in (b"T24:00:00", b"T23:60:00", b"T23:59:60", b"t09:30:00", b" 09:30:00")
    ),
    *(
        (_SHAPES[1], b"T09:30:00", clock)
        for clock in (b"T0a:30:00", b"T09-30-00", b"T09:3:000", b"T:9:30:00", b"T09:30:0\x39")
    ),
    *(
        (_SHAPES[1], b".123456Z", rest)
        for rest in (b",123456Z", b".12345aZ", b"Z", b".123Z", b".1234567Z", b".123456", b".123456z")
    ),
    *((_SHAPES[1], b".123456Z", rest) for rest in (b".123456+01:00", b".123456-00:00", b"+01:0056Z")),
    *((_SHAPES[4], b"+02:00", offset) for offset in (b"-02:00", b"+02:30", b"Z", b"+24:00", b"")),
    *(
        (_SHAPES[1], b'"kept"', word)
        for word in (b'"broken"', b'"cancelled"', b'"Kept"', b'"keep"', b'"kepts"', b'""', b"null")
    ),
    *(
        (_SHAPES[1], b'"a1"', name)
        for name in (b'""', b'"a\t1"', b'"a\x001"', b'"a\\"1"', b'"a\\n1"', b'"\xff"', b'"\x7f"', b"7")
    ),
    *(
        (_SHAPES[1], b'"a1"', name)
        for name in (b'"a1" ', b'"a1", "id": "b1"', b'"%s"' % (b"x" * 513), b'"%s"' % (b"x" * 40))
    ),
    *((_SHAPES[1], b'"c1"', name) for name in (b'""', b'"c\x1f1"', b'"\xc3\xa9"', b'"\xc3"', b"null")),
    *(
        (_SHAPES[1], b'"type"', more)
        for more in (b'"key": "k", "type"', b'"more": {"a": [1]}, "type"', b'"specversion": "1.0", "type"')
    ),
    *(
        (_SHAPES[1], b'"outcome", "moment"', more)
        for more in (b'"promise", "moment"', b'"outcome","moment"', b'"complaint", "moment"')
    ),
    *((_SHAPES[1], b'"arrives"', moment) for moment in (b'"nowhere"', b'"answered"', b'"arriveS"', b"null")),
    *(
        (_SHAPES[1], b'{"r": "n"}', given)
        for given in (b"{}", b"null", b'{"r": 1}', b'{"r": "n", "r": "m"}', b'{"r": "}"}', b'{"r": "n"')
    ),
    *(
        (_SHAPES[1], b'{"r": "n"}', given)
        for given in (b'{"r": "n"}, "key": {}', b'{"r": "n"}}', b'{"": "n"}', b'{"r": "%s"}' % (b"y" * 600))
    ),
    *(
        (_SHAPES[3], b'{"r": "n"}', given)
        for given in (b"{}", b'{"r": "}"}', b'{"r": {}}', b'{"r": "n", "s": "%s"}' % (b"y" * 200))
    ),
    *(
        (_SHAPES[0], b'"kept"}', end)
        for end in (b'"kept"]', b'"kept"}}', b'"kept"} ', b'"kept"}x', b'"kept"', b'"kept"}\r', b'"kept"}{}')
    ),
    *(
        (_SHAPES[0], b'{"id"', begin)
        for begin in (b' {"id"', b'["id"', b'"id"', b"", b'\xef\xbb\xbf{"id"', b'{}\n{"id"', b'{"id" ')
    ),
]
"""A shape, what stands in it, and what one line has in its place."""


@pytest.mark.parametrize(("shape", "old", "new"), _HOSTILE)
def test_one_line_that_is_anything_does_not_change_what_is_said(shape: bytes, old: bytes, new: bytes) -> None:
    lines = [shape.replace(b'"a1"', b'"a%d"' % number) for number in range(600)]
    # The shape is learned from another.
    lines[7] = shape.replace(old, new)
    assert lines[7] != shape
    text = b"\n".join(lines)
    expected = _read(text, columns=False)
    found = _read(text, columns=True)
    if expected is None:
        assert found is None
    else:
        _agree(found, expected)


@_whatever_it_takes
@given(_blocks, st.integers(1, 6))
def test_payloads_are_read_as_lines_are_and_what_is_none_is_dead(block: tuple[bytes, list[bytes]], part: int) -> None:
    shape, payloads = block
    # Several moments, too, and what a line cannot hold.
    payloads = [shape, *payloads, shape.replace(b"arrives", b"answered"), shape, *[shape.replace(b"a1", b"a2")] * 6]
    batch = Batch(TOPIC, list(range(7, 7 + len(payloads))), payloads, 7 + len(payloads))
    expected = Decoder(CATALOG).decode(batch)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alike, "_MANY", 1)
        patch.setattr(alike, "_ODD", 0)
        patch.setattr(alike, "_BLOCK", part)
        found = Decoder(CATALOG).decode(batch, columns=True)
    assert found.dead == expected.dead
    _agree(found.records, expected.records)


def test_payloads_of_one_shape_and_several_moments_are_read_by_columns() -> None:
    shape = _SHAPES[1]
    payloads = [
        shape.replace(b'"a1"', b'"a%d"' % number).replace(b"arrives", [b"arrives", b"answered"][number % 7 == 5])
        for number in range(9000)
    ]
    payloads[50] = json.dumps(OUTCOME | {"reason": "late", "moment": "answered"}).encode()
    batch = Batch(TOPIC, list(range(9000)), payloads, 9000)
    found = Decoder(CATALOG).decode(batch, columns=True).records
    expected = Decoder(CATALOG).decode(batch).records
    assert isinstance(found, Outcomes)
    _agree(found, expected)
    assert {name: list(mine) for name, mine in parted(found).plain.items()} == parted(expected).plain
    assert list(parted(found[5:]).plain) == list(parted(expected[5:]).plain) == ["answered", "arrives"]


def test_a_payload_with_a_line_end_in_a_text_is_dead() -> None:
    payloads = [_SHAPES[1]] * 600
    payloads[3] = _SHAPES[1].replace(b"a1", b"a\n1")
    found = Decoder(CATALOG).decode(Batch(TOPIC, list(range(600)), payloads, 600), columns=True)
    assert (len(found.records), [dead.offset for dead in found.dead]) == (599, [3])


@pytest.mark.parametrize("shape", _SHAPES)
def test_a_block_of_one_shape_is_read_by_columns(shape: bytes) -> None:
    text = b"\n".join(shape.replace(b'"a1"', b'"a%d"' % number) for number in range(600))
    found, expected = _read(text, columns=True), _read(text, columns=False)
    assert isinstance(found, Outcomes)
    _agree(found, expected)


def _with_dimensions(count: int) -> bytes:
    """Lines that differ in their dimensions, which have several lengths."""
    said = [_FULL | {"dimensions": {"r": f"n{7**number % 1_000_003}"}} for number in range(count)]
    return b"\n".join(json.dumps(each).encode() for each in said)


def test_dimensions_of_several_lengths_are_told_apart() -> None:
    text = _with_dimensions(600)
    found = _read(text, columns=True)
    assert isinstance(found, Outcomes)
    assert len(found.columns.dimensions) > 500
    _agree(found, _read(text, columns=False))


def test_texts_that_have_one_key_are_left_to_the_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alike, "_KEY", np.uint64(0))
    text = _with_dimensions(600)
    found = _read(text, columns=True)
    assert not isinstance(found, Outcomes)
    _agree(found, _read(text, columns=False))
    assert isinstance(_read(b"\n".join([_SHAPES[1]] * 600), columns=True), Outcomes)


def test_a_shape_that_names_a_key_twice_is_the_parsers() -> None:
    text = b"\n".join([_SHAPES[1].replace(b'"a1"', b'"a1", "id": "b1"')] * 600)
    found = _read(text, columns=True)
    assert found is not None
    assert not isinstance(found, Outcomes)


def test_numbers_and_times_are_what_the_parser_makes_of_them() -> None:
    numbers = [
        "0",
        "-12",
        "0.0",
        "7",
        "-7.25",
        "0.1",
        "999999999999",
        "-1000000000000",
        "123456789.12345",
        "0.0000000001",
    ]
    days = ["1999-12-31", "2000-02-29", "2026-01-31", "2027-03-01"]
    lines = [
        json.dumps(_FULL | {"time": f"{days[n % 4]}T{n % 24:02}:{n % 60:02}:{n % 60:02}.{n:06}Z"})
        .replace("12.5", numbers[n % len(numbers)])
        .encode()
        for n in range(600)
    ]
    text = b"\n".join(lines)
    found, expected = _read(text, columns=True), _read(text, columns=False)
    assert isinstance(found, Outcomes)
    _agree(found, expected)


def test_some_lines_of_another_shape_are_asked_of_the_parser() -> None:
    lines = [json.dumps(_FULL | {"id": f"e{number}"}) for number in range(640)]
    for place in range(3, 640, 40):
        lines[place] = json.dumps(OUTCOME | {"outcome": "broken", "reason": "late \\ again", "id": f"odd{place}"})
        lines[place + 1] = lines[place + 1].replace(": ", ":\t", 1) if place % 3 else lines[place + 1]
    text = "\n".join(lines).encode()
    found = _read(text, columns=True)
    assert isinstance(found, Outcomes)
    _agree(found, _read(text, columns=False))
    crowd = b"\n".join([text, *[lines[3].encode()] * 40])
    assert not isinstance(_read(crowd, columns=True), Outcomes)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"arrives", b"nowhere"),
        (b"2026-01-31", b"1899-01-31"),
        (b"2026-01-31", b"9001-01-31"),
        (b'"kept"', b'"lost"'),
        (b'"c1"', b'""'),
        (b'"n"', b"7"),
        (b"3.25", b"-3.25"),
        (b"12.5", b"1000000000001"),
    ],
)
def test_what_is_not_sound_is_looked_at_line_by_line(old: bytes, new: bytes) -> None:
    text = b"\n".join([_SHAPES[1]] * 600)
    assert isinstance(_read(text, columns=True), Outcomes)
    for bad in (text.replace(old, new), text.replace(old, new, 1)):
        assert _read(bad, columns=True) is None


def test_a_time_of_the_future_is_looked_at_line_by_line() -> None:
    text = b"\n".join([_SHAPES[1]] * 600)
    at = 1_769_851_800_123_456
    assert isinstance(_read(text, columns=True, now=at), Outcomes)
    assert _read(text, columns=True, now=at - 300_000_001) is None


def test_after_a_shape_that_does_not_fit_the_next_blocks_are_left_to_the_parser_for_a_while() -> None:
    decoder = Decoder(CATALOG)
    one = b"\n".join([_SHAPES[1]] * 600)
    mixed = b"\n".join(_SHAPES[:2] * 300)

    def by_columns(text: bytes) -> bool:
        ends = np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == ord("\n"))
        return isinstance(decoder.decode_lines(1, text, ends, columns=True), Outcomes)

    assert [by_columns(text) for text in (one, mixed, one, one)] == [True, False, False, True]
    # Ever longer.
    assert [by_columns(text) for text in (mixed, mixed, mixed, one, one, one, one)] == [False] * 6 + [True]
    other = b"\n".join([_SHAPES[3]] * 600)
    assert by_columns(other)
    assert by_columns(one)
