"""A book of promises kept by the words of the contract alone, held against what the service comes to."""

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from service.adapters.store import open_store
from service.adapters.store.memory import MemoryStore
from service.core.catalog import Catalog, Moment, Owner
from service.core.event import MINUTE, Event, Micros, Outcome, OutcomeWord, Promise, instant, micros
from tests.adapters.web.world import World
from tests.core.making import at

if TYPE_CHECKING:
    from service.core.ports import Store

MOMENT = Moment("m", "ops", dimensions=("region",))
CATALOG = Catalog(owners={"ops": Owner("ops")}, moments={"m": MOMENT})
END = at(9000)


def history(seed: int) -> list[Event]:
    """Two hundred keys with whatever may happen to them, outcomes at their very due among it."""
    chance = random.Random(seed)
    events: list[Event] = []
    for number in range(200):
        key, customer = f"k{number}", f"c{chance.randrange(60)}"
        made = chance.randrange(4000)
        due = made + chance.randrange(-30, 2000)
        words: list[OutcomeWord] = ["kept", "broken", "cancelled"]
        if chance.random() < 0.85:
            given = {"region": chance.choice("ab")} if chance.random() < 0.7 else None
            value = chance.choice([None, 10.0, 2.5])
            events.append(Promise(f"p{key}", instant(at(made)), "m", customer, key, instant(at(due)), value, given))
        for again in range(chance.choice([0, 0, 0, 1, 2])):
            told = instant(at(due + chance.randrange(-500, 1500)))
            later = instant(at(made + chance.randrange(1, 500)))
            events.append(Promise(f"p{key}{again}", later, "m", customer, key, told))
        for word in chance.sample(words, chance.choice([0, 1, 1, 1, 2, 3])):
            when = max(chance.choice([due, due + 1, due - 1, due + chance.randrange(-800, 1500)]), 0)
            events.append(
                Outcome(
                    f"o{key}{word}",
                    instant(at(when)),
                    "m",
                    customer,
                    word,
                    key,
                    reason=chance.choice([None, "lost", "late"]),
                    value=7.0 if chance.random() < 0.3 else None,
                    dimensions={"region": "o", "x": "y"} if chance.random() < 0.3 else None,
                )
            )
    return events


class Entry(NamedTuple):
    """What the book says of a key."""

    at: Micros
    word: OutcomeWord
    customer: str
    region: str | None
    value: int
    kept_late: Micros | None
    reason: str | None = None
    waits: bool = False
    """For what was promised by a time and is neither kept nor withdrawn."""


def book(events: Iterable[Event]) -> list[Entry]:
    """Key by key: the first due counts, kept by it is kept, an outcome before it stands, and else it breaks at it."""
    rows: dict[str, dict[str, list[Promise | Outcome]]] = {}
    for event in events:
        assert isinstance(event, Promise | Outcome)
        word = event.outcome if isinstance(event, Outcome) else "promise"
        rows.setdefault(event.key or "", {}).setdefault(word, []).append(event)
    return [entry for row in rows.values() if (entry := entry_of(row)) is not None]


def entry_of(row: Mapping[str, list[Promise | Outcome]]) -> Entry | None:
    first = {word: min(said, key=lambda each: (each.time, each.id)) for word, said in row.items()}
    promise, kept = first.pop("promise", None), first.get("kept")
    outcome: Promise | Outcome | None
    if not isinstance(promise, Promise) or promise.due is None:
        outcome = min(first.values(), key=lambda each: (each.time, each.id))
        assert isinstance(outcome, Outcome)
        after = kept if kept is not None and outcome.outcome == "broken" and kept.time > outcome.time else None
        return made(outcome, outcome, micros(outcome.time), outcome.outcome, micros(after.time) if after else None)
    due = promise.due
    if kept is not None and kept.time <= due:
        return made(promise, kept, micros(due), "kept", None)
    early = [each for each in first.values() if each.time <= due]
    outcome = min(early, key=lambda each: (each.time, each.id)) if early else None
    if isinstance(outcome, Outcome):
        late = micros(kept.time) if kept is not None else None
        waits = kept is None and "cancelled" not in first
        return made(promise, outcome, micros(outcome.time), outcome.outcome, late, waits=waits)
    if micros(due) >= END:
        return None
    waits = kept is None and "cancelled" not in first
    return made(promise, None, micros(due), "broken", micros(kept.time) if kept is not None else None, waits=waits)


def made(
    of: Promise | Outcome,
    outcome: Promise | Outcome | None,
    when: Micros,
    word: OutcomeWord,
    late: Micros | None,
    *,
    waits: bool = False,
) -> Entry:
    """The promise's facts; the outcome's fill the gaps."""
    more = outcome.dimensions or {} if outcome is not None else {}
    value = of.value if of.value is not None or outcome is None else outcome.value
    region = {**more, **(of.dimensions or {})}.get("region")
    return Entry(
        when,
        word,
        of.customer,
        region,
        round((value or 0) * 100),
        late,
        outcome.reason if isinstance(outcome, Outcome) else None,
        waits,
    )


@pytest.mark.parametrize("seed", range(6))
def test_the_service_comes_to_what_the_words_of_the_contract_say(seed: int, tmp_path: Path) -> None:
    """In whatever order events come and whenever windows are closed in between."""
    events = history(seed)
    chance = random.Random(seed + 100)
    url = f"sqlite:///{tmp_path}/book.db"
    store: Store = MemoryStore(CATALOG.moments) if seed else open_store(url, CATALOG.moments, clock=lambda: at(0))
    world = World(CATALOG, store)
    if seed < 4:  # the others come in order
        chance.shuffle(events)
    closed = 0
    for start in range(0, len(events), 60):
        world.take(events[start : start + 60])
        closed += chance.randrange(1500)
        world.close("m", min(at(closed), END))
    world.close("m", END)
    entries = book(events)
    tried = Counter((entry.at, entry.region) for entry in entries if entry.word != "cancelled")
    seen = Counter(
        {
            (when, of.get("region")): n
            for when in {entry.at for entry in entries}
            for of, n, _ in store.outcomes("m", [(when, when + MINUTE)])
            if n
        }
    )
    assert seen == tried
    assert sum(n for _, n, _ in store.outcomes("m", [(at(-100), END)])) == sum(tried.values())
    broken = sorted(
        (row.at, row.customer, row.value, row.settled_at or 0, row.reason or "")
        for row in store.breaks("m", (), 0, END, limit=10_000)
    )
    assert broken == sorted(
        (entry.at, entry.customer, entry.value, entry.kept_late or 0, entry.reason or "")
        for entry in entries
        if entry.word == "broken"
    )
    impact = store.impact("m", (), 0, END)
    assert impact.broken == len(broken)
    assert impact.customers == len({customer for _, customer, *_ in broken})
    assert impact.waiting == len({entry.customer for entry in entries if entry.word == "broken" and entry.waits})
