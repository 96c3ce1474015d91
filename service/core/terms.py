"""The terms by which a moment is told to be kept, and which changes of them make it easier to look well."""

from collections.abc import Iterator, Mapping
from zlib import crc32

import msgspec

from service.core.catalog import Catalog, Deadline, Moment
from service.core.event import DAY, HOUR, MINUTE, Micros

Place = tuple[str, str]
"""Moment, and which of its terms."""


class Edit(msgspec.Struct, frozen=True, gc=False):
    """One of a moment's terms as it was declared from a time on.

    `was`: what stood before; empty where it is the first that was ever seen, which is no edit. `looser`: what was
    broken before may count as kept now, be allowed for, or be found by nobody.
    """

    moment: str
    what: str
    was: str
    now: str
    looser: bool
    at: Micros


def terms(catalog: Catalog) -> dict[Place, str]:
    """The terms of every moment, in words that are the same for the same terms."""
    found: dict[Place, str] = {}
    for name, moment in catalog.moments.items():
        rules = sorted(rule.name for rule in catalog.rules_of(name) if rule.status == "stable")
        found[name, "deadline"] = _deadline(moment.deadline)
        found[name, "objectives"] = ", ".join(sorted(_objectives(moment))) or "none"
        found[name, "loss probability"] = "none" if moment.loss_probability is None else f"{moment.loss_probability:g}"
        found[name, "false alarm interval"] = _span(moment.false_alarm_interval)
        found[name, "rules"] = ", ".join(rules) or "none"
        found[name, READING] = "; ".join(_reading(catalog, name)) or "as sent"
    return found


def edits(known: Mapping[Place, str], catalog: Catalog, at: Micros) -> Iterator[Edit]:
    """What differs from the terms that are known; a moment that is gone watches nothing any more."""
    now = terms(catalog)
    for (moment, what), text in sorted(now.items()):
        was = known.get((moment, what), "")
        if text != was:
            yield Edit(moment, what, was, text, bool(was) and looser(what, was, text), at)
    for moment, what in sorted(known.keys() - now.keys()):
        if known[moment, what] != GONE:
            yield Edit(moment, what, known[moment, what], GONE, looser=True, at=at)


GONE = "no longer declared"
READING = "reading of records"
"""What of a foreign topic begins, keeps, breaks and ends a promise: nobody can say which of two lets more pass."""
_DECIDES = ("type", "moment", "outcome", "key", "time", "due")
"""Fields of an event that decide whether it counts as kept."""


def looser(what: str, was: str, now: str) -> bool:
    """Whether one of the terms, changed so, lets more pass.

    >>> looser("deadline", "5 d", "7 d"), looser("deadline", "5 d", "2 d"), looser("objectives", "95% in 28 d", "none")
    (True, False, True)
    """
    if was == GONE or what == READING:
        return was != GONE
    if what == "deadline":
        return _looser_deadline(was, now)
    if what == "false alarm interval":
        return _longer(was, now)
    if what == "loss probability":
        return was == "none" or (now != "none" and float(now) < float(was))
    return bool(set(was.split(", ")) - {"none"} - set(now.split(", "))) and not (
        what == "objectives" and _stricter(was, now)
    )


def _looser_deadline(was: str, now: str) -> bool:
    # As it was written before the days off were told apart.
    if _LIST in now and _LIST not in was and now.partition(_LIST)[0] == was.partition("; ")[0]:
        return False
    # Working days last longer than days; another calendar may hold anything, and is told.
    return _longer(was, now) or (_length(was) == _length(now) and was != now)


def _stricter(was: str, now: str) -> bool:
    """Each objective stands for the same window, and asks for as much or more."""
    before, after = _shares(was), _shares(now)
    return all(after.get(window, 0.0) >= share for window, share in before.items())


def _shares(text: str) -> dict[str, float]:
    parts = [each.partition("% in ") for each in text.split(", ") if each != "none"]
    return {window: float(share) for share, _, window in parts}


def _objectives(moment: Moment) -> Iterator[str]:
    for objective in moment.objectives:
        yield f"{100 * objective.target:g}% in {_span(objective.window)}"


def _reading(catalog: Catalog, moment: str) -> Iterator[str]:
    """What decides how a moment's records are read, where it is not the contract itself."""
    for source in catalog.sources_of(moment):
        own = [(meaning.mapping, f"{meaning.word} where {meaning.when}: ") for meaning in source.events]
        mine = [each for each, meaning in zip(own, source.events, strict=True) if meaning.moment == moment]
        yield from (said.removesuffix(": ") for _, said in mine)
        for mapping, where in [(source.mapping, ""), *mine]:
            yield from (f"{where}{field} from {mapping[field]}" for field in _DECIDES if field in mapping)


_LIST = ", list "


def _deadline(deadline: Deadline | None) -> str:
    if deadline is None:
        return "none"
    calendar = deadline.calendar
    if calendar is None:
        return _span(deadline.after)
    days = "".join("MTWTFSS"[day] for day in calendar.weekdays)
    days_off = " ".join(f"{first}/{last}" for first, last in calendar.holidays)
    off = f", {len(calendar.holidays)} holidays{_LIST}{crc32(days_off.encode()):08x}" if days_off else ""
    hours = "".join(f" {start}-{end}" for start, end in calendar.hours)
    return f"{_span(deadline.after)} worked ({days}{hours}{off}; {deadline.zone})"


_UNITS = {"d": DAY, "h": HOUR, "min": MINUTE, "s": 1_000_000, "us": 1}


def _span(span: Micros) -> str:
    unit = next(unit for unit, length in _UNITS.items() if span % length == 0)
    return f"{span // _UNITS[unit]} {unit}"


def _length(text: str) -> Micros:
    """How long the terms say, working time as if it were any; what says nothing has no end."""
    words = text.split()
    return int(words[0]) * _UNITS[words[1]] if words[0].isdigit() else 1 << 62


def _longer(was: str, now: str) -> bool:
    return _length(now) > _length(was)
