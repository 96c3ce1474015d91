"""A short turn of the fuzzer, and that it sees what it looks for."""

import json
from collections.abc import Iterable

import pytest

from service.adapters.decode import Decoder
from service.core.counting.changes import Changes, View
from service.core.counting.intake import Intake
from service.core.counting.outcomes import Parted
from service.core.event import Batch, Partition
from tests.faults.fuzz import CATALOG, NOW, PLACES, fuzz


def test_two_thousand_inputs_crash_nothing_and_are_all_accounted_for() -> None:
    fuzzer = fuzz(2_000, 1, shrink=False)
    assert fuzzer.inputs >= 2_000
    assert fuzzer.found["accepted"] > 0
    assert fuzzer.found["duplicate"] > 0
    assert len(fuzzer.found) > 8


def test_an_intake_that_leaves_events_out_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    take = Intake.take_runs

    def leaky(self: Intake, runs: Iterable[tuple[Partition, Parted]], view: View, changes: Changes) -> None:
        short = [
            (place, Parted({name: mine[1:] for name, mine in given.plain.items()}, given.rest[1:]))
            for place, given in runs
        ]
        take(self, short, view, changes)

    monkeypatch.setattr(Intake, "take_runs", leaky)
    with pytest.raises(Exception, match="read is not accepted"):
        fuzz(60, 1, shrink=False)


def test_a_number_beyond_all_counting_where_a_text_belongs_is_a_bad_number() -> None:
    event = {"n": "1", "at": "2026-03-02T09:14:05Z", "type": "outcome", "moment": "delivered", "who": {"id": "c"}}
    payload = json.dumps(event | {"outcome": "kept", "key": 10**400}).encode()
    batch = Batch(PLACES[2], [0], [payload], 1)
    (dead,) = Decoder(CATALOG, CATALOG.sources["foreign"]).decode(batch, NOW).dead
    assert (dead.reason, dead.detail.split(":")[0]) == ("bad_number", "key")
