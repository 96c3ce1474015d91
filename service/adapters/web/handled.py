"""What people did, and who was told and why: the parts of pages that change when somebody acts."""

from collections.abc import Iterable

import msgspec

from service.adapters.web.words import REASONS, Words, plain, span
from service.core.event import Micros
from service.core.handling import MARKS, Handling
from service.core.interruption import Interruption
from service.core.telling.desk import Decision
from service.core.telling.labels import spell
from service.core.telling.silence import Silence


class AskLine(msgspec.Struct, frozen=True, gc=False):
    """Help that was asked for, and what came of it."""

    helper: str
    ask: str
    until: str
    answer: str
    is_open: bool


class Handled(msgspec.Struct, frozen=True, gc=False):
    """Who has it and what was said of it."""

    response: str
    is_acknowledged: bool
    is_resolved: bool
    assignee: str
    level: str
    level_reason: str
    mark: str
    asks: tuple[AskLine, ...]


def handled(it: Interruption, handling: Handling, now: Micros, words: Words) -> Handled:
    """As the page has it."""
    return Handled(
        response=response(it, handling, now, words),
        is_acknowledged=handling.acknowledged_at is not None,
        is_resolved=handling.resolved_at is not None,
        assignee=plain(handling.assignee, 80),
        level=handling.level or "",
        level_reason=plain(handling.level_reason, 300),
        mark=(handling.mark or "").replace("_", " "),
        asks=tuple(
            AskLine(
                plain(ask.helper, 80),
                plain(ask.ask, 300),
                words.time(ask.until, now) if ask.until is not None else "",
                plain(ask.answer, 300),
                ask.answered_at is None,
            )
            for ask in handling.asks
        ),
    )


def response(it: Interruption, handling: Handling, now: Micros, words: Words) -> str:
    """`acknowledged 07:52 by ann`, or that nobody has it, and for how long."""
    if handling.resolved_at is not None:
        return f"resolved {words.time(handling.resolved_at, now)} by {plain(handling.resolved_by, 60)}"
    if handling.acknowledged_at is not None:
        return f"acknowledged {words.time(handling.acknowledged_at, now)} by {plain(handling.acknowledged_by, 60)}"
    if it.resolved_at is not None:
        return "nobody acknowledged it"
    return f"nobody has it, {span(now - it.detected_at)}"


class Told(msgspec.Struct, frozen=True, gc=False):
    """A decision in words."""

    when: str
    who: str
    said: str
    detail: str


_VERDICTS = {"sent": "told", "held": "not yet", "dropped": "not told"}


def told(decisions: Iterable[Decision], now: Micros, words: Words) -> tuple[Told, ...]:
    """Why people were told, or not, in the order of the decisions."""
    return tuple(
        Told(
            words.stamp(one.at, now),
            plain(one.receiver, 80),
            f"{_VERDICTS[one.verdict]}, because {REASONS[one.reason]}",
            plain(one.detail, 300),
        )
        for one in decisions
    )


class SilenceLine(msgspec.Struct, frozen=True, gc=False):
    """A silence as the list has it."""

    id: str
    matchers: str
    starts: str
    ends: str
    author: str
    reason: str
    kind: str
    is_active: bool
    ended_by: str
    remind: str


def silence_lines(silences: Iterable[Silence], now: Micros, words: Words) -> tuple[SilenceLine, ...]:
    """Those that hold first, then those to come."""
    found = sorted(silences, key=lambda one: (not one.is_active(now), one.starts, one.id))
    return tuple(
        SilenceLine(
            one.id,
            plain(", ".join(map(spell, one.matchers)) or "everything", 400),
            words.time(one.starts, now),
            words.time(one.ends, now),
            plain(one.author, 80),
            plain(one.reason, 400),
            one.kind,
            one.is_active(now),
            plain(one.ended_by, 80),
            f"{span(one.remind)} before" if one.remind else "",
        )
        for one in found
    )


MARK_WORDS = tuple((mark, mark.replace("_", " ")) for mark in MARKS)
