"""The words of a notice: title and lines in plain text, the most important first, from what has a source."""

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from service.core.catalog import Level, Moment, Owner
from service.core.event import DAY, HOUR, MINUTE, Micros, instant
from service.core.interruption import Impact, Interruption, Segment

Occasion = Literal[
    "opened",
    "reopened",
    "level_changed",
    "resolved",
    "found_late",
    "was_open_while_away",
    "repeat",
    "escalated",
    "acknowledged",
    "stale",
    "withdrawn",
]

_CAP = 300
"""Characters of a line that came from outside; a title's parts get fewer."""
_WHOLE_FROM = 10
_FEW = 2
_OVER: frozenset[Occasion] = frozenset({"resolved", "withdrawn", "was_open_while_away"})
_TO = "\N{EN DASH}"
_ARROW = "\N{RIGHTWARDS ARROW}"
_TIMES = "\N{MULTIPLICATION SIGN}"


class Count(msgspec.Struct, frozen=True, gc=False):
    """Breaks among attempts since onset; `usual`: the breaks expected. `name`: the segment."""

    broken: int
    attempts: int
    usual: float | None = None
    name: str = ""


class NextDue(msgspec.Struct, frozen=True, gc=False):
    """Promises of the segment that fall due by a time, and how many of them will probably miss: (low, middle, high)."""

    promises: int
    by: Micros
    will_miss: tuple[int, int, int] | None = None


class Facts(msgspec.Struct, frozen=True, gc=False):
    """What is known about an interruption when a notice is written; None or empty: no source, no line.

    `impact`: from onset until now. `inside`, `elsewhere`: counts since onset in the segment and outside it.
    `most`, `also`: of everything, the values that are worse than the rest, and others that were clearly hit too.
    `worst`: the segments that carry it, worst first. `newly_hit`: (start of a step in which anything fell due,
    customers first hit in it), the last one so far only. `complained`: how many of the customers affected have
    complained. `beside`: what we did ourselves shortly before the onset.
    """

    now: Micros
    impact: Impact = Impact()
    inside: Count | None = None
    elsewhere: Count | None = None
    most: Segment = ()
    also: Segment = ()
    worst: tuple[Count, ...] = ()
    newly_hit: tuple[tuple[Micros, int], ...] = ()
    step: Micros = DAY
    beside: tuple[tuple[Micros, str], ...] = ()
    next_due: NextDue | None = None
    complained: int | None = None
    level_before: Level | None = None
    escalates_at: Micros | None = None
    """When the next one is told unless somebody acknowledges."""
    taken_by: str = ""
    """Who has acknowledged it, where it says that."""
    currency: str = ""
    minor_digits: int = 2
    zone: str = "UTC"


class Words(msgspec.Struct, frozen=True, gc=False):
    """A notice's text."""

    title: str
    lines: tuple[str, ...]


def words(what: Occasion, it: Interruption, moment: Moment, owner: Owner, facts: Facts) -> Words:
    """The text of a notice about an interruption of a moment, for its owner."""
    lines = [
        f'"{plain(moment.promise)}"' if moment.promise else "",
        _harm(it, moment, facts),
        *_where(it, facts),
        "" if what in _OVER else _trend(facts),
        _beside(facts),
        _course(what, it, facts),
        _next(it, facts),
        _money(moment, facts),
        _complaints(moment, facts),
    ]
    if what not in _OVER:
        lines += [_sureness(it, moment), _first_step(it, moment, facts)]
    lines.append(_owner(what, owner, facts))
    return Words(_title(what, it, moment, facts), tuple(line for line in lines if line))


# --- lines ---

_PREDICATE = {
    "failure_rate": "is unreliable",
    "duration": "is slower than usual",
    "volume": "has an unusual volume",
    "silence": "has gone silent",
    "overdue": "is overdue",
    "due_soon": "is about to be missed",
    "value": "is worth unusually much or little",
    "complaints": "draws complaints",
}


_BROKE = {"failure_rate", "overdue"}

