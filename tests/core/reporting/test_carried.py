"""Where an interruption of everything is worst: on marketplaces of several shapes, by chance and by cause."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

import msgspec
import numpy as np
import pytest

from service.core.catalog import Catalog, Moment, Owner
from service.core.event import DAY, MINUTE, Event, Micros
from service.core.interruption import Interruption, Kind, Segment
from service.core.reporting.carried import Hit, carried, hits, most, places
from service.core.reporting.usual import Due
from service.core.telling.message import most_words
from tests.adapters.web.world import World, interruption
from tests.core.making import at, outcome

if TYPE_CHECKING:
    from service.core.ports import Reader

SIZES = (900, 450, 300, 200, 150, 120, 90, 60, 40, 25, 12, 6)
STATES = tuple(f"S{number:02}" for number in range(len(SIZES)))
PAST = 4.0
"""So many times as many promises fell due in the weeks before."""
HISTORIES = 40


class Cells:
    """What fell due, by its state."""

    def __init__(self, counts: Mapping[str | None, tuple[int, int]]) -> None:
        self._counts = counts

    def outcomes(self, moment: str, spans: Sequence[tuple[Micros, Micros]]) -> list[tuple[Mapping[str, str], int, int]]:
        del moment, spans
        return [
            ({} if state is None else {"state": state}, tried, broken)
            for state, (tried, broken) in self._counts.items()
        ]


def due(counts: Mapping[str | None, tuple[int, int]]) -> Due:
    return Due(cast("Reader", Cells(counts)), "m")


def found(
    seed: int,
    now: Mapping[str | None, float],
    usual: Mapping[str | None, float] | None = None,
    unstated: int = 300,
    rest: float = 0.05,
) -> tuple[Hit, ...]:
    """A history whose shares are `rest` but where said otherwise: `usual` in the past, `now` since the onset."""
    random = np.random.default_rng(seed)
    before = usual or {}

    def counts(shares: Mapping[str | None, float], times: float, other: float) -> dict[str | None, tuple[int, int]]:
        sizes: dict[str | None, int] = {**dict(zip(STATES, SIZES, strict=True)), None: unstated}
        made = {}
        for state, size in sizes.items():
            tried = int(size * times)
            made[state] = tried, int(random.binomial(tried, shares.get(state, other)))
        return made

    return hits(("state",), due(counts({**before, **now}, 1.0, now.get("*", rest))), due(counts(before, PAST, 0.05)))


def worst(found: Sequence[Hit]) -> set[str]:
    return {hit.value for hit in found if hit.worse}


def test_one_state_that_breaks_alone_is_named_alone() -> None:
    every = [found(seed, {"S03": 0.25}) for seed in range(HISTORIES)]
    assert all(worst(it) >= {"S03"} for it in every)
    assert sum(most(it)[0] == (("state", ("S03",)),) for it in every) >= HISTORIES - 2
    assert sum(len(it) > 1 for it in every) <= 6


def test_three_states_are_named_and_no_others() -> None:
    named = [worst(found(seed, {"S01": 0.25, "S03": 0.3, "S05": 0.35})) for seed in range(HISTORIES)]
    assert sum(one == {"S01", "S03", "S05"} for one in named) >= HISTORIES - 2


def test_states_that_are_worse_than_a_bad_rest_are_named() -> None:
    """Three times as many everywhere, seven times as many in two: the two are named, once or never with another."""
    named = [worst(found(seed, {"*": 0.15, "S01": 0.35, "S03": 0.37})) for seed in range(HISTORIES)]
    assert all(one >= {"S01", "S03"} for one in named)
    assert sum(len(one) > 2 for one in named) <= 2


def test_where_everything_breaks_alike_none_is_named_and_the_large_are_hit_all_the_same() -> None:
    every = [found(seed, {"*": 0.15}) for seed in range(HISTORIES)]
    assert sum(bool(worst(it)) for it in every) <= 2
    assert all({"S00", "S01", "S02"} <= {hit.value for hit in it} for it in every)


def test_by_chance_nobody_is_hit() -> None:
    assert sum(bool(found(seed, {})) for seed in range(HISTORIES)) <= 4


def test_a_state_that_always_breaks_more_is_not_worse_for_it() -> None:
    """Its promises break at five times the others' share, as ever; everywhere one in ten more do."""
    always: dict[str | None, float] = {"S02": 0.25}
    named = [worst(found(seed, {"*": 0.15, "S02": 0.35}, always)) for seed in range(HISTORIES)]
    assert sum("S02" in one for one in named) <= 2
    assert all(worst(found(seed, {"*": 0.15, "S02": 0.6}, always)) >= {"S02"} for seed in range(8))


