"""What a journey says of causes: trouble in an earlier stage hides what it brings about in the later ones.

Declared routes say it for any two moments by `inhibit_rules`; a journey says it by its order alone, and can say that
it does not (`upstream_inhibits: false`). Hidden is only what the earlier stage can explain: as bad at most, of the
same segment or of one inside, and not known before the trouble above began.
"""

from collections.abc import Iterable

from service.core.catalog import LEVELS, Catalog, Level
from service.core.interruption import Interruption, Segment


def upstream_of(catalog: Catalog, moment: str) -> frozenset[str]:
    """The moments of earlier stages of the journeys that a moment is in."""
    found: set[str] = set()
    for journey in catalog.journeys.values():
        before: set[str] = set()
        for stage in journey.stages if journey.upstream_inhibits else ():
            if moment in stage.moments:
                found |= before
            before |= set(stage.moments)
    return frozenset(found - {moment})


def explains(above: Interruption, below: Interruption, levels: tuple[Level, Level]) -> bool:
    """Whether trouble upstream can be what is seen below; `levels`: of both, in this order."""
    return (
        above.is_open
        and above.state != "stale"
        and above.notifies
        and LEVELS.index(levels[0]) >= LEVELS.index(levels[1])
        and above.onset <= below.detected_at
        and _covers(above.segment, below.segment)
    )


def _covers(whole: Segment, part: Segment) -> bool:
    inside = dict(part)
    return all(set(inside.get(name, ())) and set(inside[name]) <= set(values) for name, values in whole)


def moments_above(catalog: Catalog, moments: Iterable[str]) -> frozenset[str]:
    """Every moment upstream of any of some."""
    return frozenset().union(*(upstream_of(catalog, moment) for moment in set(moments)))
