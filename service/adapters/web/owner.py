"""An owner's page: what is open and who has it, worst first, to be taken on from there; then what is answered for."""

from collections.abc import Collection, Mapping

import msgspec

from service.adapters.web.access.actor import Actor
from service.adapters.web.handled import response
from service.adapters.web.listing import Line, line
from service.adapters.web.look import Look
from service.adapters.web.sheet import Sheet
from service.adapters.web.words import Words, counted, listed, plain, span
from service.core.catalog import Level, Moment, Owner
from service.core.event import Micros
from service.core.handling import UNTOUCHED, Ask, Handling
from service.core.interruption import Interruption
from service.core.reporting.journeys import under
from service.core.telling.labels import accountable
from service.core.weekly.suggestions import Suggestion, suggestions

_RANK: Mapping[Level, int] = {"critical": 0, "high": 1, "medium": 2, "low": 3}


class Issue(msgspec.Struct, frozen=True, gc=False):
    """Something open; `is_free`: nobody has it. `asks`: help that was asked for and not given yet."""

    it: Interruption
    line: Line
    response: str
    assignee: str
    is_free: bool
    asks: tuple[str, ...]

    def may(self, actor: Actor, look: Look) -> bool:
        """Whether somebody may take it on."""
        return actor.may_act(self.it, look.catalog)


class Hint(msgspec.Struct, frozen=True, gc=False):
    """What marks suggest of a moment's own watch, or of one of its rules."""

    moment: str
    title: str
    rule: str
    marks: str
    says: str


class OwnerPage(msgspec.Struct, frozen=True, gc=False):
    """Everything on the page."""

    says: str
    issues: tuple[Issue, ...]
    suggestions: tuple[Hint, ...]
    sheet: Sheet


def build(look: Look, of: Owner, sheet: Sheet) -> OwnerPage:
    """Read what is open, with whoever reports to them; `sheet`: what is answered for, read less often."""
    names = {of.name, *under(look.catalog, of.name)}
    rows = [
        it
        for it in look.reader.interruptions(open_only=True)
        if (moment := look.catalog.moments.get(it.moment)) and _accountable(moment, it, look) in names
    ]
    handlings = look.reader.handlings([it.id for it in rows])
    issues = [_issue(look, it, handlings.get(it.id, UNTOUCHED)) for it in sorted(rows, key=_worst)]
    free = sum(each.is_free for each in issues)
    return OwnerPage(_says(len(issues), free), tuple(issues), _hints(look, names), sheet)


def _hints(look: Look, names: Collection[str]) -> tuple[Hint, ...]:
    moments = look.catalog.moments
    return tuple(
        Hint(
            one.moment,
            plain(moments[one.moment].title or one.moment, 80),
            plain(one.rule or "", 63),
            _marks(one),
            plain(one.says, 200),
        )
        for one in suggestions(look.reader, look.catalog, look.now + 1)
        if one.owner in names
    )


def _marks(one: Suggestion) -> str:
    said = (("noise", one.noise), ("useful", one.useful), ("too late", one.too_late))
    return "Marked " + listed([f"{word} {times(count)}" for word, count in said if count])


def times(count: int) -> str:
    """`once`, `twice`, `3 times`."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _says(issues: int, free: int) -> str:
    if not issues:
        return "Nothing is open."
    opened = f"{counted(issues, 'interruptions')} open"
    if not free:
        return f"{opened}, each in somebody's hands."
    return f"{opened}, {free} of them in nobody's hands." if issues > 1 else f"{opened}, and nobody has it."


def _accountable(moment: Moment, it: Interruption, look: Look) -> str:
    return accountable(moment, it.segment, look.catalog).name


def _worst(it: Interruption) -> tuple[int, int, str]:
    return _RANK[it.level], it.onset, it.id


def _issue(look: Look, it: Interruption, handling: Handling) -> Issue:
    now, words = look.now, look.words
    return Issue(
        it,
        line(look.reader, look.catalog.moments[it.moment], it, now, words),
        response(it, handling, now, words),
        plain(handling.assignee, 80),
        handling.acknowledged_at is None and handling.resolved_at is None,
        tuple(_asked(ask, now, words) for ask in handling.asks if ask.answered_at is None),
    )


def _asked(ask: Ask, now: Micros, words: Words) -> str:
    said = f"{plain(ask.helper, 80)} was asked for “{plain(ask.ask, 200)}”"
    if ask.until is None:
        return said
    return f"{said}, overdue {span(now - ask.until)}" if ask.until < now else f"{said} by {words.time(ask.until, now)}"
