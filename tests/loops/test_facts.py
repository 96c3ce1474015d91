"""What a notice says is what the store holds."""

from dataclasses import replace

import pytest

from service.adapters.store.memory import MemoryStore
from service.core.event import DAY, HOUR, MINUTE, Complaint, instant
from service.core.interruption import EVERYTHING, Interruption, Segment
from service.core.message import Count
from service.loops import facts
from service.loops.facts import facts_of
from tests.adapters.store.scene import MOMENTS, PAID, T0, Reader, outcome

NORTH: Segment = (("region", ("north",)),)


def interruption(segment: Segment = EVERYTHING) -> Interruption:
    return Interruption(
        id="id",
        moment="paid",
        segment=segment,
        kind="failure_rate",
        kinds=("failure_rate",),
        rule=None,
        level="high",
        state="open",
        onset=T0,
        opened=T0 + HOUR,
        detected_at=T0 + HOUR,
    )


def store(*, complaints: bool = True) -> MemoryStore:
    """Eight broken of twelve in the north, one of ten in the south, over two days; ann is hit twice."""
    made = MemoryStore(MOMENTS)
    events = []
    for n in range(22):
        north = n < 12
        broken = n < 8 or n == 21
        at = T0 + (0 if n < 3 else DAY) + n * MINUTE
        customer = "ann" if n in {0, 5} else f"c{n}"
        events.append(
            outcome(
                at,
                "broken" if broken else "kept",
                id=f"e{n}",
                customer=customer,
                value=10.0,
                dimensions={"region": "north" if north else "south"},
            )
        )
    voices = [
        ("ann", T0 + HOUR),
        ("ann", T0 + 2 * HOUR),
        ("c7", T0 + HOUR),  # before c7's own break
        ("c21", T0 + DAY + HOUR),  # of the south
        ("nobody", T0 + HOUR),
    ]
    heard = [
        Complaint(id=f"v{n}", time=instant(at), customer=customer) for n, (customer, at) in enumerate(voices)
    ]
    Reader(made).take(*events, *(heard if complaints else []))
    return made


def test_a_segments_facts_are_its_own_and_the_rests_beside_them() -> None:
    found = facts_of(store(), PAID, interruption(NORTH), T0 + 2 * DAY, currency="EUR")
    assert (found.impact.broken, found.impact.customers, found.impact.value) == (8, 7, 8_000)
    assert (found.inside, found.elsewhere) == (Count(8, 12), Count(1, 10))
    assert found.complained == 1
    assert [hit for _, hit in found.newly_hit] == [3, 4]
    assert found.worst == ()


def test_the_wholes_facts_name_the_segments_that_carry_it() -> None:
    found = facts_of(store(), PAID, interruption(), T0 + 2 * DAY)
    assert (found.inside, found.elsewhere) == (Count(9, 22), None)
    assert found.worst == (Count(8, 12, name="region north"),)
    assert found.complained == 2


def test_breaks_are_counted_where_one_event_is_no_customer() -> None:
    found = facts_of(store(), replace(PAID, unit="flights"), interruption(NORTH), T0 + 2 * DAY)
    assert [hit for _, hit in found.newly_hit] == [3, 5]


def test_where_nobody_tells_of_complaints_nothing_is_said_about_them() -> None:
    assert facts_of(store(complaints=False), PAID, interruption(), T0 + 2 * DAY).complained is None


def test_what_comes_after_is_not_told() -> None:
    found = facts_of(store(), PAID, interruption(), T0 + HOUR)
    assert (found.impact.broken, found.inside) == (3, Count(3, 3))


def test_more_than_can_be_gone_through_is_counted_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "MOST_BREAKS", 5)
    found = facts_of(store(), PAID, interruption(), T0 + 2 * DAY)
    assert (found.impact.broken, found.newly_hit, found.complained) == (9, (), None)
