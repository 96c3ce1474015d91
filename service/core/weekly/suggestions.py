"""What people's marks say about a rule, or about a moment's own watch: noise, useful, too late; and what to try."""

from collections.abc import Sequence

import msgspec

from service.core.catalog import Catalog, Moment, Rule
from service.core.event import DAY, HOUR, MINUTE, SECOND, Micros
from service.core.interruption import Interruption
from service.core.ports import Reader
from service.core.telling.labels import accountable

WEEKS = 4
LEAST = 3
"""Marks from which they say something together."""
_SHORTEST: Micros = DAY
_LONGEST: Micros = 3650 * DAY


class Suggestion(msgspec.Struct, frozen=True, gc=False):
    """The marks of one rule, or of what a moment's own detectors found (`rule` None); `says`: what to try."""

    owner: str
    moment: str
    rule: str | None
    noise: int
    useful: int
    too_late: int
    says: str

    @property
    def marked(self) -> int:
        """Interruptions that somebody marked."""
        return self.noise + self.useful + self.too_late


def suggestions(reader: Reader, catalog: Catalog, end: Micros) -> tuple[Suggestion, ...]:
    """What the marks of the four weeks before a time suggest, the most marked first; where most say the same."""
    start = end - WEEKS * 7 * DAY
    rows = [
        it for it in reader.interruptions(since=start) if start <= it.detected_at < end and it.moment in catalog.moments
    ]
    handlings = reader.handlings([it.id for it in rows])
    groups: dict[tuple[str, str, str | None], list[str]] = {}
    for it in rows:
        mark = handlings[it.id].mark if it.id in handlings else None
        if mark is not None:
            groups.setdefault((_owner(it, catalog), it.moment, it.rule), []).append(mark)
    found = [_suggestion(place, marks, catalog) for place, marks in groups.items() if len(marks) >= LEAST]
    return tuple(sorted((one for one in found if one is not None), key=lambda one: (-one.marked, one.moment)))


def of_owner(found: Sequence[Suggestion], owner: str) -> list[Suggestion]:
    """Those that an owner may want to act on."""
    return [one for one in found if one.owner == owner]


def _owner(it: Interruption, catalog: Catalog) -> str:
    return accountable(catalog.moments[it.moment], it.segment, catalog).name


def _suggestion(place: tuple[str, str, str | None], marks: Sequence[str], catalog: Catalog) -> Suggestion | None:
    owner, moment, rule = place
    count = {mark: marks.count(mark) for mark in ("noise", "useful", "too_late")}
    most = next((mark for mark in ("noise", "too_late") if 2 * count[mark] > len(marks)), None)
    if most is None:
        return None
    declared = catalog.rules.get(rule) if rule is not None else None
    says = _of_watch(catalog.moments[moment], most) if declared is None else _of_rule(declared, most)
    return Suggestion(owner, moment, rule, count["noise"], count["useful"], count["too_late"], says)


def _of_rule(rule: Rule, mark: str) -> str:
    if mark == "noise":
        longer = max(2 * rule.hold, 5 * MINUTE)
        return f"try for: {spelled(longer)} (now {spelled(rule.hold)}), or a stricter threshold"
    if rule.hold:
        return f"try for: {spelled(rule.hold // 2)} (now {spelled(rule.hold)})"
    return "it waits for nothing already: try a lower threshold or a shorter window"


def _of_watch(moment: Moment, mark: str) -> str:
    now = moment.false_alarm_interval
    other = min(2 * now, _LONGEST) if mark == "noise" else max(now // 2, _SHORTEST)
    if other == now:
        return f"false_alarm_interval is {spelled(now)} already: a rule with the right threshold would do more"
    cost = "" if mark == "noise" else "; a false alarm comes twice as often then"
    return f"try false_alarm_interval: {spelled(other)} (now {spelled(now)}){cost}"


def spelled(duration: Micros) -> str:
    """A duration as the catalogue has it: `5m`, `90d`."""
    for width, letter in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m")):
        if duration >= width and duration % width == 0:
            return f"{duration // width}{letter}"
    return f"{duration // SECOND}s"
