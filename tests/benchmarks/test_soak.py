"""A slope tells what grows from what only moves."""

import random

from benchmarks.soak import slope

AT = [float(second) for second in range(600)]


def test_what_moves_by_chance_is_flat_and_what_grows_is_not() -> None:
    draw = random.Random(1)
    noise = [draw.gauss(0, 2) for _ in AT]
    flat = slope("RSS, MiB", AT, [200 + each for each in noise])
    growing = slope("RSS, MiB", AT, [200 + each + second / 60 for each, second in zip(noise, AT, strict=True)])

    assert not flat.grows
    assert abs(flat.an_hour) < flat.error + 1
    assert growing.grows
    assert abs(growing.an_hour - 60) < growing.error


def test_a_line_says_how_much_an_hour() -> None:
    assert str(slope("threads", AT, [12.0] * len(AT))).split() == ["threads", "12.0", "+0.00", "±", "0.00", "flat"]
