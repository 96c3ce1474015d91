"""Two customers' weeks, so that the figures have a face; under names that give nobody away."""

import hashlib
from collections.abc import Sequence

import msgspec

from service.core.catalog import Catalog
from service.core.counting.changes import Break, Voice
from service.core.event import Complaint, Micros, instant
from service.core.ports import Reader
from service.core.reporting.affected import Place, all_breaks
from service.core.weekly.page import Step, Story, title_of
from service.core.weekly.vital import VitalFew

COUNT = 2
_STEPS = 6


class _Customer(msgspec.Struct):
    breaks: list[Break]
    complaints: list[Voice]

    def rank(self, customer: str, vital: VitalFew | None) -> tuple[bool, int, bool, int, str]:
        """Who complained, who was let down most, who stands for the vital few, who lost most; then by chance."""
        few = {share.value for share in vital.few} if vital is not None else set()
        typical = vital is not None and any(
            row.moment == vital.moment and row.dimensions.get(vital.dimension) in few for row in self.breaks
        )
        value = sum(row.value for row in self.breaks)
        return (not self.complaints, -len(self.breaks), not typical, -value, pseudonym(customer))


def stories(
    reader: Reader,
    catalog: Catalog,
    span: tuple[Micros, Micros],
    complaints: Sequence[Voice],
    vital: VitalFew | None,
) -> tuple[Story, ...]:
    """The week of two customers who were let down in [start, end)."""
    start, end = span
    found: dict[str, _Customer] = {}
    for name in catalog.moments:
        for row in all_breaks(reader, Place(name, (), start, end)):
            found.setdefault(row.customer, _Customer([], [])).breaks.append(row)
    for voice in complaints:
        customer = voice.event.customer if isinstance(voice.event, Complaint) else None
        if customer in found and start <= voice.at < end and voice.at > found[customer].breaks[0].at:
            found[customer].complaints.append(voice)
    chosen = sorted(found, key=lambda customer: found[customer].rank(customer, vital))[:COUNT]
    return tuple(_story(catalog, customer, found[customer]) for customer in chosen)


def pseudonym(customer: str) -> str:
    """Six hexadecimal digits: whoever has the id can find them again, whoever has only these cannot go back."""
    return hashlib.sha256(customer.encode()).hexdigest()[:6]


def _story(catalog: Catalog, customer: str, lived: _Customer) -> Story:
    steps = []
    for row in lived.breaks:
        title = title_of(catalog.moments[row.moment])
        steps.append(Step(instant(row.at), "broken", title, row.reason or "", dict(row.dimensions)))
        if row.settled_at is not None:
            steps.append(Step(instant(row.settled_at), "kept_late", title))
    # Neither what they wrote nor to whom: either may name them.
    steps += [Step(instant(voice.at), "complained", "") for voice in lived.complaints]
    steps.sort(key=lambda step: step.at)
    unit = catalog.moments[lived.breaks[0].moment].unit
    return Story(pseudonym(customer), unit, tuple(steps[:_STEPS]))
