"""A silence that is about to end: whom that concerns, and what they are told."""

from collections.abc import Iterable, Sequence

from service.core.catalog import Catalog, Moment, Owner
from service.core.event import Micros
from service.core.interruption import Interruption
from service.core.telling.desk import Group
from service.core.telling.labels import labels_of, matches, spell
from service.core.telling.message import Facts, Words, lasting, plain, when
from service.core.telling.silence import Silence

_KNOWN = frozenset({"moment", "owner", "team", "unit", "journey", "stage"})
"""Labels that are the same for everything of a moment."""


def due(silences: Iterable[Silence], now: Micros) -> list[Silence]:
    """Those of which people are to be reminded by now."""
    return [
        one
        for one in silences
        if one.remind and one.is_active(now) and not one.ended_by and now >= one.ends - one.remind
    ]


def concerned(silence: Silence, catalog: Catalog) -> list[Owner]:
    """Its author, where that is an owner; else whoever is accountable for what it may keep from being told."""
    author = catalog.owners.get(silence.author)
    if author is not None:
        return [author]
    found = [
        name
        for moment in catalog.moments.values()
        for name in _owners(moment)
        if name in catalog.owners and _may_match(silence, moment, catalog.owners[name], catalog)
    ]
    return [catalog.owners[name] for name in dict.fromkeys(found)]


def _owners(moment: Moment) -> list[str]:
    return [moment.owner, *(name for by in moment.owner_by.values() for name in by.values())]


def _may_match(silence: Silence, moment: Moment, owner: Owner, catalog: Catalog) -> bool:
    some = Interruption("", moment.name, (), "failure_rate", (), None, "low", "open", 0, 0, 0)
    labels = labels_of(some, catalog) | {"owner": owner.name, "team": owner.team}
    known = _KNOWN | moment.labels.keys()
    return matches((one for one in silence.matchers if one.label in known), labels)


def reminder(silence: Silence, owner: Owner, groups: Iterable[Group], now: Micros) -> Words:
    """What its author is told while there is time to make it longer, or to be glad that it ends."""
    facts = Facts(now, zone=owner.zone)
    spelled: Sequence[str] = [plain(spell(matcher), 80) for matcher in silence.matchers]
    held = {identity for group in groups for identity, member in group.members.items() if member.held == "silenced"}
    named = "MAINTENANCE ENDS" if silence.kind == "maintenance" else "SILENCE ENDS"
    lines = [
        f"{', '.join(spelled)}: kept quiet by {plain(silence.author, 80)} since {when(silence.starts, facts)}.",
        f"Until {when(silence.ends, facts)}. The reason given: {plain(silence.reason, 200)}",
        f"{len(held):,} open and not told: whoever is accountable hears of it then."
        if held
        else "Nothing is held back now.",
    ]
    return Words(f"{named} · in {lasting(silence.ends - now)} · {', '.join(spelled)}"[:200], tuple(lines))
