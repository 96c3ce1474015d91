"""A moment as a tile: what the store says of it, and how that is put."""

import math
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from service.adapters.web import figures
from service.adapters.web.chart import Strip, strip
from service.adapters.web.handled import response
from service.adapters.web.look import Look
from service.adapters.web.words import Words, about, counted, plain, value_name, whole
from service.core.catalog import Moment
from service.core.counting.changes import BlindSpan
from service.core.event import DAY, Micros
from service.core.handling import UNTOUCHED
from service.core.interruption import Interruption
from service.core.judging.standing import Standing, StandingWord, expected_through, standing
from service.core.people import place_of
from service.core.reporting.due_soon import Forecast, will_miss
from service.core.reporting.report import COUNTS_NOBODY
from service.core.standing import MomentStatus, Totals

WEEK: Micros = 7 * DAY
SHOWN = 28
BEFORE = 28


class State(msgspec.Struct, frozen=True, gc=False):
    """A moment's state as word, icon and colour; `says` is the word with what belongs to it."""

    word: StandingWord
    says: str
    level: str = ""


class Tile(msgspec.Struct, frozen=True, gc=False):
    """A moment on the wall; lines that have nothing to say are empty."""

    name: str
    title: str
    moment: str
    owner: str
    state: State
    count: str
    unit: str
    of: str
    usual: str
    strip: Strip
    where: str
    next: str
    response: str
    response_href: str
    money: str
    order: tuple[int, int, str]


class Seen(msgspec.Struct, frozen=True, gc=False):
    """What the store says of one moment, fetched before anything is laid out."""

    moment: Moment
    status: MomentStatus
    standing: Standing
    interruptions: Sequence[Interruption]
    response: str
    days: Mapping[Micros, Totals]
    week: Totals
    by_value: Mapping[str, Sequence[tuple[str | None, Totals]]]
    due: tuple[int, int]
    coming: Forecast | None
    blind: Sequence[BlindSpan]
    last: Micros | None


def see(look: Look, moments: Mapping[str, Moment], interruptions: Iterable[Interruption]) -> dict[str, Seen]:
    """Read what tiles show; `interruptions`: the open ones of any moment."""
    now, words = look.now, look.words
    grid = words.days(now, SHOWN + BEFORE)
    found = look.reader.survey(moments, grid[0], grid[BEFORE], now)
    by_moment: dict[str, list[Interruption]] = {}
    for one in interruptions:
        by_moment.setdefault(one.moment, []).append(one)
    seen = {}
    for name, moment in moments.items():
        mine, known = by_moment.get(name, []), found[name]
        stands = standing(known.status, mine, expected_through(look.catalog, moment, now))
        seen[name] = Seen(
            moment=moment,
            status=known.status,
            standing=stands,
            interruptions=mine,
            response=_response_to(look, moment, stands.worst),
            days=known.days,
            week=known.week,
            by_value=known.by_value,
            due=known.due,
            # Of a moment that is as usual the usual share will miss: nobody has to look.
            coming=will_miss(look.reader, name, now) if stands.worst and known.due[0] else None,
            blind=known.blind,
            last=None if known.last is None else min(known.last + moment.window, now),
        )
    return seen


def _response_to(look: Look, moment: Moment, worst: Interruption | None) -> str:
    """Who has it; and where somebody has, how many customers nobody has contacted yet."""
    if worst is None:
        return ""
    handling = look.reader.handlings([worst.id]).get(worst.id, UNTOUCHED)
    said = response(worst, handling, look.now, look.words)
    if handling.acknowledged_at is None or moment.unit != "customers" or worst.kind in COUNTS_NOBODY:
        return said
    left = look.reader.contact_counts([place_of(worst, look.now)], worst.id)["to_contact"]
    return f"{said} · {whole(left)} to contact" if left else said


# --- a tile ---


def tile(seen: Seen, owner: str, now: Micros, words: Words) -> Tile:
    """Lay out one moment."""
    moment, week = seen.moment, seen.week
    grid = figures.Grid(words.days(now, SHOWN), DAY, BEFORE)
    points = figures.series(seen.days, grid, seen.blind, now)
    count = let_down(moment, week)
    return Tile(
        name=moment.name,
        title=plain(moment.promise or moment.title or moment.name),
        moment=plain(moment.title or moment.name) if moment.promise else "",
        owner=owner,
        state=state(seen.standing, seen.status, moment, now, words),
        count=whole(count),
        unit=unit_words(moment, count),
        of=whole(week.attempts),
        usual=_usual(seen, now, words),
        strip=strip(points, words, now),
        where=_named(seen) or where(seen.by_value, week),
        next=_next(seen.due, seen.coming),
        response=_response(seen),
        response_href=f"/interruptions/{seen.standing.worst.id}" if seen.standing.worst else "",
        money=_money(moment, week, words),
        order=(_RANK[seen.standing.word], -count, moment.name),
    )


_RANK: Mapping[StandingWord, int] = {"unreliable": 0, "watch": 1, "unknown": 1, "reliable": 2, "learning": 2}


