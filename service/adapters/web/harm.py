"""What an interruption does to people and money, laid out: the arithmetic, what was frozen, who is hit, who waits."""

import math
from collections.abc import Collection, Mapping, Sequence

import msgspec

from service.adapters.web.chart import Chart, Step, counts
from service.adapters.web.look import Look
from service.adapters.web.words import Words, counted, percent, plain, whole
from service.core.catalog import Moment
from service.core.event import DAY, HOUR, Micros
from service.core.interruption import Impact, Interruption
from service.core.marks import Mark, Peers, Risk
from service.core.people import CONTACT_STATES, ContactState, Hurt, Place, place_of

PER_PAGE = 50
_MOST_STEPS = 48
STATES: dict[ContactState, str] = {"to_contact": "to contact", "contacted": "contacted", "made_good": "made good"}
_MARKS = {"opened": "when it opened", "closed": "when it was over", "day30": "30 days after", "day90": "90 days after"}
_TIMES = "\N{MULTIPLICATION SIGN}"


# --- money ---


def arithmetic(risk: Risk, moment: Moment, words: Words) -> tuple[str, ...]:
    """Revenue at risk line by line; the last line is the result."""
    people = counted(risk.customers, "customers") if moment.unit == "customers" else ""
    lines = [counted(risk.broken, "broken promises") + (f" of {people}" if people else "")]
    if risk.value:
        lines.append(f"value of what was broken: {words.money(risk.value)}")
    if risk.valued:
        known = f"{whole(risk.valued)} of {people or 'those hit'} with a known yearly value"
        lines.append(f"{known}: {words.money(risk.yearly)} together")
    whole_sum = risk.yearly if risk.basis == "customers" else risk.value
    what = "yearly value" if risk.basis == "customers" else "value of what was broken"
    if risk.share is None:
        lines.append(f"at risk: the whole {what}, {words.money(risk.amount)}; no loss probability is declared")
    else:
        lines.append(f"at risk: {words.money(whole_sum)} {_TIMES} {percent(risk.share)} = {words.money(risk.amount)}")
    return tuple(lines)


class MarkRow(msgspec.Struct, frozen=True, gc=False):
    """Money as it was frozen; `count`: of customers, or of breaks where these are what is counted."""

    what: str
    when: str
    amount: str
    count: str
    since: str


def mark_rows(marks: Sequence[Mark], moment: Moment, now: Micros, words: Words) -> tuple[MarkRow, ...]:
    """In order of time."""
    return tuple(
        MarkRow(
            _MARKS[mark.what],
            words.stamp(mark.at, now),
            words.money(mark.risk.amount),
            whole(mark.risk.customers if moment.unit == "customers" else mark.risk.broken),
            peers_words(mark.peers, words) if mark.peers else "",
        )
        for mark in marks
    )


def peers_words(peers: Peers, words: Words) -> str:
    """What those who were hit did, beside those who were not."""
    hit, spared = peers.hit, peers.spared
    said = f"{whole(hit.left)} of {whole(hit.customers)} hit left"
    said += f", {whole(spared.left)} of {whole(spared.customers)} spared"
    if peers.difference is None or peers.lower is None or peers.upper is None:
        return f"{said}: too few to conclude"
    points = f"{100 * peers.difference:+.1f} points ({100 * peers.lower:+.1f} to {100 * peers.upper:+.1f})"
    if not peers.concluded:
        return f"{said}: {points}, no more than chance may do"
    if not peers.lost:
        return f"{said}: {points}"
    money = f"{words.money(peers.lost_lower or 0)} to {words.money(peers.lost_upper or 0)}"
    return f"{said}: {points}; {words.money(peers.lost)} a year lost ({money})"


# --- newly hit ---


class Newly(msgspec.Struct, frozen=True, gc=False):
    """Customers by the hour or day in which they were hit first: is it getting worse?"""

    says: str
    unit: str
    charts: tuple[Chart, ...]


def step_of(place: Place) -> Micros:
    """By the hour while it is young, else by the day."""
    return HOUR if place.end - place.start <= _MOST_STEPS * HOUR else DAY


def newly(
    found: Mapping[Micros, int], step: Micros, place: Place, now: Micros, words: Words, tried: Collection[Micros]
) -> Newly | None:
    """`found`: customers by the step in which they were hit first; None where there are none.

    `tried`: the steps in which anything fell due.
    """
    if not found:
        return None
    end = min(place.end, now + 1)
    starts = list(range(place.start - place.start % step, end, step))[-_MOST_STEPS:]
    columns = []
    for start in starts:
        count = found.get(start, 0)
        when = words.time(start, now) if step == HOUR else words.day(start, now)
        columns.append(Step(start, start + step, ((count, "high"),), f"{when}: {count:,} newly hit."))
    unit = "hour" if step == HOUR else "day"
    return Newly(
        _trend(found, [at for at in starts if at in tried or at in found], step, now),
        unit,
        tuple(counts(columns, words)),
    )


