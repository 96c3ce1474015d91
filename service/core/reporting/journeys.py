"""Journeys and who answers for them: whom a journey, a stage, an owner or a manager let down, each counted once."""

from collections.abc import Iterable, Sequence

import msgspec

from service.core.catalog import Catalog, Journey, Moment
from service.core.event import Micros
from service.core.interruption import Impact
from service.core.people import Place
from service.core.ports import Reader
from service.core.standing import Totals


class Span(msgspec.Struct, frozen=True, gc=False):
    """A period, [start, end)."""

    start: Micros
    end: Micros


class Roll(msgspec.Struct, frozen=True, gc=False):
    """Harm rolled up to something with a name; `attempts` over its whole moments, 0 where it has segments only."""

    name: str
    title: str
    moments: tuple[str, ...]
    attempts: int
    impact: Impact


class Seam(msgspec.Struct, frozen=True, gc=False):
    """Breaks where one team hands over to another; `followed`: customers hit there, and later in a stage after it."""

    moment: str
    title: str
    giver: str
    taker: str
    impact: Impact
    followed: int


class Walked(msgspec.Struct, frozen=True, gc=False):
    """A journey over a period. Only moments that count customers are in it.

    `promised`: distinct customers with a promise due in it, where every moment's outcomes are of keyed promises, so
    that the customers of kept ones are known too; else None, and `lower` and `upper` bound the share of customers
    with nothing broken, as far as the moments' own shares allow (Fréchet's bounds).
    `first`: customers by the moment that broke first for them.
    """

    journey: str
    impact: Impact
    stages: tuple[Roll, ...]
    first: tuple[tuple[str, int], ...]
    seams: tuple[Seam, ...]
    promised: int | None
    lower: float | None
    upper: float | None

    @property
    def reliability(self) -> float | None:
        """The share of customers for whom nothing broke; None where only bounds are known."""
        return 1 - min(self.impact.customers, self.promised) / self.promised if self.promised else None


def places(names: Iterable[str], span: Span) -> list[Place]:
    """The whole of some moments."""
    return [Place(name, (), span.start, span.end) for name in names]


def walked(reader: Reader, catalog: Catalog, journey: Journey, span: Span) -> Walked:
    """A journey over a period."""
    stages = [(stage, _counted(catalog, stage.moments)) for stage in journey.stages]
    names = [name for _, of in stages for name in of]
    sums = {name: _totals(reader, name, span) for name in names}
    known = _promised(reader, sums, span)
    shares = [each.broken / each.attempts for each in sums.values() if each.attempts]
    bounds = (max(0.0, 1 - sum(shares)), 1 - max(shares)) if shares and known is None else (None, None)
    later: list[str] = []
    seams: list[Seam] = []
    for _, of in reversed(stages):
        seams = [*(_seam(reader, catalog.moments[name], later, span) for name in of if _is_seam(catalog, name)), *seams]
        later = [*of, *later]
    first = reader.first_breaks(places(names, span))
    return Walked(
        journey=journey.name,
        impact=reader.harm(places(names, span)),
        stages=tuple(
            Roll(stage.name, stage.title, tuple(of), sum(sums[name].attempts for name in of), _harm(reader, of, span))
            for stage, of in stages
        ),
        first=tuple((name, first[name]) for name in names if name in first),
        seams=tuple(seams),
        promised=known,
        lower=bounds[0],
        upper=bounds[1],
    )


def _counted(catalog: Catalog, names: Sequence[str]) -> list[str]:
    return [name for name in names if name in catalog.moments and catalog.moments[name].unit == "customers"]


def _is_seam(catalog: Catalog, name: str) -> bool:
    return catalog.moments[name].handoff is not None


def _seam(reader: Reader, moment: Moment, later: Sequence[str], span: Span) -> Seam:
    handoff = moment.handoff
    if handoff is None:
        raise AssertionError("only seams are asked for")
    here = places([moment.name], span)
    followed = reader.hit_later(here, places(later, span)) if later else 0
    title = moment.title or moment.name
    return Seam(moment.name, title, handoff.giver, handoff.taker, reader.harm(here), followed)


