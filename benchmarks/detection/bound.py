"""The least mean delay that any test can have at a promised mean time to a false alarm: CUSUM's, solved exactly.

Among all tests whose mean time to a false alarm is at least the interval, CUSUM told both laws has the least
worst-case mean delay (Moustakides 1986). On a lattice it is a Markov chain (Reynolds and Stoumbos 1999); the
threshold is randomised to meet the interval.
"""

import math
from collections.abc import Callable

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.linalg import spsolve

_FINE = 20.0
_FINEST = 200


def _lengths(often: float, jump: int, fall: int, height: int, *, rises: bool) -> float:
    """Mean steps until a CUSUM passes `height`: each step an event of that probability moves it one way by `jump`.

    Every other step moves it the other way by `fall`. `rises`: an event speaks for the change.
    """
    state = np.arange(height)
    up, down, likely = (jump, fall, often) if rises else (fall, jump, 1.0 - often)
    above = state[state + up < height]
    rows = np.concatenate([state, state, above])
    columns = np.concatenate([state, np.maximum(state - down, 0), above + up])
    values = np.concatenate([np.ones(height), np.full(height, likely - 1.0), np.full(len(above), -likely)])
    matrix = coo_array((values, (rows, columns)), shape=(height, height)).tocsc()
    return float(spsolve(matrix, np.ones(height))[0])


def _at(interval: float, calm: Callable[[int], float], changed: Callable[[int], float]) -> float:
    """The mean delay at the height, mixed of two, whose mean time to a false alarm is the interval."""
    low, high = 1, 2
    while calm(high) < interval:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if calm(middle) < interval else (low, middle)
    least, most = calm(low), calm(high)
    share = (interval - least) / (most - least) if most > least else 1.0
    return (1.0 - share) * changed(low) + share * changed(high)


def bound(p0: float, p1: float, interval: float) -> float:
    """Trials until a failure rate p0 that became p1 is found, at `interval` trials to a false alarm.

    >>> round(bound(0.01, 0.03, 600 * 24 * 90) / 600, 2)
    1.06
    """
    ratio = math.log(p1 / p0) / math.log((1.0 - p0) / (1.0 - p1))
    fine = max(1, math.ceil(_FINE / ratio))
    jump = round(fine * ratio)
    return _at(
        interval,
        lambda height: _lengths(p0, jump, fine, height, rises=True),
        lambda height: _lengths(p1, jump, fine, height, rises=True),
    )


def bound_of_drop(per_hour: float, left: float, interval: float) -> float:
    """Hours until Poisson arrivals that fell to a share `left` are found, at `interval` hours to a false alarm.

    >>> round(bound_of_drop(30.0, 0.0, 2160.0), 3), round(bound_of_drop(30.0, 0.3, 2160.0), 2)
    (0.369, 0.62)
    """
    if left == 0.0:
        # Silence is found by the length of a gap, and the mean time to one is known in closed form.
        return math.log1p(per_hour * interval) / per_hour
    slot = -math.log(left) / (1.0 - left) / per_hour / _FINEST
    often = per_hour * slot
    return slot * _at(
        interval / slot,
        lambda height: _lengths(often, _FINEST, 1, height, rises=False),
        lambda height: _lengths(left * often, _FINEST, 1, height, rises=False),
    )
