"""What a notice says, line by line, and what it leaves out."""

import unicodedata
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.catalog import Moment, Owner
from service.core.event import DAY, HOUR, MINUTE, SECOND, Micros, micros
from service.core.interruption import Impact, Interruption
from service.core.telling.message import (
    Count,
    Facts,
    NextDue,
    counted,
    lasting,
    money,
    number,
    percent,
    plain,
    words,
)


def at(*parts: int) -> Micros:
    return micros(datetime(*parts, tzinfo=UTC))  # type: ignore[misc,arg-type]  # year, month, day, hour


MOMENT = Moment(
    "delivered-by-promise",
    "ops",
    title="Delivered by the promised day",
    promise="Your parcel is with you by the day we told you.",
    loss_probability=0.08,
    runbook_url="https://runbooks.example/late",
)
OWNER = Owner("ops", title="delivery-ops")
IT = Interruption(
    id="id",
    moment="delivered-by-promise",
    segment=(("region", ("RJ",)),),
    kind="failure_rate",
    kinds=("failure_rate",),
    rule=None,
    level="high",
    state="open",
    onset=at(2017, 12, 13),
    opened=at(2017, 12, 14, 18),
    detected_at=at(2017, 12, 14, 18),
    expected=0.12,
)
FACTS = Facts(
    now=at(2017, 12, 15, 7),
    impact=Impact(broken=33, customers=31, value=497_700, waiting=28),
    inside=Count(33, 117),
    elsewhere=Count(24, 233),
    newly_hit=((at(2017, 12, 13), 9), (at(2017, 12, 14), 22)),
    next_due=NextDue(60, at(2017, 12, 15, 18), (7, 11, 16)),
    complained=5,
    currency="BRL",
)


def test_a_notice_in_full() -> None:
    text = words("opened", IT, MOMENT, OWNER, FACTS)
    assert [text.title, *text.lines] == [
        "HIGH · Delivered by the promised day is unreliable · region RJ",
        '"Your parcel is with you by the day we told you."',
        "31 customers let down since Wed 13 Dec, 00:00 UTC; 28 still waiting. Usual for so many: 14.",
        "Region RJ: 33 of 117. Elsewhere: 24 of 233.",
        "Getting worse: 9 on Wed 13 Dec, 22 on Thu 14 Dec.",
        "Next: 60 due there by Fri 15 Dec, 18:00 UTC, 11 (7\N{EN DASH}16) will miss.",
        "Value BRL 4,977. At risk BRL 398 = 4,977 \N{MULTIPLICATION SIGN} 8 %.",
        "Complained so far: 5 of the 31.",
        "How sure: a false alarm here is expected once in 90 days.",
        "Do first: region RJ → https://runbooks.example/late",
        "Owner: delivery-ops.",
    ]


def test_what_was_about_to_be_missed_is_unreliable_once_it_is_missed() -> None:
    soon = msgspec.structs.replace(IT, kind="due_soon", kinds=("due_soon", "complaints"))
    missed = msgspec.structs.replace(soon, kinds=("due_soon", "failure_rate"))
    assert "is about to be missed" in words("opened", soon, MOMENT, OWNER, FACTS).title
    assert "Delivered by the promised day is unreliable" in words("repeat", missed, MOMENT, OWNER, FACTS).title
    assert words("resolved", missed, MOMENT, OWNER, FACTS).title.startswith("RESOLVED")


def test_what_has_no_source_has_no_line() -> None:
    text = words("opened", IT, Moment("m", "ops"), Owner("ops"), Facts(FACTS.now, Impact(3, 3)))
    assert text.lines == (
        "3 customers let down since Wed 13 Dec, 00:00 UTC.",
        "How sure: a false alarm here is expected once in 90 days.",
        "Do first: look at region RJ.",
        "Owner: ops.",
    )


def test_whose_outcome_is_unknown_is_not_called_waiting() -> None:
    text = words("opened", IT, Moment("m", "ops"), Owner("ops"), Facts(FACTS.now, Impact(3, 3, waiting=1, unknown=2)))
    assert text.lines[0] == "3 customers let down since Wed 13 Dec, 00:00 UTC; 1 still waiting; 2 of unknown outcome."


