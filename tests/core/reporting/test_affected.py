"""Customers of several interruptions are counted once."""

from hypothesis import given
from hypothesis import strategies as st

from service.core.catalog import Catalog, Moment, Owner
from service.core.event import HOUR, Outcome
from service.core.interruption import Impact, holds
from service.core.reporting.affected import Place, affected, outermost, place_of
from tests.adapters.web.world import NOW, World, interruption, stamp

START = NOW - 10 * HOUR
WORLD = World(
    Catalog(
        owners={"ops": Owner("ops")},
        moments={name: Moment(name, "ops", dimensions=("region", "carrier")) for name in ("a", "b")},
    )
)
WORLD.take(
    [
        Outcome(
            id=str(n),
            time=stamp(START + n * HOUR // 6),
            moment="ab"[n % 2],
            customer=f"c{n % 11}",
            outcome="broken",
            value=1 + n % 5,
            dimensions={"region": "xyz"[n % 3], "carrier": "pq"[n % 4 // 2]},
        )
        for n in range(60)
    ]
)

segments = st.sampled_from(
    [(), (("region", ("x",)),), (("region", ("x", "y")),), (("carrier", ("p",)),), (("carrier", ("p", "q")),)]
)
hours = st.integers(0, 10)
places = st.builds(
    lambda moment, segment, start, length: Place(
        moment, segment, START + start * HOUR, START + (start + length) * HOUR
    ),
    st.sampled_from("ab"),
    segments,
    hours,
    hours,
)


def counted(wanted: list[Place]) -> Impact:
    """One by one, the slow way."""
    rows = {
        (row.moment, row.ref): row
        for moment in "ab"
        for row in WORLD.store.breaks(moment, (), 0, NOW + 1, limit=1000)
        if any(
            place.moment == moment and place.start <= row.at < place.end and holds(place.segment, row.dimensions)
            for place in wanted
        )
    }
    return Impact(len(rows), len({row.customer for row in rows.values()}), sum(row.value for row in rows.values()), 0)


@given(st.lists(places, max_size=6))
def test_overlapping_places_count_a_customer_and_a_break_once(wanted: list[Place]) -> None:
    assert affected(WORLD.store, wanted) == counted(wanted)


@given(st.lists(places, max_size=6))
def test_what_is_covered_can_be_left_out(wanted: list[Place]) -> None:
    kept = outermost(wanted)
    assert all(any(place.covers(each) for place in kept) for each in wanted)
    assert counted(kept) == counted(wanted)


def test_an_interruption_did_its_harm_up_to_its_end_or_to_now() -> None:
    assert place_of(interruption("a", (), START, NOW), NOW).end == NOW + 1
    over = interruption("a", (), START, NOW, resolved_at=NOW - HOUR, state="resolved")
    assert place_of(over, NOW).end == NOW - HOUR