_HEADS: dict[Occasion, str] = {
    "reopened": "OPEN AGAIN",
    "repeat": "STILL OPEN",
    "escalated": "ESCALATED",
    "acknowledged": "ACKNOWLEDGED",
    "stale": "NOT KNOWN",
}


def _title(what: Occasion, it: Interruption, moment: Moment, facts: Facts) -> str:
    name = plain(moment.title or moment.name, 80)
    if what == "resolved":
        head, predicate = "RESOLVED", "is reliable again" if it.kind == "failure_rate" else "is back to usual"
    elif what == "withdrawn":
        head, predicate = "WITHDRAWN", "is no longer watched"
    else:
        head = "OVER" if what == "was_open_while_away" else it.level.upper()
        head = f"{_HEADS[what]} · {head}" if what in _HEADS else head
        # What was about to be missed is missed once breaks are evidence as well.
        kind = "failure_rate" if it.kind == "due_soon" and _BROKE & set(it.kinds) else it.kind
        predicate = _PREDICATE.get(kind) or f"breaks rule {plain(it.rule or '', 63)}"
        if what == "was_open_while_away":
            predicate = predicate.replace("is ", "was ", 1).replace("has ", "had ", 1)
    where = segment_words(it.segment) or most_words(facts.most)
    return " · ".join(part for part in (head, f"{name} {predicate}", where) if part)


def _harm(it: Interruption, moment: Moment, facts: Facts) -> str:
    since = when(it.onset, facts)
    impact = facts.impact
    if not impact.broken:
        if it.kind == "silence":
            return f"Nothing heard since {since}."
        if it.seen is not None and it.expected is not None and it.kind == "volume":
            return f"{number(it.seen)} a window since {since}; usual: {number(it.expected)}."
        return f"Since {since}."
    if moment.unit == "customers":
        text = f"{counted(impact.customers, moment.unit)} let down since {since}"
    else:
        text = f"{counted(impact.broken, plain(moment.unit, 40))} hit since {since}"
    if impact.waiting:
        text += f"; {impact.waiting:,} still waiting"
    if impact.unknown:
        text += f"; {impact.unknown:,} of unknown outcome"
    usual = _usual(it, facts)
    return f"{text}." if usual is None else f"{text}. Usual for so many: {number(usual)}."


def _usual(it: Interruption, facts: Facts) -> float | None:
    inside = facts.inside
    if inside is None:
        return None
    if inside.usual is None and it.kind == "failure_rate" and it.expected is not None:
        return it.expected * inside.attempts
    return inside.usual


def _where(it: Interruption, facts: Facts) -> list[str]:
    lines = []
    inside, outside = facts.inside, facts.elsewhere
    if inside is not None and inside.attempts and it.segment:
        text = f"{_capital(segment_words(it.segment))}: {inside.broken:,} of {inside.attempts:,}."
        if outside is not None and outside.attempts:
            text += f" Elsewhere: {outside.broken:,} of {outside.attempts:,}."
        lines.append(text)
    if facts.most and not it.segment:
        lines.append(f"Everywhere, {most_words(facts.most, facts.also)}.")
    if facts.worst:
        lines.append(f"Worst: {'; '.join(_counted_segment(count) for count in facts.worst[:3])}.")
    return lines


def _counted_segment(count: Count) -> str:
    text = f"{plain(count.name, 80)} {count.broken:,} of {count.attempts:,}"
    return text if count.usual is None else f"{text}, usually {number(count.usual)}"


def _trend(facts: Facts) -> str:
    steps = facts.newly_hit
    if len(steps) < _FEW or not any(hit for _, hit in steps):
        return ""
    shown = [f"{hit:,} {_stepped(at, facts)}" for at, hit in steps]
    if steps[-1][0] + facts.step > facts.now:
        shown[-1] += " so far"
    return f"{_course_of(facts)}: {', '.join(shown)}."