def _trend(found: Mapping[Micros, int], starts: Sequence[Micros], step: Micros, now: Micros) -> str:
    """The last whole step beside the one before, and whether their difference is more than chance."""
    done = [start for start in starts if start + step <= now + 1]
    unit = "hour" if step == HOUR else "day"
    if len(done) < 2:  # noqa: PLR2004  # two are compared
        return f"{sum(found.values()):,} so far, in less than two whole {unit}s."
    before, last = found.get(done[-2], 0), found.get(done[-1], 0)
    said = f"{before:,} newly hit in one whole {unit}, {last:,} in the next and last"
    z = (last - before) / math.sqrt(last + before) if last + before else 0.0
    if z > 1.96:  # noqa: PLR2004  # 95 %, for two Poisson counts
        return f"Getting worse: {said}."
    return f"Getting better: {said}." if z < -1.96 else f"No clear change: {said}."  # noqa: PLR2004  # as above


# --- the recovery list ---


class Person(msgspec.Struct, frozen=True, gc=False):
    """A customer of the recovery list; `key`: the id as it is stored."""

    key: str
    customer: str
    broken: str
    value: str
    yearly: str
    since: str
    iso: str
    stands: str
    complained: str
    state: str
    state_word: ContactState
    contact: str


class Tab(msgspec.Struct, frozen=True, gc=False):
    """How many stand where, as a link to them."""

    name: str
    count: str
    href: str
    here: bool


class PeoplePage(msgspec.Struct, frozen=True, gc=False):
    """A page of the recovery list."""

    id: str
    title: str
    says: str
    tabs: tuple[Tab, ...]
    people: tuple[Person, ...]
    page: int
    pages: int
    first: str
    last: str
    total: str
    query: str
    state: str
    recovery: "Recovery"


class Recovery(msgspec.Struct, frozen=True, gc=False):
    """How far an interruption's customers are made good with; widths in percent of all of them."""

    says: str
    href: str
    parts: tuple[tuple[str, float, float], ...]


def recovery(it: Interruption, counts: Mapping[ContactState, int]) -> Recovery:
    """`46 to contact, 40 contacted, 0 made good`, and the same as a bar: state, where it begins, how wide it is."""
    everybody = max(sum(counts.values()), 1)
    parts, before = [], 0.0
    for word in reversed(CONTACT_STATES):
        width = 100 * counts[word] / everybody
        parts.append((word, round(before, 2), round(width, 2)))
        before += width
    says = ", ".join(f"{whole(counts[word])} {STATES[word]}" for word in CONTACT_STATES)
    return Recovery(says, f"/interruptions/{it.id}/people", tuple(parts))


def build(look: Look, it: Interruption, page: int, state: ContactState | None) -> PeoplePage:
    """Read and lay out one page of the list; `page` counts from 1."""
    place = place_of(it, look.now)
    impact = look.reader.harm([place])
    everybody = impact.customers
    counts = look.reader.contact_counts([place], it.id, everybody=everybody)
    total = everybody if state is None else counts[state]
    pages = max(-(-total // PER_PAGE), 1)
    page = min(max(page, 1), pages)
    first = (page - 1) * PER_PAGE
    rows = look.reader.hurt([place], it.id, state=state, limit=PER_PAGE, offset=first)
    moment = look.catalog.moments.get(it.moment)
    here = f"/interruptions/{it.id}/people"
    tabs = [Tab("everybody", whole(everybody), here, state is None)]
    tabs += [Tab(STATES[word], whole(counts[word]), f"{here}?state={word}", state == word) for word in CONTACT_STATES]
    return PeoplePage(
        id=it.id,
        title=plain((moment.title if moment else "") or it.moment),
        says=_people_say(everybody, impact),
        tabs=tuple(tabs),
        people=tuple(_person(row, look.now, look.words) for row in rows),
        page=page,
        pages=pages,
        first=whole(first + 1 if total else 0),
        last=whole(min(first + PER_PAGE, total)),
        total=whole(total),
        query=f"&state={state}" if state else "",
        state=state or "",
        recovery=recovery(it, counts),
    )


def _people_say(everybody: int, impact: Impact) -> str:
    """`48 customers let down: 28 still waiting, 3 served late`."""
    parts = [f"{whole(impact.waiting)} still waiting"] if impact.waiting else []
    parts += [f"{whole(impact.settled_late)} served late"] if impact.settled_late else []
    parts += [f"of {whole(impact.unknown)} nobody knows the outcome"] if impact.unknown else []
    said = f"{counted(everybody, 'customers')} let down"
    return f"{said}: {', '.join(parts)}." if parts else f"{said}; nobody is still waiting."


def _stands(row: Hurt) -> str:
    if row.waiting:
        return "still waiting"
    if row.unknown:
        return "outcome unknown"
    return "kept late" if row.settled_late else ""


def _person(row: Hurt, now: Micros, words: Words) -> Person:
    contact = row.contact
    said = ""
    if contact is not None:
        said = f"{words.stamp(contact.at, now)} by {plain(contact.by, 80)}"
        said += f": {plain(contact.note, 200)}" if contact.note else ""
    return Person(
        key=row.customer,
        customer=plain(row.customer, 120),
        broken=whole(row.broken),
        value=words.money(row.value) if row.value else "",
        yearly="" if row.yearly is None else words.money(row.yearly),
        since=words.stamp(row.first_at, now),
        iso=words.iso(row.first_at),
        stands=_stands(row),
        complained="" if row.complained_at is None else words.stamp(row.complained_at, now),
        state=STATES[row.state],
        state_word=row.state,
        contact=said,
    )
