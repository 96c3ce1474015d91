"""What the source makes of what a client is told, where no broker can be made to say it at the right time."""

from __future__ import annotations

import threading
from collections import deque
from itertools import takewhile
from typing import TYPE_CHECKING

import pytest

from service.adapters.kafka import KafkaSettings, KafkaSource
from service.adapters.kafka.transport import Polled, Spot
from service.core.event import Assigned, Idle, Partition
from service.core.ports import SourceAway

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from service.adapters.kafka.transport import News, Start
    from service.core.event import Arrival, Micros

TOPIC = "orders"


class Told:
    """A client that is given some partitions of a topic, and is told how many it has: at first, and when it asks."""

    reason = None

    def __init__(self, given: int, first: int, asked: int) -> None:
        spots = tuple(Spot(TOPIC, number) for number in range(given))
        self.news: deque[News] = deque([("assigned", spots)])
        self.count, self._asked = first, asked
        self.closed = False

    def known(self) -> tuple[Partition, ...]:
        return tuple(Partition(TOPIC, number, "id") for number in range(self.count))

    def topic_id(self, topic: str) -> str:
        del topic
        return "id"

    def refresh(self, timeout: float) -> None:
        del timeout
        self.count = self._asked

    def poll(self) -> Polled:
        return Polled()

    def seek(self, positions: Mapping[Spot, int]) -> None:
        raise NotImplementedError

    def hold(self, spots: Collection[Spot]) -> None:
        raise NotImplementedError

    def passed(self, spot: Spot) -> int:
        raise NotImplementedError

    def find(self, spot: Spot, place: Start, timeout: float) -> int:
        raise NotImplementedError

    def readable(self, spot: Spot, timeout: float) -> int:
        raise NotImplementedError

    def ask_ends(self, spots: Iterable[Spot]) -> None:
        assert not list(spots)

    def ends(self) -> list[tuple[Spot, int, Micros]]:
        return []

    def missing(self) -> set[str]:
        return set()

    def led(self, spot: Spot) -> bool:
        raise NotImplementedError

    def heard_at(self) -> float:
        return float("inf")

    def commit(self, positions: Mapping[Spot, int], timeout: float | None = None) -> None:
        raise NotImplementedError

    def close(self) -> None:
        self.closed = True


class Lives:
    """Makes one client after the other, as members of such names."""

    reason = None

    def __init__(self, *clients: Told) -> None:
        self._clients = iter(clients)
        self.members: list[str | None] = []

    def set_up(self, settings: KafkaSettings, *_: object) -> Lives:
        """As the transport of some settings."""
        self.members.append(settings.instance_id)
        return self

    def connect(self) -> Told:
        return next(self._clients)

    def forget(self) -> None:
        pass

    def close(self) -> None:
        pass

    def source(self, monkeypatch: pytest.MonkeyPatch) -> KafkaSource:
        monkeypatch.setattr("service.adapters.kafka.source._transport", self.set_up)
        return KafkaSource(KafkaSettings(instance_id="first"), [TOPIC], lambda: 0)


def arrivals(source: KafkaSource) -> list[Arrival]:
    """What comes until there is nothing more for now."""
    given: Iterator[Arrival] = source.batches()
    return list(takewhile(lambda arrival: not isinstance(arrival, Idle), given))


def test_a_partition_that_its_topic_no_longer_has_is_never_taken_up(monkeypatch: pytest.MonkeyPatch) -> None:
    # Whoever shared three out had not heard that there are two now.
    late, then = Told(given=3, first=2, asked=2), Told(given=2, first=2, asked=2)
    lives = Lives(late, then)
    source = lives.source(monkeypatch)

    with pytest.raises(SourceAway, match=r"orders\[2\] fell to this reader, and no broker knows of it"):
        arrivals(source)
    [assigned] = arrivals(source)

    assert isinstance(assigned, Assigned)
    assert assigned.partitions == then.known()
    assert late.closed
    # As the member that the group knew it would be given the same for ever.
    assert lives.members == ["first", None]


def test_a_partition_that_was_just_added_is_asked_for_before_it_is_taken_for_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lives = Lives(Told(given=3, first=2, asked=3))

    [assigned] = arrivals(lives.source(monkeypatch))

    assert isinstance(assigned, Assigned)
    assert len(assigned.partitions) == 3
    assert len(assigned.known) == 3
    assert lives.members == ["first"]


class Nobody(Lives):
    """Reaches no broker the first time."""

    def __init__(self, then: Told) -> None:
        super().__init__(then)
        self.tries = 0

    def connect(self) -> Told:
        self.tries += 1
        if self.tries == 1:
            raise SourceAway("no broker can be reached")
        return super().connect()


def test_who_reached_the_brokers_ahead_reads_with_that_client(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Lives(Told(given=2, first=2, asked=2)).source(monkeypatch)

    ahead = threading.Thread(target=source.reach)
    ahead.start()
    ahead.join()
    source.reach()
    [assigned] = arrivals(source)

    assert isinstance(assigned, Assigned)


def test_brokers_that_could_not_be_reached_ahead_are_tried_again_by_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    lives = Nobody(Told(given=2, first=2, asked=2))
    source = lives.source(monkeypatch)

    source.reach()
    [assigned] = arrivals(source)

    assert isinstance(assigned, Assigned)
    assert lives.tries == 2


def test_a_source_that_is_closed_lets_go_of_what_was_reached_ahead_and_reaches_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = Told(given=1, first=1, asked=1), Told(given=1, first=1, asked=1)
    lives = Lives(first, second)
    source = lives.source(monkeypatch)

    source.reach()
    source.close()
    source.reach()

    assert first.closed
    assert lives.connect() is second
