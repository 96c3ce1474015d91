import itertools
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.counting.duplicates import IdHorizon, extent, id_hash
from service.core.event import HOUR, MINUTE, SECOND, CustomerChange, Micros, Outcome, Record
from tests.core.making import by_columns

_TIME = datetime(2026, 1, 31, tzinfo=UTC)


def record(event_id: str, at: Micros) -> Record:
    return Record(0, at, CustomerChange(id=event_id, time=_TIME, customer="c", change="joined"))


def ids(records: Sequence[Record]) -> list[str]:
    return [record.event.id for record in records]


def test_an_id_that_comes_again_within_the_hour_is_a_duplicate() -> None:
    horizon = IdHorizon()
    assert ids(horizon.sift([record("a", 0), record("b", MINUTE), record("a", HOUR)])) == ["a", "b"]


def test_an_id_is_remembered_for_exactly_an_hour_of_event_time() -> None:
    horizon = IdHorizon()
    horizon.sift([record("a", 0), record("b", HOUR)])
    assert horizon.seen(id_hash("a"))
    horizon.sift([record("c", HOUR + 1)])
    assert not horizon.seen(id_hash("a"))
    assert horizon.seen(id_hash("b"))


def test_an_old_event_is_remembered_from_its_arrival_not_from_its_own_time() -> None:
    horizon = IdHorizon()
    horizon.sift([record("new", 10 * HOUR), record("old", 0)])
    assert horizon.seen(id_hash("old"))
    horizon.sift([record("newer", 11 * HOUR)])
    assert horizon.seen(id_hash("old"))
    horizon.sift([record("newest", 11 * HOUR + 1)])
    assert not horizon.seen(id_hash("old"))


def test_a_duplicate_moves_nothing() -> None:
    horizon = IdHorizon()
    horizon.sift([record("a", 0), record("a", 5 * HOUR)])
    assert horizon.watermark == 0
    assert horizon.seen(id_hash("a"))


def test_an_id_is_forgotten_once_as_many_newer_ones_came_as_the_limit_says() -> None:
    horizon = IdHorizon(limit=3)
    horizon.sift([record(name, 0) for name in "abc"])
    assert horizon.seen(id_hash("a"))
    horizon.sift([record("d", 0)])
    assert not horizon.seen(id_hash("a"))
    assert len(horizon) == 3


def test_a_forgotten_id_may_come_again_and_is_remembered_again() -> None:
    horizon = IdHorizon()
    horizon.sift([record("a", 0), record("b", 2 * HOUR)])
    assert ids(horizon.sift([record("a", 2 * HOUR), record("a", 2 * HOUR)])) == ["a"]


def test_ids_that_are_not_ascii_are_hashed_as_utf8() -> None:
    assert id_hash("é") == id_hash(b"\xc3\xa9".decode())
    assert id_hash("a") == 0xE6C632B61E964E1F


def test_a_cut_blob_is_an_error_and_no_memory() -> None:
    horizon = IdHorizon()
    horizon.sift([record("a", 0)])
    blob = horizon.drain()
    with pytest.raises(ValueError, match="cut or no blob"):
        IdHorizon().restore([blob[:-1]])


def test_a_blob_says_how_many_ids_it_holds_and_where_its_watermark_ends() -> None:
    horizon = IdHorizon()
    horizon.sift([record("a", SECOND), record("b", 0)])
    assert extent(horizon.drain()) == (2, SECOND)
    assert extent(horizon.drain()) == (0, SECOND)


_arrivals = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 16).map(lambda step: step * HOUR // 4)), max_size=60
).map(lambda pairs: [record(name, at) for name, at in pairs])


def remembered(records: list[Record], limit: int) -> list[Record]:
    """The rule as it is said, slowly: every arrival with the watermark it came at."""
    kept: list[tuple[str, Micros]] = []
    out: list[Record] = []
    watermark: Micros | None = None
    for each in records:
        recent = kept[-limit:]
        if any(name == each.event.id and (watermark or 0) - mark <= HOUR for name, mark in recent):
            continue
        watermark = each.at if watermark is None else max(watermark, each.at)
        kept.append((each.event.id, watermark))
        out.append(each)
    return out


@given(_arrivals, st.integers(1, 5))
def test_the_horizon_does_what_the_rule_says(records: list[Record], limit: int) -> None:
    assert IdHorizon(limit=limit).sift(records) == remembered(records, limit)


@given(_arrivals, st.integers(1, 5))
def test_columns_are_sifted_as_records_are(records: list[Record], limit: int) -> None:
    told = [
        Record(place, each.at, Outcome(each.event.id, _TIME, "pays", "c", "kept")) for place, each in enumerate(records)
    ]
    expected = IdHorizon(limit=limit).sift(told)
    if told:
        given = by_columns(told)
        assert list(IdHorizon(limit=limit).sift(given)) == expected


@given(_arrivals, st.integers(1, 5), st.lists(st.integers(0, 60), max_size=5), st.data())
def test_batch_sizes_and_stops_change_nothing(
    records: list[Record], limit: int, cuts: list[int], data: st.DataObject
) -> None:
    whole = IdHorizon(limit=limit)
    expected = whole.sift(records)
    blobs: list[bytes] = []
    found: list[Record] = []
    horizon = IdHorizon(limit=limit)
    for start, end in itertools.pairwise([0, *sorted(cuts), len(records)]):
        found += horizon.sift(records[start:end])
        blobs.append(horizon.drain())
        if data.draw(st.booleans()):
            horizon = IdHorizon(limit=limit)
            horizon.restore(blobs)
            assert extent(horizon.drain())[0] == 0
    assert found == expected
    assert (horizon.watermark, len(horizon)) == (whole.watermark, len(whole))
    assert all(horizon.seen(id_hash(name)) == whole.seen(id_hash(name)) for name in "abcdefgh")


@given(_arrivals, st.integers(1, 5))
def test_one_by_one_and_all_at_once_are_the_same(records: list[Record], limit: int) -> None:
    at_once, singly = IdHorizon(limit=limit), IdHorizon(limit=limit)
    kept = at_once.sift(records)
    found = []
    for each in records:
        hashed = id_hash(each.event.id)
        if not singly.seen(hashed):
            singly.add(hashed, max(singly.watermark, each.at))
            found.append(each)
    assert found == kept
    assert singly.drain() == at_once.drain()


@given(_arrivals)
def test_blobs_whose_ids_are_all_forgotten_need_not_be_kept(records: list[Record]) -> None:
    horizon = IdHorizon(limit=4)
    blobs = []
    for each in records:
        horizon.sift([each])
        blobs.append(horizon.drain())
    newer = 0
    needed: list[bytes] = []
    for blob in reversed(blobs):
        count, mark = extent(blob)
        if newer < 4 and mark >= horizon.watermark - HOUR:
            needed.insert(0, blob)
        newer += count
    restored = IdHorizon(limit=4)
    restored.restore(needed)
    assert all(restored.seen(id_hash(name)) == horizon.seen(id_hash(name)) for name in "abcdefgh")
