"""A short turn of the fuzzer, and that it sees what it looks for."""

import pytest

from service.core.counting.intake import Intake
from tests.faults.fuzz import fuzz


def test_two_thousand_inputs_crash_nothing_and_are_all_accounted_for() -> None:
    fuzzer = fuzz(2_000, 1, shrink=False)
    assert fuzzer.inputs >= 2_000
    assert fuzzer.found["accepted"] > 0
    assert fuzzer.found["duplicate"] > 0
    assert len(fuzzer.found) > 8


def test_an_intake_that_leaves_events_out_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    take = Intake.take
    monkeypatch.setattr(Intake, "take", lambda self, place, records, *rest: take(self, place, records[1:], *rest))
    with pytest.raises(Exception, match="read is not accepted"):
        fuzz(60, 1, shrink=False)
