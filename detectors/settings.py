"""What the settings of every detector must be."""

import math


def all_days(kind: str, **given: float) -> None:
    """Check settings that are numbers of days; ValueError names the first that is not finite and above 0.

    >>> all_days("drop", cold_start=14.0, warm_after=0.0)
    Traceback (most recent call last):
    ValueError: drop: warm_after is 0.0; give a number of days above 0
    """
    for name, value in given.items():
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{kind}: {name} is {value!r}; give a number of days above 0")
