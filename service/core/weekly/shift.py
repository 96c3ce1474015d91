"""What a shift is handed, and the three lines that it starts with."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

import msgspec

from service.core.catalog import LEVELS, Catalog, Moment, Owner
from service.core.event import DAY, Micros, instant, micros
from service.core.handling import UNTOUCHED, Handling
from service.core.interruption import Interruption
from service.core.ports import Reader
from service.core.reporting.journeys import Span, promised_to
from service.core.reporting.lead import BASE
from service.core.telling.labels import accountable, spell
from service.core.telling.message import Facts, Words, counted, plain, segment_words, when
from service.core.telling.silence import Silence
from service.core.weekly.page import Story
from service.core.weekly.stories import stories

MOST = 10
_SAID = {"broken": "broken", "kept_late": "kept at last", "complained": "complained"}


class Shift(msgspec.Struct, frozen=True):
    """Whose it is, when it begins, and when the one before began."""

    owner: Owner
    at: Micros
    since: Micros


class Board(msgspec.Struct, frozen=True):
    """What stands when a shift begins: every open interruption, what people did, what is kept quiet."""

    open: Sequence[Interruption]
    handlings: Mapping[str, Handling]
    silences: Sequence[Silence] = ()
    waiting: int = 0
    """What waited for somebody to be on duty."""


def moments_of(owner: str, catalog: Catalog) -> dict[str, Moment]:
    """The moments that an owner is accountable for, all of them or in segments."""
    return {
        name: moment
        for name, moment in catalog.moments.items()
        if owner == moment.owner or any(owner in by.values() for by in moment.owner_by.values())
    }


def handover(reader: Reader, catalog: Catalog, shift: Shift, board: Board, link: str = "") -> Words:
    """What is open and who has it, what happened since the last shift began, what is asked, silenced and due."""
    owner, facts = shift.owner, Facts(shift.at, zone=shift.owner.zone)
    mine = [it for it in board.open if _accountable(it, catalog) == owner.name and it.notifies]
    mine.sort(key=lambda it: (-LEVELS.index(_level(it, board)), it.onset, it.id))
    past = [
        it
        for it in reader.interruptions(since=shift.since)
        if _accountable(it, catalog) == owner.name and it.notifies and it.detected_at < shift.at
    ]
    opened = sum(it.detected_at >= shift.since for it in past)
    over = sum(it.resolved_at is not None and shift.since <= it.resolved_at < shift.at for it in past)
    free = sum(not board.handlings.get(it.id, UNTOUCHED).acknowledged_by for it in mine)
    first = f"Since {when(shift.since, facts)}: {opened:,} opened, {over:,} over. Open now: {len(mine):,}"
    lines = [f"{first}{f', {free:,} of them nobody has' if free else ''}."]
    for it in mine[:MOST]:
        lines += _open(reader, catalog, it, board, facts, link)
    if len(mine) > MOST:
        lines.append(f"And {len(mine) - MOST:,} more.")
    if board.waiting:
        lines.append(
            f"{board.waiting:,} waited for you to be on duty and {'comes' if board.waiting == 1 else 'come'} now."
        )
    for one in board.silences[:MOST]:
        lines.append(
            f"Kept quiet until {when(one.ends, facts)} by {plain(one.author, 80)}: "
            f"{', '.join(plain(spell(matcher), 80) for matcher in one.matchers)}: {plain(one.reason, 120)}"
        )
    lines += _due(reader, owner.name, catalog, shift.at)
    return Words(f"HAND-OVER · {_name(owner)} · {when(shift.at, facts)}", tuple(lines))


def _open(  # what a line has
    reader: Reader, catalog: Catalog, it: Interruption, board: Board, facts: Facts, link: str
) -> list[str]:
    moment = catalog.moments[it.moment]
    handling = board.handlings.get(it.id, UNTOUCHED)
    impact = reader.impact(it.moment, it.segment, it.onset, facts.now)
    hit = impact.customers if moment.unit == "customers" else impact.broken
    named = " · ".join(
        p for p in (_level(it, board).upper(), plain(moment.title or it.moment, 80), segment_words(it.segment)) if p
    )
    harm = (
        f": {counted(hit, plain(moment.unit, 40))} since {when(it.onset, facts)}"
        if hit
        else f": since {when(it.onset, facts)}"
    )
    waiting = f", {impact.waiting:,} still waiting" if impact.waiting else ""
    has = handling.assignee or handling.acknowledged_by
    page = f" {link}/interruptions/{it.id}" if link else ""
    lines = [f"{named}{harm}{waiting}; {f'{plain(has, 80)} has it' if has else 'nobody has it'}.{page}"]
    for ask in handling.asks:
        if ask.answered_at is None:
            by = f", by {when(ask.until, facts)}" if ask.until is not None else ""
            lines.append(f"Asked of {plain(ask.helper, 80)}{by}: {plain(ask.ask, 160)}")
    return lines


def _due(reader: Reader, owner: str, catalog: Catalog, now: Micros) -> list[str]:
    lines = []
    for name, moment in moments_of(owner, catalog).items():
        waiting, promised = reader.due(name, now, now + DAY)
        if promised:
            title = plain(moment.title or name, 80)
            lines.append(f"Falls due within a day: {title}: {promised:,}, {waiting:,} of them not kept yet.")
    return lines[:MOST]


def card(reader: Reader, catalog: Catalog, shift: Shift, mission: str = "") -> Words:
    """Three lines: what we are here for, yesterday in customers, and one customer's story."""
    owner = shift.owner
    zone = ZoneInfo(owner.zone)
    midnight = instant(shift.at).astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    end = micros(midnight)
    start = micros(instant(end - DAY // 2).astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0))
    mine = moments_of(owner.name, catalog)
    lines = (
        _mission(owner.name, mine, catalog, mission),
        _yesterday(reader, mine, Span(start, end)),
        _story(reader, catalog, mine, (start, end), zone),
    )
    day = instant(shift.at).astimezone(zone)
    return Words(f"{_name(owner)} · {day:%a} {day.day} {day:%b}", lines)


def _mission(owner: str, mine: Mapping[str, Moment], catalog: Catalog, mission: str) -> str:
    """In the customer's words: the goal of the journey that the owner's moments serve, else what was promised."""
    goals = [
        journey.goal
        for journey in catalog.journeys.values()
        if journey.goal and any(moment in mine for stage in journey.stages for moment in stage.moments)
    ]
    promises = [moment.promise for moment in mine.values() if moment.promise]
    said = mission or next(iter(goals), "") or next(iter(promises), "") or f"What {owner} answers for."
    return f"Mission: {plain(said, 200)}"


def _yesterday(reader: Reader, mine: Mapping[str, Moment], span: Span) -> str:
    by_unit: dict[str, list[str]] = {}
    for name, moment in mine.items():
        by_unit.setdefault(moment.unit, []).append(name)
    parts = []
    for unit, names in sorted(by_unit.items(), key=lambda pair: pair[0] != "customers"):
        if unit == "customers":
            hurt, _ = reader.customers(names, span.start, span.end)
            due = promised_to(reader, names, span)
            of = f" of {due:,} with a promise due" if due else ""
            parts.append(f"{counted(hurt, unit)}{of} let down")
        else:
            rows = [totals for name in names for _, totals in reader.totals(name, span.start, span.end, DAY)]
            tried, broken = sum(each.attempts for each in rows), sum(each.broken for each in rows)
            parts.append(f"{broken:,} of {counted(tried, plain(unit, 40))} hit")
    return f"Yesterday: {'; '.join(parts)}." if parts else "Yesterday: nothing is watched here."


def _story(
    reader: Reader, catalog: Catalog, mine: Mapping[str, Moment], span: tuple[Micros, Micros], zone: ZoneInfo
) -> str:
    """A customer's day under a name that gives nobody away."""
    heard = reader.complaints(None, span[1] - BASE, span[1])
    found = stories(reader, Catalog(moments=mine, owners=catalog.owners), span, heard, None)
    return f"One of them: {_told(found[0], zone)}" if found else "Nobody was let down yesterday."


def _told(story: Story, zone: ZoneInfo) -> str:
    steps = [
        f"{plain(step.title, 60)} {_SAID[step.what]}".strip()
        + f" {step.at.astimezone(zone):%a %H:%M}"
        + (f" ({plain(step.reason, 40)})" if step.reason else "")
        for step in story.steps
    ]
    return f"{story.pseudonym}: {'; '.join(steps)}."


def _accountable(it: Interruption, catalog: Catalog) -> str:
    moment = catalog.moments.get(it.moment)
    return "" if moment is None else accountable(moment, it.segment, catalog).name


def _level(it: Interruption, board: Board) -> str:
    return board.handlings.get(it.id, UNTOUCHED).level or it.level


def _name(owner: Owner) -> str:
    return plain(owner.title or owner.team or owner.name, 80)
