"""Who knew first."""

import random

from service.core.counting.changes import Break, Voice
from service.core.event import DAY, HOUR, Complaint, Feedback, Micros, instant
from service.core.interruption import Segment
from service.core.reporting.lead import about, complaints_clear, first_complaint
from tests.core.making import PLACE, at

ONSET = at(0)
BEGAN = ONSET - 60 * DAY


def complaint(
    when: Micros, customer: str | None = "c", moment: str | None = "arrives", region: str | None = None
) -> Voice:
    dimensions = {"region": region} if region else None
    event = Complaint("x", instant(when), customer=customer, moment=moment, dimensions=dimensions)
    return Voice(PLACE, 0, when, event)


def broke(when: Micros, customer: str = "c") -> Break:
    return Break("arrives", f"@{when}{customer}", when, customer)


# --- the first complaint ---


def test_the_first_complaint_by_a_customer_affected_counts() -> None:
    voices = [complaint(ONSET + 5 * HOUR), complaint(ONSET + 3 * HOUR), complaint(ONSET + 2 * HOUR, "other")]
    assert first_complaint([broke(ONSET + HOUR)], voices, ONSET) == ONSET + 3 * HOUR


def test_nobody_affected_complained() -> None:
    assert first_complaint([broke(ONSET + HOUR)], [complaint(ONSET + HOUR + 1, "other")], ONSET) is None
    assert first_complaint([], [complaint(ONSET + HOUR)], ONSET) is None
    assert first_complaint([broke(ONSET + HOUR)], [complaint(ONSET + 2 * HOUR, None)], ONSET) is None


def test_a_complaint_before_their_own_break_is_about_something_else() -> None:
    assert first_complaint([broke(ONSET + 4 * HOUR)], [complaint(ONSET + 3 * HOUR)], ONSET) is None
    assert first_complaint([broke(ONSET + 3 * HOUR)], [complaint(ONSET + 3 * HOUR)], ONSET) is None


def test_their_earliest_break_counts() -> None:
    breaks = [broke(ONSET + 9 * HOUR), broke(ONSET + HOUR)]
    assert first_complaint(breaks, [complaint(ONSET + 2 * HOUR)], ONSET) == ONSET + 2 * HOUR


def test_a_complaint_before_the_onset_is_about_something_else() -> None:
    breaks = [broke(ONSET - 2 * HOUR)]
    assert first_complaint(breaks, [complaint(ONSET - HOUR), complaint(ONSET)], ONSET) is None
    assert first_complaint(breaks, [complaint(ONSET + 1)], ONSET) == ONSET + 1


def test_what_is_about_another_moment_is_left_out_and_what_names_none_is_not() -> None:
    mine, other, none = complaint(ONSET), complaint(ONSET, moment="leaves"), complaint(ONSET, moment=None)
    praise = Voice(PLACE, 0, ONSET, Feedback("f", instant(ONSET), moment="arrives"))
    assert about("arrives", [mine, other, none, praise]) == [mine, none]


# --- complaints rise clearly ---


def stream(rate: float, since: Micros, until: Micros, seed: int = 1, region: str | None = None) -> list[Voice]:
    """Complaints at so many a day."""
    rng = random.Random(seed)
    made, when = [], since
    while (when := when + round(rng.expovariate(rate) * DAY)) < until:
        made.append(complaint(when, region=region))
    return made


def clear(voices: list[Voice], segment: Segment = (), began: Micros = BEGAN, moment: str = "arrives") -> Micros | None:
    return complaints_clear(moment, segment, voices, began, ONSET)


BASE = stream(4, BEGAN, ONSET)


def test_a_clear_rise_is_found_within_a_day() -> None:
    found = clear([*BASE, *stream(24, ONSET, ONSET + 5 * DAY)])
    assert found is not None
    assert ONSET < found < ONSET + DAY


def test_at_the_base_rate_there_is_seldom_a_rise() -> None:
    runs = [
        clear([*stream(4, BEGAN, ONSET, seed), *stream(4, ONSET, ONSET + 28 * DAY, seed + 1000)]) for seed in range(40)
    ]
    # One false answer in ninety days: about a quarter of the runs of four weeks.
    assert sum(found is not None for found in runs) <= 16


def test_it_is_the_time_of_a_complaint() -> None:
    voices = [*BASE, *stream(30, ONSET, ONSET + 5 * DAY)]
    assert clear(voices) in {voice.at for voice in voices}


def test_less_than_a_week_before_says_nothing_about_the_usual() -> None:
    rise = stream(50, ONSET, ONSET + 5 * DAY)
    assert clear(rise, began=ONSET - 6 * DAY) is None
    assert clear(rise, began=ONSET - 8 * DAY) is not None


def test_only_the_last_eight_weeks_are_the_base() -> None:
    long_ago = stream(200, ONSET - 90 * DAY, ONSET - 57 * DAY)
    rise = stream(24, ONSET, ONSET + 5 * DAY)
    assert clear([*long_ago, *BASE, *rise], began=ONSET - 90 * DAY) == clear([*BASE, *rise])


def test_in_a_segment_only_its_own_complaints_count() -> None:
    segment: Segment = (("region", ("north",)),)
    rise = stream(24, ONSET, ONSET + 5 * DAY, region="south")
    assert clear([*BASE, *rise], segment) is None
    assert clear([*BASE, *stream(24, ONSET, ONSET + 5 * DAY, region="north")], segment) is not None


def test_only_the_moments_own_complaints_count() -> None:
    assert clear([*BASE, *stream(24, ONSET, ONSET + 5 * DAY)], moment="leaves") is None


def test_the_order_of_the_complaints_does_not_matter() -> None:
    voices = [*BASE, *stream(24, ONSET, ONSET + 5 * DAY)]
    assert clear(voices[::-1]) == clear(voices)
