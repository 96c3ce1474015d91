import json
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from service.adapters import flights
from service.adapters.decode import Decoder
from service.adapters.files import EventFiles
from service.core.catalog import Catalog, Moment
from service.core.event import Outcome


@pytest.fixture(scope="module")
def year() -> list[bytes]:
    return list(flights.events())


def one(year: list[bytes], flight: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = [json.loads(line) for line in year if b'"id":"%s"' % flight.encode() in line]
    assert len(found) == 1
    return found[0]


def test_every_departure_of_the_year_is_an_event_sorted_by_time_with_an_id_of_its_own(
    year: list[bytes],
) -> None:
    assert len(year) == flights.COUNT
    head = re.compile(rb'\{"id":"([^"]+)","time":"([^"]+Z)"')
    heads = [match.groups() for line in year if (match := head.match(line))]
    assert len({name for name, _ in heads}) == flights.COUNT
    times = [time for _, time in heads]
    assert times == sorted(times)


def test_flights_are_kept_late_or_cancelled_as_the_table_says(year: list[bytes]) -> None:
    said = re.compile(rb'"outcome":"(\w+)"(?:,"reason":"(\w+)")?')
    count = Counter(match.groups() for line in year if (match := said.search(line)))
    assert count == {(b"kept", None): 257_747, (b"broken", b"late"): 70_774, (b"broken", b"cancelled"): 8_255}


def test_a_flight_that_leaves_within_the_quarter_is_kept_when_it_left(year: list[bytes]) -> None:
    # Scheduled for 05:15 in New York's winter, two minutes late.
    assert one(year, "UA1545-2013-01-01-EWR") == {
        "id": "UA1545-2013-01-01-EWR",
        "time": "2013-01-01T10:17:00Z",
        "type": "outcome",
        "moment": "departs-on-time",
        "customer": "UA1545-2013-01-01-EWR",
        "outcome": "kept",
        "dimensions": {"origin": "EWR", "carrier": "UA", "dest": "IAH"},
    }


def from_table(monkeypatch: pytest.MonkeyPatch, *rows: tuple[str, ...]) -> list[dict[str, Any]]:
    """Events of rows: year, month, day, scheduled, delay, carrier, number, origin, destination."""
    monkeypatch.setattr(flights, "_rows", lambda: iter(rows))
    return [json.loads(line) for line in flights.events()]


@pytest.mark.parametrize(
    ("day", "time"),
    [
        (("2013", "3", "9"), "2013-03-09T10:00:00Z"),
        (("2013", "3", "10"), "2013-03-10T09:00:00Z"),
        (("2013", "11", "2"), "2013-11-02T09:00:00Z"),
        (("2013", "11", "3"), "2013-11-03T10:00:00Z"),
    ],
)
def test_five_in_the_morning_in_new_york_is_an_hour_nearer_to_utc_in_summer(
    monkeypatch: pytest.MonkeyPatch, day: tuple[str, ...], time: str
) -> None:
    events = from_table(monkeypatch, (*day, "500", "0", "UA", "1", "EWR", "IAH"))
    assert [event["time"] for event in events] == [time]


def test_a_flight_is_kept_to_the_fifteenth_minute_and_broken_at_it_when_later_or_never(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    day = ("2013", "1", "1", "2355")
    rest = ("JFK", "MIA")
    rows = [(*day, delay, "AA", str(n), *rest) for n, delay in enumerate(["-10", "15", "16", "1301", "NA", ""])]
    assert [
        (event["customer"][:3], event["time"], event["outcome"], event.get("reason"))
        for event in from_table(monkeypatch, *rows)
    ] == [
        ("AA0", "2013-01-02T04:45:00Z", "kept", None),
        ("AA1", "2013-01-02T05:10:00Z", "kept", None),
        ("AA2", "2013-01-02T05:10:00Z", "broken", "late"),
        ("AA3", "2013-01-02T05:10:00Z", "broken", "late"),
        ("AA4", "2013-01-02T05:10:00Z", "broken", "cancelled"),
        ("AA5", "2013-01-02T05:10:00Z", "broken", "cancelled"),
    ]


def test_two_flights_of_one_number_and_day_are_two_flights(monkeypatch: pytest.MonkeyPatch) -> None:
    row = ("2013", "1", "1", "500", "0", "UA", "1", "EWR", "IAH")
    names = [event["id"] for event in from_table(monkeypatch, row, row)]
    assert names == ["UA1-2013-01-01-EWR", "UA1-2013-01-01-EWR-2"]


def test_the_written_file_reads_back_as_events_of_the_moment(
    tmp_path: Path, year: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flights, "events", lambda: iter(year[:30_000]))
    path = tmp_path / "flights.jsonl.gz"
    assert flights.write(path) == 30_000
    catalog = Catalog(moments={flights.MOMENT: Moment(name=flights.MOMENT, owner="ops")})
    found = list(EventFiles([path], Decoder(catalog)).chunks())
    records = [record for chunk in found for record in chunk.records]
    assert [chunk.dead for chunk in found if chunk.dead] == []
    assert len(records) == 30_000
    assert all(isinstance(record.event, Outcome) for record in records)
    assert records[0].event.time >= datetime(2013, 1, 1, tzinfo=UTC)


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flights, "find_spec", lambda _: None)
    with pytest.raises(flights.FlightsMissingError, match=r"pip install momentwatch\[flights\]"):
        next(flights.events())