def _course_of(facts: Facts) -> str:
    """Worse or better only where the difference is more than chance would make of equal numbers, 19 times in 20.

    The last step may not be over, so that a smaller number in it says nothing; a larger one does.
    """
    hits = [hit for _, hit in facts.newly_hit]
    so_far = hits.pop() if facts.newly_hit[-1][0] + facts.step > facts.now else None
    if so_far is not None and _clearly_more(so_far, hits[-1]):
        return "Getting worse"
    if len(hits) < _FEW:
        return "Newly hit"
    if _clearly_more(hits[-1], hits[-2]):
        return "Getting worse"
    fewer = _clearly_more(hits[-2], hits[-1]) and (so_far is None or so_far <= hits[-1])
    return "Getting better" if fewer else "Newly hit"


def _clearly_more(one: int, other: int) -> bool:
    return one > other and (one - other) ** 2 > 4 * (one + other)


def _stepped(at: Micros, facts: Facts) -> str:
    # Days are counted from midnight UTC wherever the reader is.
    return f"on {_day(instant(at))}" if facts.step >= DAY else f"from {_local(at, facts):%H:%M}"


def _beside(facts: Facts) -> str:
    if not facts.beside:
        return ""
    return f"Shortly before: {'; '.join(f'{plain(title, 80)}, {when(at, facts)}' for at, title in facts.beside)}."


def _course(what: Occasion, it: Interruption, facts: Facts) -> str:
    open_for = lasting(facts.now - it.detected_at)
    late = f"{open_for} " if facts.now - it.detected_at >= MINUTE else ""
    before = f" from {facts.level_before}" if facts.level_before else ""
    said: dict[Occasion, str] = {
        "reopened": "It was taken for over, and it is not: somebody opened it again.",
        "found_late": f"Found {late}late: the watch was behind.",
        "level_changed": f"Level changed{before} to {it.level}.",
        "repeat": f"Open for {open_for}, and nobody has acknowledged it.",
        "escalated": f"Nobody has acknowledged it for {open_for}, so it comes to you.",
        "acknowledged": f"{plain(facts.taken_by, 80) or 'Somebody'} has it.",
        "stale": "No data for a week, so that nobody knows whether it is over. It stays open on its page.",
        "withdrawn": "It was taken out of the catalogue while this was open: whether it is over, nobody knows.",
    }
    if it.resolved_at is not None and what in {"resolved", "was_open_while_away"}:
        ended = f"Lasted {lasting(it.resolved_at - it.onset)}, until {when(it.resolved_at, facts)}."
        return f"{ended} Nothing to do now: the watch was behind." if what != "resolved" else ended
    return said.get(what, "")


def _next(it: Interruption, facts: Facts) -> str:
    coming = facts.next_due
    if coming is None or not coming.promises:
        return ""
    there = " there" if it.segment else ""
    text = f"Next: {coming.promises:,} due{there} by {when(coming.by, facts)}"
    if coming.will_miss is not None:
        low, middle, high = coming.will_miss
        text += f", {middle:,} ({low:,}{_TO}{high:,}) will miss"
    return f"{text}."


def _money(moment: Moment, facts: Facts) -> str:
    value = facts.impact.value
    if value <= 0:
        return ""
    worth = money(value, facts.currency, facts.minor_digits)
    if moment.loss_probability is None:
        return f"Value at risk {worth}."
    risk = money(round(value * moment.loss_probability), facts.currency, facts.minor_digits)
    bare = money(value, "", facts.minor_digits)
    return f"Value {worth}. At risk {risk} = {bare} {_TIMES} {percent(moment.loss_probability)}."


def _complaints(moment: Moment, facts: Facts) -> str:
    if facts.complained is None or not facts.impact.customers:
        return ""
    of = f" of the {facts.impact.customers:,}" if moment.unit == "customers" else ""
    return f"Complained so far: {facts.complained:,}{of}."


def _sureness(it: Interruption, moment: Moment) -> str:
    if it.rule is not None:
        return f"How sure: rule {plain(it.rule, 63)} fired; rules stand outside the false-alarm budget."
    return f"How sure: a false alarm here is expected once in {lasting(moment.false_alarm_interval)}."


