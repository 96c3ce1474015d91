"""Forty events of an hour, made from plain numbers: drawn by Hypothesis, or by a seed for what must be quick."""

import random
from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import NamedTuple

from hypothesis import strategies as st

from service.core.event import HOUR, MINUTE, SECOND, Event, Outcome, OutcomeWord, Promise, instant, micros

BEGIN = 1_365_000_000_000_000 - 1_365_000_000_000_000 % HOUR
LATENESS = 2 * MINUTE
SPAN_S = 59 * 60
"""Four frames of a quarter of an hour, and within the horizon of duplicates."""

_REGIONS: tuple[dict[str, str] | None, ...] = (None, {"region": "north"}, {"region": "south"})
_WORDS: tuple[OutcomeWord, ...] = ("kept", "kept", "broken", "cancelled")


class Seed(NamedTuple):
    """What one event is made from."""

    second: int
    sort: int
    customer: int
    region: int
    value: int
    key: int
    due: int
    word: int


_LIMITS = Seed(SPAN_S, 9, 12, 2, 50, 9, 2100, 3)


def events(seeds: Iterable[Seed], bad: tuple[int, int]) -> list[Event]:
    """Outcomes and promises in order of time; between the seconds of `bad` everything without a key breaks."""
    made: list[Event] = []
    for number, seed in enumerate(seeds):
        time = instant(BEGIN + seed.second * SECOND)
        name, customer, key = str(number), f"c{seed.customer}", f"k{seed.key}"
        region, value = _REGIONS[seed.region], seed.value or None
        if seed.sort < 6:
            word: OutcomeWord = "broken" if bad[0] <= seed.second < bad[1] else "kept"
            made.append(Outcome(name, time, "arrives", customer, word, value=value, dimensions=region))
        elif seed.sort < 8:
            due = time + timedelta(seconds=seed.due - 900)
            made.append(Promise(name, time, "arrives", customer, key, due, value, region))
        else:
            made.append(Outcome(name, time, "arrives", customer, _WORDS[seed.word], key, dimensions=region))
    return sorted(made, key=lambda e: (e.time, e.id))


@st.composite
def drawn(draw: st.DrawFn) -> list[Event]:
    """Such events, from Hypothesis."""
    seeds = st.builds(Seed, *(st.integers(0, most) for most in _LIMITS))
    first, last = sorted(draw(st.tuples(st.integers(0, SPAN_S), st.integers(0, SPAN_S))))
    return events(draw(st.lists(seeds, min_size=8, max_size=40)), (first, last))


def seeded(rng: random.Random) -> list[Event]:
    """Such events, from a seed; a third of the time is bad."""
    first = rng.randrange(SPAN_S * 2 // 3)
    return events((Seed(*(rng.randint(0, most) for most in _LIMITS)) for _ in range(40)), (first, first + SPAN_S // 3))


def split(made: Sequence[Event], cuts: Sequence[int]) -> list[Sequence[Event]]:
    """The events in batches that end at the cuts."""
    places = sorted({cut % (len(made) + 1) for cut in cuts} | {0, len(made)})
    return [made[a:b] for a, b in pairwise(places)]


def shuffled(made: Sequence[Event], delays: Sequence[int]) -> list[Event]:
    """In another order: an event is overtaken by those that happen less than the lateness after it, by no others."""
    late = {event.id: delays[number % len(delays)] % LATENESS for number, event in enumerate(made)}
    return sorted(made, key=lambda event: micros(event.time) + late[event.id])
