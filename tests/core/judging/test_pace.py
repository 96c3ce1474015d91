"""What ends a frame before it is over."""

import numpy as np
import pytest

from detectors.frame import Scores, between
from service.core.judging.pace import ENOUGH, enough

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
