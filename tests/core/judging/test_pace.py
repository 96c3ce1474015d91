"""What is suspected, and what ends a frame before it is over."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.frame import Scores, between
from service.core.judging.pace import ENOUGH, SUSPICIOUS, Suspicion, enough

LITTLE = 0.99 * ENOUGH


def scores(*rows: tuple[bool, float]) -> Scores:
    """Of the whole, and of regions: whether each is in breach, and its evidence."""
    zeros = np.zeros(len(rows))
    return Scores(
        ("", *(f"region={number}" for number in range(1, len(rows)))),
        np.array([evidence for _, evidence in rows]),
        np.array([broken for broken, _ in rows]),
        np.zeros(len(rows), dtype=np.int64),
        zeros,
        between(zeros, zeros),
    )


@pytest.mark.parametrize(
    ("kind", "rows", "known", "ends"),
    [
        ("failure_rate", [(False, 0.5), (False, 0.4)], [], False),
        ("failure_rate", [(True, ENOUGH)], [], True),
        ("failure_rate", [(True, LITTLE)], [], False),
        # It is the sum that opens.
        ("failure_rate", [(False, 0.5), (True, ENOUGH - 0.5)], [], True),
        # What is known has had its alarm, and its evidence is no other row's.
        ("failure_rate", [(True, 9.0)], [""], False),
        ("failure_rate", [(True, 9.0), (True, LITTLE)], [""], False),
        ("failure_rate", [(True, 9.0), (True, ENOUGH)], [""], True),
        ("silence", [(True, 1.0)], [], True),
        ("silence", [(True, 1.0)], [""], False),
        ("silence", [(False, 0.9)], [], False),
        ("absence", [(True, 1.0), (True, 1.0)], [""], True),
    ],
)
def test_what_is_in_breach_anew_by_enough_evidence_ends_a_frame(
    kind: str, rows: list[tuple[bool, float]], known: list[str], ends: bool
) -> None:
    assert enough(kind, scores(*rows), known) is ends


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0.0, 0.9))))
def test_the_most_that_is_suspected_is_what_any_says_now(said: list[tuple[str, float]]) -> None:
    suspicion = Suspicion()
    for kind, share in said:
        suspicion.take(kind, scores((False, share)))
    now = dict(said)
    assert suspicion.dump() == now
    assert suspicion.most == max(now.values(), default=0.0)
    assert Suspicion(json.loads(json.dumps(now))).most == suspicion.most


def test_what_is_in_breach_is_not_suspected() -> None:
    suspicion = Suspicion()
    suspicion.take("failure_rate", scores((True, 5.0), (False, 0.25), (False, 0.5)))
    assert suspicion.most == 0.75


@pytest.mark.parametrize(
    ("kind", "share", "tells", "asked"),
    [
        ("failure_rate", SUSPICIOUS, True, True),
        ("failure_rate", SUSPICIOUS, False, False),
        ("failure_rate", 0.9 * SUSPICIOUS, True, False),
        ("drop", SUSPICIOUS, False, True),
        ("drop", SUSPICIOUS, True, True),
        ("drop", 0.9 * SUSPICIOUS, True, False),
    ],
)
def test_who_may_have_come_nearer_to_an_alarm_is_asked(kind: str, share: float, tells: bool, asked: bool) -> None:
    suspicion = Suspicion()
    suspicion.take(kind, scores((False, share)))
    assert suspicion.asks(kind, tells=tells) is asked
    assert not suspicion.asks("another", tells=tells)
