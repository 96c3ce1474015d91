"""The books are recounted beside the service, and a difference is a figure and an error that names the line."""

import threading

import pytest

from service.core.keeping import Account
from service.core.meter import NoMeter
from service.core.ports import StoreAway
from service.loops import recounting
from service.loops.recounting import Recounting

RIGHT = Account("events[0]", "read = accepted", 5, 5)
WRONG = Account("paid", "broken = rows", 7, 9)


class Told(NoMeter):
    def __init__(self) -> None:
        self.off: list[int] = []

    def recounted(self, off: int) -> None:
        self.off.append(off)


def test_what_differs_is_summed_and_named(caplog: pytest.LogCaptureFixture) -> None:
    told = Told()
    assert Recounting(lambda: [RIGHT], told).turn() == 0
    assert Recounting(lambda: [RIGHT, WRONG, WRONG], told).turn() == 4
    assert told.off == [0, 4]
    assert "paid: broken = rows: 7 is not 9" in caplog.text


def test_a_store_that_is_away_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recounting, "FIRST", 0.0)
    monkeypatch.setattr(recounting, "REST", 0.0)
    stop, told, answers = threading.Event(), Told(), iter([None, [WRONG], [RIGHT]])

    def accounts() -> list[Account]:
        found = next(answers, None)
        if found is None and told.off:
            stop.set()
        if found is None:
            raise StoreAway
        return found

    Recounting(accounts, told).run(stop)
    assert told.off == [2, 0]
