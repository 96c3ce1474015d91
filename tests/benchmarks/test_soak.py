"""A slope tells what grows from what only moves."""

import random

from benchmarks.soak import slope

AT = [float(second) for second in range(600)]


def test_what_moves_by_chance_is_flat_and_what_grows_is_not() -> None:
    draw = random.Random(1)
    noise = [draw.gauss(0, 2) for _ in AT]
    flat = slope("RSS, MiB", AT, [200 + each for each in noise])
    growing = slope("RSS, MiB", AT, [200 + each + second / 12 for each, second in zip(noise, AT, strict=True)])

    assert not flat.grows
    assert abs(flat.an_hour) < flat.error + 1
    assert growing.grows
    assert abs(growing.an_hour - 300) < growing.error
    # A step of a few MiB, as a backlog takes: no leak, however steep in so short a time.
    assert not slope("RSS, MiB", AT, [200 + (8 if second > 500 else 0) for second in AT]).grows


def test_a_line_says_how_much_an_hour() -> None:
    assert str(slope("threads", AT, [12.0] * len(AT))).split() == ["threads", "12.0", "+0.00", "±", "0.00", "flat"]
