"""One look at many moments gives what asking for each of them gives."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from service.adapters.store.one_by_one import one_by_one
from service.core.counting.changes import BlindSpan
from service.core.event import DAY, HOUR, MINUTE
from service.core.standing import Judgement
from tests.adapters.store.scene import MOMENTS, T0, Reader, outcome, promise

if TYPE_CHECKING:
    from service.core.event import Event
    from service.core.ports import Store

NOW = T0 + 10 * DAY


def test_a_survey_is_what_each_moment_says_by_itself(store: Store) -> None:
    rng = random.Random(5)
    events: list[Event] = []
    for _ in range(300):
        at = T0 + rng.randrange(10 * 24 * 60) * MINUTE
        word = rng.choice(["kept", "broken", "broken", "cancelled"])
        stated = {"region": rng.choice(["RJ", "SP", ""])} | ({"channel": "web"} if rng.random() < 0.5 else {})
        events.append(outcome(at, word, customer=f"c{rng.randrange(40)}", value=rng.randrange(50), dimensions=stated))
        events.append(promise(at, f"k{rng.randrange(10**6)}", at + rng.randrange(1, 12) * DAY))
    Reader(store).take(*events)
    store.save_judgement("paid", 0, Judgement(NOW, (), (), learning=(1.0, 14.0)), None)
    store.save_blind(
        [
            BlindSpan("paid", T0, T0 + HOUR, "long over"),
            BlindSpan("paid", NOW - HOUR, None, "the newer"),
            BlindSpan("paid", NOW - 2 * HOUR, None, "the older"),
            BlindSpan("delivered", NOW - HOUR, NOW, "short"),
        ]
    )
    first, seen = NOW - 9 * DAY - HOUR, NOW - DAY
    found = store.survey(MOMENTS, first, seen, NOW)
    assert found == one_by_one(store, MOMENTS, first, seen, NOW)
    assert list(found) == list(MOMENTS)
    assert found["paid"].week.customers > 10
    assert found["paid"].by_value["region"]
    assert found["paid"].status.blind_reason == "the older"
    assert found["delivered"].due[1] > 0
    assert store.survey({}, first, seen, NOW) == {}