def test_only_customers_are_called_customers() -> None:
    flights = Moment("departs-on-time", "ops", unit="flights")
    text = words("opened", IT, flights, OWNER, Facts(FACTS.now, Impact(broken=147, customers=90), complained=5))
    assert text.lines[0] == "147 flights hit since Wed 13 Dec, 00:00 UTC."
    assert "Complained so far: 5." in text.lines
    assert "customer" not in " ".join(text.lines)


@pytest.mark.parametrize(
    ("count", "unit", "said"),
    [
        (1, "customers", "1 customer"),
        (1, "deliveries", "1 delivery"),
        (1, "boxes", "1 box"),
        (1, "glass", "1 glass"),
        (0, "flights", "0 flights"),
        (1234, "claims", "1,234 claims"),
    ],
)
def test_one_is_not_said_as_many(count: int, unit: str, said: str) -> None:
    assert counted(count, unit) == said


def test_a_last_day_that_is_not_over_is_never_called_better() -> None:
    hit = ((at(2017, 12, 14), 90), (at(2017, 12, 15), 3))
    lines = words("opened", IT, MOMENT, OWNER, msgspec.structs.replace(FACTS, newly_hit=hit)).lines
    assert "Newly hit: 90 on Thu 14 Dec, 3 on Fri 15 Dec so far." in lines


@pytest.mark.parametrize(
    ("hits", "said"),
    [
        ((9, 22), "Getting worse: 9 from 05:00, 22 from 06:00."),
        ((22, 9, 2), "Getting better: 22 from 05:00, 9 from 06:00, 2 from 07:00 so far."),
        ((9, 22, 30), "Getting worse: 9 from 05:00, 22 from 06:00, 30 from 07:00 so far."),
        ((22, 9, 12), "Newly hit: 22 from 05:00, 9 from 06:00, 12 from 07:00 so far."),
        ((9, 9, 40), "Getting worse: 9 from 05:00, 9 from 06:00, 40 from 07:00 so far."),
        ((9, 11), "Newly hit: 9 from 05:00, 11 from 06:00."),
        ((11, 9), "Newly hit: 11 from 05:00, 9 from 06:00."),
    ],
)
def test_worse_and_better_are_said_of_more_than_chance(hits: tuple[int, ...], said: str) -> None:
    start = at(2017, 12, 15, 5)
    steps = tuple((start + n * HOUR, hit) for n, hit in enumerate(hits))
    facts = msgspec.structs.replace(FACTS, newly_hit=steps, step=HOUR, now=start + 2 * HOUR + MINUTE)
    assert said in words("opened", IT, MOMENT, OWNER, facts).lines


def test_what_we_did_ourselves_shortly_before_is_named() -> None:
    facts = msgspec.structs.replace(FACTS, beside=((at(2017, 12, 12, 23), "Route\n plan <b>v2</b>"),))
    assert (
        "Shortly before: Route plan <b>v2</b>, Tue 12 Dec, 23:00 UTC."
        in words("opened", IT, MOMENT, OWNER, facts).lines
    )


def test_the_first_step_begins_where_most_broke() -> None:
    everywhere = msgspec.structs.replace(IT, segment=())
    facts = msgspec.structs.replace(FACTS, worst=(Count(8, 9, 4.0, "region RJ"),))
    assert (
        "Do first: region RJ → https://runbooks.example/late" in words("opened", everywhere, MOMENT, OWNER, facts).lines
    )


def test_silence_and_volume_let_nobody_down() -> None:
    silent = msgspec.structs.replace(IT, kind="silence")
    assert words("opened", silent, MOMENT, OWNER, Facts(FACTS.now)).lines[1] == (
        "Nothing heard since Wed 13 Dec, 00:00 UTC."
    )
    volume = msgspec.structs.replace(IT, kind="volume", seen=3.0, expected=41.5)
    text = words("opened", volume, MOMENT, OWNER, Facts(FACTS.now))
    assert text.lines[1] == "3 a window since Wed 13 Dec, 00:00 UTC; usual: 42."
    assert "customers" not in " ".join([text.title, *text.lines])