def _promised(reader: Reader, sums: dict[str, Totals], span: Span) -> int | None:
    """Distinct customers with a promise due, where that is everybody."""
    if not any(each.attempts for each in sums.values()):
        return None
    for name, each in sums.items():
        if reader.due(name, span.start, span.end)[1] < each.attempts:
            return None
    return reader.promised_to(list(sums), span.start, span.end)


def promised_to(reader: Reader, names: Sequence[str], span: Span) -> int | None:
    """Distinct customers with a promise due in some moments; None where some outcomes are of no keyed promise."""
    return _promised(reader, {name: _totals(reader, name, span) for name in names}, span)


def _totals(reader: Reader, name: str, span: Span) -> Totals:
    found = reader.totals(name, span.start, span.end, max(span.end - span.start, 1))
    return found[0][1] if found else Totals()


def _harm(reader: Reader, names: Sequence[str], span: Span) -> Impact:
    return reader.harm(places(names, span)) if names else Impact()


# --- who is accountable ---


def owned(catalog: Catalog, owner: str, span: Span) -> list[Place]:
    """What an owner is accountable for: moments without the segments of others, and segments of others' moments."""
    found = []
    for moment in catalog.moments.values():
        if moment.unit != "customers":
            continue
        others, own = [], []
        for dimension, by_value in moment.owner_by.items():
            mine = tuple(sorted(value for value, name in by_value.items() if name == owner))
            theirs = tuple(sorted(value for value, name in by_value.items() if name != owner))
            own += [((dimension, mine),)] if mine else []
            others += [((dimension, theirs),)] if theirs else []
        if moment.owner == owner:
            found.append(Place(moment.name, (), span.start, span.end, tuple(others)))
        else:
            found += [Place(moment.name, segment, span.start, span.end) for segment in own]
    return found


def under(catalog: Catalog, manager: str) -> list[str]:
    """An owner and everybody who rolls up to them, over as many levels as there are."""
    found = [manager]
    for name in found:
        found += [each.name for each in catalog.owners.values() if each.manager == name and each.name not in found]
    return found


def rolled(reader: Reader, catalog: Catalog, span: Span) -> tuple[list[Roll], list[Roll], list[Roll]]:
    """By owner, by manager (with their own), and by overall expectation; the most customers first."""
    owners, managers, expectations = [], [], []
    for owner in catalog.owners.values():
        mine = owned(catalog, owner.name, span)
        title = owner.title or owner.name
        owners.append(_roll(reader, owner.name, title, mine))
        below = under(catalog, owner.name)
        if len(below) > 1:
            theirs = [place for name in below for place in owned(catalog, name, span)]
            managers.append(_roll(reader, owner.name, title, theirs))
    by_expectation: dict[str, list[str]] = {}
    for moment in catalog.moments.values():
        if moment.expectation and moment.unit == "customers":
            by_expectation.setdefault(moment.expectation, []).append(moment.name)
    for name, of in by_expectation.items():
        expectations.append(_roll(reader, name, name, places(of, span)))
    return _worst(owners), _worst(managers), _worst(expectations)


def _roll(reader: Reader, name: str, title: str, where: Sequence[Place]) -> Roll:
    moments = tuple(dict.fromkeys(place.moment for place in where))
    span = Span(where[0].start, where[0].end) if where else Span(0, 0)
    whole = {place.moment for place in where if not place.segment and not place.but}
    attempts = sum(_totals(reader, moment, span).attempts for moment in moments if moment in whole)
    return Roll(name, title, moments, attempts, reader.harm(where) if where else Impact())


def _worst(rolls: Iterable[Roll]) -> list[Roll]:
    return sorted((each for each in rolls if each.moments), key=lambda each: (-each.impact.customers, each.name))
