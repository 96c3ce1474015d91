"""An interruption as `backtest` prints it: one flat object with its counts, its money and who knew first."""

from collections.abc import Sequence

import msgspec

from service.core.catalog import Moment
from service.core.counting.changes import Voice
from service.core.event import Micros, rfc3339
from service.core.interruption import Impact, Interruption
from service.core.ports import Reader
from service.core.reporting.lead import FOLLOW, about, complaints_clear, first_complaint

COUNTS_NOBODY = {"silence", "volume"}
"""What is seen of these is that events are missing: there is nobody to count."""
MANY = 1_000_000


class Line(msgspec.Struct, frozen=True, gc=False):
    """The contract's fields, in its order."""

    id: str
    moment: str
    kind: str
    kinds: list[str]
    rule: str | None
    level: str
    dimensions: dict[str, list[str]]
    onset_at: str
    detected_at: str
    resolved_at: str | None
    broken: int
    customers_affected: int
    value_at_risk: float
    first_complaint_at: str | None
    complaints_clear_at: str | None
    lead_s: float | None
    lead_clear_s: float | None


class Span(msgspec.Struct, frozen=True, gc=False):
    """The time that the data covers."""

    began: Micros
    end: Micros


def lines(reader: Reader, moments: dict[str, Moment], span: Span, minor_digits: int = 2) -> list[Line]:
    """Every interruption, in order of detection."""
    found = []
    complaints: dict[str, list[Voice]] = {}
    for row in reader.interruptions():
        if row.moment not in moments:
            continue
        if row.moment not in complaints:
            complaints[row.moment] = about(row.moment, reader.complaints(None, span.began, span.end))
        found.append(_line(reader, moments[row.moment], row, span, complaints[row.moment], minor_digits))
    return found


def _line(
    reader: Reader,
    moment: Moment,
    row: Interruption,
    span: Span,
    complaints: Sequence[Voice],
    minor_digits: int,
) -> Line:
    end = row.resolved_at or span.end
    impact = Impact()
    first = None
    if row.kind not in COUNTS_NOBODY:
        impact = reader.impact(row.moment, row.segment, row.onset, end)
        breaks = reader.breaks(row.moment, row.segment, row.onset, end, limit=MANY)
        first = first_complaint(breaks, complaints, row.onset)
    heard = [voice for voice in complaints if voice.at < end + FOLLOW]
    clear = complaints_clear(row.moment, row.segment, heard, span.began, row.onset)
    share = 1.0 if moment.loss_probability is None else moment.loss_probability
    return Line(
        id=row.id,
        moment=row.moment,
        kind=row.kind,
        kinds=list(row.kinds),
        rule=row.rule,
        level=row.level,
        dimensions=row.dimensions,
        onset_at=rfc3339(row.onset),
        detected_at=rfc3339(row.detected_at),
        resolved_at=_time(row.resolved_at),
        broken=impact.broken,
        customers_affected=impact.customers,
        value_at_risk=round(impact.value / 10**minor_digits * share, minor_digits),
        first_complaint_at=_time(first),
        complaints_clear_at=_time(clear),
        lead_s=_seconds(first, row.detected_at),
        lead_clear_s=_seconds(clear, row.detected_at),
    )


def _time(at: Micros | None) -> str | None:
    return None if at is None else rfc3339(at)


def _seconds(at: Micros | None, since: Micros) -> float | None:
    return None if at is None else (at - since) / 1_000_000