def let_down(moment: Moment, sums: Totals) -> int:
    """Distinct customers, or breaks where the unit is something else: only customers are called customers."""
    return sums.customers if moment.unit == "customers" else sums.broken


def unit_words(moment: Moment, count: int) -> str:
    """`customers let down`, `flights hit`."""
    words = counted(count, plain(moment.unit, 40)).partition(" ")[2]
    return f"{words} let down" if moment.unit == "customers" else f"{words} hit"


def state(stands: Standing, status: MomentStatus, moment: Moment, now: Micros, words: Words) -> State:
    """The state's words."""
    word = stands.word
    level = stands.worst.level if stands.worst else ""
    if word == "learning":
        seen, needed = status.learning or (0.0, moment.cold_start / DAY)
        day = min(int(seen) + 1, max(round(needed), 1))
        return State(word, f"learning: day {day} of {max(round(needed), 1)}")
    if word == "unknown" and stands.since is not None:
        why = f": {plain(status.blind_reason, 120)}" if status.blind_reason.startswith("dead letters") else ""
        return State(word, f"not known since {words.time(stands.since, now)}{why}")
    says = f"{word} since {words.time(stands.since, now)}" if stands.since is not None else word
    if status.blind_since is not None:
        says = f"{says}; not seen since {words.time(status.blind_since, now)}"
    return State(word, says, level)


def _usual(seen: Seen, now: Micros, words: Words) -> str:
    """The breaks that four weeks before this one would have among as many."""
    share = figures.weekly(seen.days, words.midnight(now) - WEEK + DAY)
    if share is None or seen.status.learning is not None:
        return _so_far(seen)
    return f"usual {about(share * seen.week.attempts)}"


def _so_far(seen: Seen) -> str:
    """`312 of about 2,000 to learn from`, at the pace so far; of a handful of events no pace is known."""
    had = sum(sums.attempts for sums in seen.days.values())
    if not had:
        return "nothing seen so far"
    days, needed = seen.status.learning or (0.0, 0.0)
    if had < _A_PACE or not days or needed <= days:
        return f"{whole(had)} seen so far"
    power = 10 ** max(math.floor(math.log10(had * needed / days)) - 1, 0)
    return f"{whole(had)} of about {whole(round(had * needed / days / power) * power)} to learn from"


_A_PACE = 30
"""Events from which the pace is known well enough to be said in two figures."""
_STANDS_OUT = 1.5
_ENOUGH = 3


def where(by_value: Mapping[str, Sequence[tuple[str | None, Totals]]], whole_sums: Totals) -> str:
    """`RJ 19 of 64`: the value with the most breaks beyond what the rest would have, if one stands out."""
    best: tuple[float, str] | None = None
    for values in by_value.values():
        for value, sums in values:
            rest = whole_sums.attempts - sums.attempts
            if value is None or sums.broken < _ENOUGH or rest <= 0:
                continue
            expected = sums.attempts * (whole_sums.broken - sums.broken) / rest
            excess = sums.broken - expected
            # Twice what chance would scatter, or the wall would name somebody every week.
            clear = excess > 2 * math.sqrt(expected + 1) and sums.broken >= _STANDS_OUT * expected
            if clear and (best is None or excess > best[0]):
                best = (excess, f"{value_name(value)} {sums.broken:,} of {sums.attempts:,}")
    return best[1] if best else ""


def _named(seen: Seen) -> str:
    """`RJ 26 of 177`: the segment of the worst interruption; empty when that is about everything."""
    worst = seen.standing.worst
    if worst is None or not worst.segment:
        return ""
    [(name, values), *_] = worst.segment
    mine = [sums for value, sums in seen.by_value.get(name, ()) if value in values]
    if not mine:
        return ""
    broken, attempts = sum(sums.broken for sums in mine), sum(sums.attempts for sums in mine)
    return f"{', '.join(value_name(value) for value in values)} {broken:,} of {attempts:,}"


def _next(due: tuple[int, int], coming: Forecast | None) -> str:
    waiting, promised = due
    if not promised:
        return ""
    if coming is None:
        return f"{promised:,} fall due in 7 days, {waiting:,} still open"
    return f"{coming.open:,} open fall due in 24 hours, about {coming.middle:,} will miss; {waiting:,} in 7 days"


def _response(seen: Seen) -> str:
    worst = seen.standing.worst
    if worst is None:
        return ""
    more = len(seen.interruptions) - 1
    also = f" (and {more} more)" if more else ""
    if worst.state == "recovering":
        return f"recovering{also}"
    if worst.state == "stale":
        return f"without data for long{also}"
    return f"{seen.response}{also}"


def _money(moment: Moment, week: Totals, words: Words) -> str:
    if not week.broken_value:
        return ""
    if moment.loss_probability is None:
        return f"{words.money(week.broken_value)} at risk"
    risk = words.money(week.broken_value * moment.loss_probability)
    return f"{risk} at risk of {words.money(week.broken_value)}"
