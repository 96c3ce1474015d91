"""Seeded series of several natures, each with a time in seconds and a value a row."""

import math
from collections.abc import Callable, Mapping

import numpy as np

Series = list[tuple[float, float]]
START = 1_767_225_600.0


def _rows(values: "np.typing.NDArray[np.float64]", step: float = 300.0) -> Series:
    return [(START + step * at, float(value)) for at, value in enumerate(values)]


def daily(seed: int, rows: int = 1500) -> Series:
    """A daily wave with noise; near its end a flat stretch."""
    rng = np.random.default_rng(seed)
    at = np.arange(rows)
    values = 50 + 30 * np.sin(2 * math.pi * at / 288) + rng.normal(0, 3, rows)
    values[rows - 200 : rows - 120] = 50 + rng.normal(0, 3, 80)
    return _rows(values)


def counts(seed: int, rows: int = 1500) -> Series:
    """Clumped counts, nearly always small, with rare bursts; near the end one that is unheard of."""
    rng = np.random.default_rng(seed)
    values = rng.negative_binomial(0.8, 0.1, rows).astype(float)
    values[rng.integers(0, rows, 5)] += 60
    values[rows - 200 : rows - 190] += 900
    return _rows(values)


def walk(seed: int, rows: int = 1500) -> Series:
    """A level that wanders, on an hourly clock; at the end it is shaken."""
    rng = np.random.default_rng(seed)
    values = 100 + 0.1 * rng.normal(size=rows).cumsum() + rng.normal(0, 1, rows)
    values[rows - 100 :] += rng.normal(0, 25, 100)
    return _rows(values, 3600.0)


SERIES: Mapping[str, Callable[[int], Series]] = {"daily": daily, "counts": counts, "walk": walk}
