"""Stretches of which records are missing: a moment is neither judged there nor learned."""

from collections.abc import Iterable, Sequence

from service.core.catalog import Catalog
from service.core.counting.changes import Gap
from service.core.event import Micros

Span = tuple[Micros, Micros]
"""[since, until)."""


def unseen(gaps: Iterable[Gap], catalog: Catalog, moment: str) -> list[Span]:
    """Those of a moment: what is missing of any topic that carries it."""
    topics = {source.topic for source in catalog.sources_of(moment)}
    mine = [gap for gap in gaps if not topics or gap.partition.topic in topics]
    return [span for gap in mine if (span := gap.hides) is not None]


def touch(spans: Sequence[Span], start: Micros, end: Micros) -> bool:
    """Whether [start, end) is part of what nobody saw; a span of no length touches what it lies in."""
    return any(since < end and start < max(until, since + 1) for since, until in spans)
