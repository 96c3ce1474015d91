"""Reading the plain JSON of a dump: each helper says what it expected where it finds something else."""

from collections.abc import Mapping

from detectors.frame import JSON


def number(value: JSON) -> float:
    """A number of a dump as a float; ValueError where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"detector state: expected a number, found {value!r}")
    return float(value)


def numbers(state: Mapping[str, JSON], name: str) -> list[float]:
    """A list of numbers inside a dump; ValueError where it is none."""
    values = state[name]
    if not isinstance(values, list):
        raise ValueError(f"detector state: `{name}` must be a list of numbers")
    return [number(value) for value in values]


def fields(state: Mapping[str, JSON], name: str) -> Mapping[str, JSON]:
    """An object inside a dump; ValueError where it is none."""
    value = state[name]
    if not isinstance(value, dict):
        raise ValueError(f"detector state: `{name}` must be an object")
    return value
