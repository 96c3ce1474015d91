"""A slope tells what grows from what only moves."""

import random

from benchmarks.soak import FEWEST, Row, carried, kept_up, slope

AT = [float(second) for second in range(600)]


def test_what_moves_by_chance_is_flat_and_what_grows_is_not() -> None:
    draw = random.Random(1)
    noise = [draw.gauss(0, 2) for _ in AT]
    flat = slope("RSS, MiB", AT, [200 + each for each in noise])
    growing = slope("RSS, MiB", AT, [200 + each + second / 12 for each, second in zip(noise, AT, strict=True)])

    assert flat.verdict != "GROWS"
    assert abs(flat.an_hour) < flat.error + 1
    assert growing.verdict == "GROWS"
    assert abs(growing.an_hour - 300) < growing.error
    # A step of a few MiB, as a backlog takes: no leak, however steep in so short a time.
    assert slope("RSS, MiB", AT, [200 + (8 if second > 500 else 0) for second in AT]).verdict != "GROWS"


def test_what_chance_leaves_open_is_not_called_flat() -> None:
    """Ten minutes that swing by ten MiB say nothing of an hour; the same hour long do."""
    draw = random.Random(2)
    hour = [6 * second for second in AT]
    noise = [10 * draw.gauss(0, 2) for _ in AT]
    assert slope("RSS, MiB", AT, [200 + each for each in noise]).verdict.startswith("UNCLEAR")
    assert slope("RSS, MiB", hour, [200 + each for each in noise]).verdict == "flat"


def test_only_the_longest_stretch_without_a_backlog_is_looked_at() -> None:
    rows = [Row(float(at), at in {3, 4, 9}, 1.0, 1, 1) for at in range(12)]
    assert [row.at for row in carried(rows)] == [5.0, 6.0, 7.0, 8.0]
    assert list(carried([Row(0.0, True, 1.0, 1, 1)])) == []  # a row's second


def test_too_few_readings_are_no_backlog() -> None:
    def said(behind: set[int], many: int) -> str:
        rows = [Row(float(at), at in behind, 1.0, 1, 1) for at in range(many)]
        return kept_up(rows, carried(rows))

    assert said(set(), FEWEST) == "kept up for 100% of the time on end"
    assert said(set(), FEWEST - 1).endswith("TOO SHORT: 59 readings, and a slope needs 60; give more --minutes")
    assert "BEHIND" in said({*range(30, 100)}, 110)
    assert "BEHIND" in said(set(range(200)), 200)
    assert "TOO SHORT: 0 readings" in said(set(), 0)


def test_a_line_says_how_much_an_hour() -> None:
    assert str(slope("threads", AT, [12.0] * len(AT))).split() == ["threads", "12.0", "+0.00", "±", "0.00", "flat"]