def _first_step(it: Interruption, moment: Moment, facts: Facts) -> str:
    """Where to begin, and how: the segment that carries it, and the runbook."""
    place = segment_words(it.segment or facts.most) or (plain(facts.worst[0].name, 80) if facts.worst else "")
    if not moment.runbook_url:
        return f"Do first: look at {place}." if place else ""
    return f"Do first: {f'{place} {_ARROW} ' if place else ''}{plain(moment.runbook_url, 500)}"


def _owner(what: Occasion, owner: Owner, facts: Facts) -> str:
    line = f"Owner: {plain(owner.title or owner.name, 80)}."
    if facts.escalates_at is None or what in _OVER:
        return line
    return f"{line} Escalates {when(facts.escalates_at, facts)}."


# --- words and numbers ---


def plain(text: str, limit: int = _CAP) -> str:
    """Text from outside on one line: no control, format or surrogate characters, and not too long.

    Format characters go too: an override of the writing direction would turn the rest of the line around.
    """
    kept = (" " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in text[: 4 * limit])
    line = " ".join("".join(c for c in kept if unicodedata.category(c) not in {"Cf", "Cs", "Co"}).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def segment_words(segment: Segment) -> str:
    """`carrier AA, MQ`; nothing for everything."""
    return "; ".join(f"{plain(name, 40)} {_listed(values)}" for name, values in segment)


def most_words(most: Segment, also: Segment = ()) -> str:
    """`most of all carrier AA; clearly too carrier MQ, UA`; nothing where no value is worse than the rest."""
    if not most:
        return ""
    return f"most of all {segment_words(most)}" + (f"; clearly too {segment_words(also)}" if also else "")


def _listed(values: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(plain(value, 40) or "(empty)" for value in values[:most])
    return shown if len(values) <= most else f"{shown} and {len(values) - most} more"


def counted(count: int, unit: str) -> str:
    """`31 customers`, `1 customer`."""
    return f"{count:,} {_one(unit) if count == 1 else unit}"


def _one(unit: str) -> str:
    if unit.endswith("ies"):
        return unit[:-3] + "y"
    if unit.endswith(("ches", "shes", "xes", "sses")):
        return unit[:-2]
    return unit.removesuffix("s") if not unit.endswith("ss") else unit


def number(value: float) -> str:
    """A count for people: whole from ten on, one digit below, `under 0.1` for less."""
    shown = f"{value:.1f}".removesuffix(".0")
    if shown == "0":
        return "under 0.1" if value else "0"
    return shown if value < _WHOLE_FROM else f"{round(value):,}"


def percent(share: float) -> str:
    """`8 %`."""
    return f"{round(share * 100, 2):g} %"


def money(minor: int, currency: str, digits: int) -> str:
    """`BRL 4,977`: minor units with the currency's code; whole from a hundred on, where cents say nothing."""
    unit = 10**digits
    amount = f"{round(minor / unit):,}" if digits == 0 or abs(minor) >= 100 * unit else f"{minor / unit:,.{digits}f}"
    return f"{currency} {amount}" if currency else amount


def lasting(duration: Micros) -> str:
    """`90 days`, `6 h`, `4 min`."""
    for width, word in ((DAY, "days"), (HOUR, "h"), (MINUTE, "min")):
        if duration >= 2 * width or (duration >= width and width != DAY):
            return f"{round(duration / width):,} {word}"
    return "less than a minute"


def when(at: Micros, facts: Facts) -> str:
    """`Wed 13 Dec, 15:04 UTC`, with the year when it is not this one."""
    local = _local(at, facts)
    year = "" if local.year == _local(facts.now, facts).year else f" {local.year}"
    return f"{_day(local)}{year}, {local:%H:%M %Z}"


def _day(local: datetime) -> str:
    return f"{local:%a} {local.day} {local:%b}"


def _local(at: Micros, facts: Facts) -> datetime:
    return instant(at).astimezone(ZoneInfo(facts.zone))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