def test_what_is_not_stated_is_never_named_however_much_of_it_there_is() -> None:
    """Most of the promises state nothing, and it is they that break."""
    for seed in range(8):
        it = found(seed, {None: 0.3}, unstated=6000)
        assert most(it) == ((), ())
        assert all(hit.value in STATES for hit in it)
        # And a state stands out from them that breaks more than they do.
        assert worst(found(seed, {None: 0.2, "S02": 0.55}, unstated=6000)) == {"S02"}


def test_a_handful_is_never_enough() -> None:
    now: dict[str | None, tuple[int, int]] = {"a": (2, 2), "b": (500, 60), None: (100, 12)}
    past: dict[str | None, tuple[int, int]] = {"a": (60, 0), "b": (2000, 100), None: (400, 20)}
    assert [hit.value for hit in hits(("state",), due(now), due(past))] == ["b"]


def test_the_worse_come_first_whatever_the_size_of_the_others() -> None:
    now: dict[str | None, tuple[int, int]] = {"large": (20000, 2200), "worse": (200, 90), "c": (9000, 990)}
    past: dict[str | None, tuple[int, int]] = {"large": (80000, 4000), "worse": (800, 40), "c": (36000, 1800)}
    assert [(hit.value, hit.worse) for hit in hits(("state",), due(now), due(past))] == [
        ("worse", True),
        ("large", False),
        ("c", False),
    ]


def test_the_usual_of_a_value_is_its_own_pasts() -> None:
    [hit] = hits(("state",), due({"a": (100, 50), "b": (500, 27)}), due({"a": (400, 20), "b": (2000, 100)}))
    assert (hit.value, hit.attempts, hit.broken) == ("a", 100, 50)
    assert hit.usual == pytest.approx(5.0, abs=0.01)


def test_the_dimension_that_most_broke_in_is_told() -> None:
    few, many = Hit("carrier", "x", 50, 20, 5.0, worse=True), Hit("state", "RJ", 200, 80, 10.0, worse=True)
    also = Hit("state", "RS", 200, 30, 10.0, worse=False)
    assert most((many, few, also)) == ((("state", ("RJ",)),), (("state", ("RS",)),))
    assert most_words(*most((many, few, also))) == "most of all state RJ; clearly too state RS"
    assert most_words(*most((also,))) == ""


# --- from a store ---

MOMENT = Moment("arrives", "ops", dimensions=("region",), promise="On time.")
CATALOG = Catalog(owners={"ops": Owner("ops")}, moments={"arrives": MOMENT})


def world(kinds: tuple[Kind, ...] = ("failure_rate",), segment: Segment = ()) -> tuple[World, Interruption]:
    """Five weeks of two regions of which one in ten breaks; then north all but fails for two days."""
    days = DAY // MINUTE
    events: list[Event] = []
    for number in range(-35 * 20, 2 * 20):
        for region in ("north", "south"):
            broken = number % 10 == 0 or (number >= 0 and region == "north" and number % 5)
            events.append(
                outcome(number * days / 20, "broken" if broken else "kept", key=None, dimensions={"region": region})
            )
    made = World(CATALOG)
    made.take(events)
    return made, interruption("arrives", segment, at(0), at(15), kind=kinds[0], kinds=kinds)


def test_it_is_read_from_what_fell_due_since_the_onset() -> None:
    made, it = world()
    now = at(2 * DAY // MINUTE)
    [hit] = carried(made.store, MOMENT, it, now)
    assert (hit.value, hit.attempts, hit.broken, hit.worse) == ("north", 40, 36, True)
    assert hit.usual == pytest.approx(4.0, abs=0.2)


def test_what_fell_due_after_its_end_is_none_of_it() -> None:
    made, it = world()
    over = msgspec.structs.replace(it, state="resolved", resolved_at=at(DAY // MINUTE))
    [hit] = carried(made.store, MOMENT, over, at(2 * DAY // MINUTE))
    assert (hit.value, hit.attempts) == ("north", 20)


def test_an_interruption_of_a_segment_or_of_a_silence_has_no_worst() -> None:
    now = at(2 * DAY // MINUTE)
    for made, it in (world(segment=(("region", ("north",)),)), world(kinds=("silence",))):
        assert carried(made.store, MOMENT, it, now) == ()


def test_places_are_told_by_the_interruptions_id() -> None:
    assert places(World(CATALOG).store, CATALOG.moments, at(0)) == {}