def test_a_rule_is_named_and_claims_no_false_alarm_budget() -> None:
    ruled = msgspec.structs.replace(IT, kind="rule", rule="too-many-broken")
    text = words("opened", ruled, MOMENT, OWNER, FACTS)
    assert "breaks rule too-many-broken" in text.title
    assert not [line for line in text.lines if "once in" in line]


def test_a_resolution_says_how_long_it_was_and_asks_for_nothing() -> None:
    over = msgspec.structs.replace(IT, state="resolved", resolved_at=at(2017, 12, 16))
    text = words("resolved", over, MOMENT, OWNER, FACTS)
    assert text.title == "RESOLVED · Delivered by the promised day is reliable again · region RJ"
    assert "Lasted 3 days, until Sat 16 Dec, 00:00 UTC." in text.lines
    assert not [line for line in text.lines if line.startswith(("Do first", "How sure"))]


def test_a_change_of_level_says_from_what() -> None:
    facts = msgspec.structs.replace(FACTS, level_before="medium")
    assert "Level changed from medium to high." in words("level_changed", IT, MOMENT, OWNER, facts).lines


def test_times_are_in_the_zone_asked_for_and_carry_another_years_number() -> None:
    facts = msgspec.structs.replace(FACTS, zone="America/Sao_Paulo", now=at(2018, 1, 2))
    assert "since Tue 12 Dec 2017, 22:00 -02" in words("opened", IT, MOMENT, OWNER, facts).lines[1]


def test_many_values_are_cut_short() -> None:
    wide = msgspec.structs.replace(IT, segment=(("carrier", tuple("ABCDEFG")),))
    assert words("opened", wide, MOMENT, OWNER, FACTS).title.endswith("carrier A, B, C, D, E and 2 more")


@pytest.mark.parametrize(
    ("minor", "currency", "digits", "said"),
    [
        (497_700, "BRL", 2, "BRL 4,977"),
        (1_234, "EUR", 2, "EUR 12.34"),
        (5_000, "JPY", 0, "JPY 5,000"),
        (7, "KWD", 3, "KWD 0.007"),
        (10_050, "", 2, "100"),
    ],
)
def test_money_names_its_currency(minor: int, currency: str, digits: int, said: str) -> None:
    assert money(minor, currency, digits) == said


@pytest.mark.parametrize(
    ("duration", "said"),
    [
        (90 * DAY, "90 days"),
        (DAY, "24 h"),
        (6 * HOUR, "6 h"),
        (90 * MINUTE, "2 h"),
        (4 * MINUTE, "4 min"),
        (30 * SECOND, "less than a minute"),
        (-HOUR, "less than a minute"),
    ],
)
def test_durations_are_said_in_one_unit(duration: Micros, said: str) -> None:
    assert lasting(duration) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0"), (0.01, "under 0.1"), (2.04, "2"), (9.96, "10"), (13.7, "14"), (1e4, "10,000")],
)
def test_expected_counts_are_said_as_people_do(value: float, said: str) -> None:
    assert number(value) == said


def test_shares_are_percent() -> None:
    assert (percent(0.08), percent(0.125), percent(1)) == ("8 %", "12.5 %", "100 %")


# --- text from outside ---


@given(st.text(alphabet=st.characters(), max_size=2_000))
def test_text_from_outside_stays_on_one_printable_line(text: str) -> None:
    shown = plain(text)
    assert len(shown) <= 300
    assert shown == " ".join(shown.split())
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
    shown.encode("utf-8")


def test_a_hostile_segment_adds_no_line_and_turns_no_text_around() -> None:
    value = "RJ\r\nSubject: all is well\x00\u202egnp\u202c\ud800" + "x" * 5_000
    hostile = msgspec.structs.replace(IT, segment=(("region\n", (value,)),))
    text = words("opened", hostile, MOMENT, OWNER, FACTS)
    assert all("\n" not in line and "\u202e" not in line for line in [text.title, *text.lines])
    assert len(text.title) < 250
