"""What people do with an interruption: acknowledged, assigned, judged noise; folded from an append-only audit."""

from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

from service.core.catalog import LEVELS, Level
from service.core.event import Micros

Verb = Literal[
    "acknowledge", "unacknowledge", "assign", "annotate", "level", "resolve", "reopen", "mark", "ask", "answer"
]
Mark = Literal["noise", "useful", "too_late"]
MARKS: tuple[Mark, ...] = ("noise", "useful", "too_late")


class Action(msgspec.Struct, frozen=True, gc=False):
    """One thing that somebody did, and when by the wall clock; never changed afterwards.

    `value`: the assignee, the new level, the mark, or who was asked for help. `note`: the reason, the annotation, or
    what was asked. `until`: by when an answer is asked for. `origin`: how it came, such as `page`, `api` or `link`.
    """

    interruption: str
    at: Micros
    verb: Verb
    by: str
    value: str = ""
    note: str = ""
    until: Micros | None = None
    origin: str = ""


class Ask(msgspec.Struct, frozen=True, gc=False):
    """Help that somebody was asked for, with what exactly, and by when."""

    helper: str
    ask: str
    until: Micros | None
    asked_by: str
    asked_at: Micros
    answered_at: Micros | None = None
    answer: str = ""


class Handling(msgspec.Struct, frozen=True, gc=False):
    """Where people stand with one interruption; the judge's own state stands beside it."""

    acknowledged_at: Micros | None = None
    acknowledged_by: str = ""
    assignee: str = ""
    level: Level | None = None
    """The level that somebody gave it, with a reason; None: as it was judged."""
    level_reason: str = ""
    resolved_at: Micros | None = None
    resolved_by: str = ""
    mark: Mark | None = None
    asks: tuple[Ask, ...] = ()


class Refused(ValueError):  # noqa: N818  # what was asked for makes no sense as things stand
    """An action that does not fit where the interruption stands; says why and what to do."""


UNTOUCHED = Handling()


def handle(now: Handling, action: Action) -> Handling:
    """The handling after an action. Raises Refused where it says nothing, or contradicts what is so."""
    return _VERBS[action.verb](now, action)


def _acknowledge(now: Handling, action: Action) -> Handling:
    if now.resolved_at is not None:
        raise Refused(f"{now.resolved_by} has resolved it already; reopen it first")
    if now.acknowledged_at is not None:
        # The first one has it; a second click must not take it away.
        return now
    return _with(now, acknowledged_at=action.at, acknowledged_by=action.by)


def _unacknowledge(now: Handling, action: Action) -> Handling:
    del action
    return _with(now, acknowledged_at=None, acknowledged_by="")


def _assign(now: Handling, action: Action) -> Handling:
    return _with(now, assignee=action.value)


def _annotate(now: Handling, action: Action) -> Handling:
    if not action.note:
        raise Refused("the note is empty; write what others should know")
    return now


def _resolve(now: Handling, action: Action) -> Handling:
    if now.resolved_at is not None:
        return now
    return _with(now, resolved_at=action.at, resolved_by=action.by)


def _reopen(now: Handling, action: Action) -> Handling:
    del action
    if now.resolved_at is None:
        raise Refused("nobody has resolved it; there is nothing to reopen")
    return _with(now, resolved_at=None, resolved_by="", acknowledged_at=None, acknowledged_by="")


def _level(now: Handling, action: Action) -> Handling:
    for level in LEVELS:
        if action.value == level:
            if not action.note:
                raise Refused("a changed level needs a reason; write why")
            return _with(now, level=level, level_reason=action.note)
    raise Refused(f"{action.value!r} is not a level; write {', '.join(LEVELS)}")


def _mark(now: Handling, action: Action) -> Handling:
    for mark in MARKS:
        if action.value == mark:
            return _with(now, mark=mark)
    raise Refused(f"{action.value!r} is not a mark; write {', '.join(MARKS)}")


def _ask(now: Handling, action: Action) -> Handling:
    if not action.value or not action.note:
        raise Refused("help is asked of somebody, for something; name both")
    ask = Ask(action.value, action.note, action.until, action.by, action.at)
    return _with(now, asks=(*now.asks, ask))


def _answer(now: Handling, action: Action) -> Handling:
    asks = list(now.asks)
    for i, ask in enumerate(asks):
        if ask.helper == action.value and ask.answered_at is None:
            asks[i] = msgspec.structs.replace(ask, answered_at=action.at, answer=action.note)
            return _with(now, asks=tuple(asks))
    raise Refused(f"nothing is asked of {action.value!r} that is not answered yet")


_with = msgspec.structs.replace
_VERBS: dict[Verb, Callable[[Handling, Action], Handling]] = {
    "acknowledge": _acknowledge,
    "unacknowledge": _unacknowledge,
    "assign": _assign,
    "annotate": _annotate,
    "level": _level,
    "resolve": _resolve,
    "reopen": _reopen,
    "mark": _mark,
    "ask": _ask,
    "answer": _answer,
}


def fold(actions: Iterable[Action]) -> Handling:
    """The handling that a whole audit leaves; what did not fit when it was done is passed over."""
    now = UNTOUCHED
    for action in actions:
        try:
            now = handle(now, action)
        except Refused:
            continue
    return now


def noted(action: Action) -> str:
    """An action as a line of the interruption's timeline."""
    parts = {
        "assign": f"assigned to {action.value}" if action.value else "assigned to nobody",
        "level": f"level changed to {action.value}",
        "mark": f"marked {action.value.replace('_', ' ')}",
        "ask": f"asked {action.value} for help",
        "answer": f"{action.value} answered",
    }
    said = parts.get(action.verb, "")
    return ": ".join(part for part in (said, action.note) if part)
