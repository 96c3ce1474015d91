"""What speaks for an interruption: expected and seen, since when, which segments and pairs carry it, how sure."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations

import msgspec

from service.core.catalog import Moment
from service.core.counting.tally import Values, Window
from service.core.event import DAY, Annotation, Micros, rfc3339
from service.core.interruption import Interruption
from service.core.judging.level import cells_of
from service.core.ports import Reader
from service.core.reporting.carried import Hit, carried

BASE: Micros = 28 * DAY
"""What came in so long before the onset is what is usual."""
LOOK_BACK: Micros = 7 * DAY
"""An onset is looked for up to so long before the one that was found."""
NEAR: Micros = DAY
"""What was done so long before the onset is shown beside it."""
_MOST = 5
_LITTLE = 0.1
"""What has less of the excess than this times the worst carries none of it."""
_WEEK: Micros = 7 * DAY
_OF_BREAKS = {"failure_rate", "overdue", "due_soon", "rule", "value"}
"""Kinds that broken promises are the evidence of; where others stand alone, no segment's breaks carry them."""
_OF_ARRIVALS = {"silence", "volume"}
_INTERVAL = 1.92
"""Half the 95 % quantile of chi square with one degree of freedom: as likely as that are the onsets in the interval."""

_OVER = 6.0
"""What makes an onset e to so much less likely lies between two breaks: the search ends there."""

Windows = Sequence[Window]
Judged = Callable[[Micros | None, Micros], Iterable[Window]]
"""Gives the moment's windows from one time, or from the first, to another, as judged."""


class Share(msgspec.Struct, frozen=True, gc=False):
    """Part of the moment, from onset to the end: what was seen, and what would be usual for so many.

    `where`: values by dimension; empty for everything. `excess`: broken beyond the usual.
    """

    where: dict[str, str]
    attempts: int
    broken: int
    usual: float
    excess: float


class Arrivals(msgspec.Struct, frozen=True, gc=False):
    """Events from onset to opening, and how many came in the same hours of the weeks before, in the mean."""

    seen: int
    usual: float


class Onset(msgspec.Struct, frozen=True, gc=False):
    """Since when: the most likely beginning, and the earliest and latest that are nearly as likely.

    `likelier`: the natural logarithm of how much likelier what was seen until the opening is with the change than
    without.
    """

    at: str
    earliest: str
    latest: str
    likelier: float


class Note(msgspec.Struct, frozen=True, gc=False):
    """Something that was done about then."""

    at: str
    title: str


class Evidence(msgspec.Struct, frozen=True, gc=False):
    """Everything that `explain` says of an interruption.

    `expected`, `seen`: of the signal that opened it, at the opening. `inside`, `elsewhere`: from onset to the end or
    until now. `shares`: single values with the largest excess, `pairs`: the same of two dimensions; none where breaks
    are no part of the evidence. `arrivals`: where events that did not come are. `found`: each kind of evidence with the
    time it was known. `false_alarm_days`: how rare a false alarm of this moment was promised to be; None for a rule,
    which stands outside of that promise. `not_stated`: what of it no value of a dimension is known of, by dimension:
    shown beside the segments, and never one of them. `hit`: of an interruption of everything, the values that broke
    clearly more than their own past, those first that broke more than the rest did as well.
    """

    id: str
    moment: str
    kind: str
    kinds: list[str]
    rule: str | None
    level: str
    state: str
    dimensions: dict[str, list[str]]
    detected_at: str
    resolved_at: str | None
    expected: float | None
    seen: float | None
    onset: Onset | None
    onset_at: str
    inside: Share
    elsewhere: Share
    arrivals: Arrivals | None
    shares: list[Share]
    pairs: list[Share]
    not_stated: dict[str, Share]
    hit: list[Hit]
    reasons: dict[str, int]
    found: list[Note]
    notes: list[Note]
    false_alarm_days: float | None


def evidence_of(reader: Reader, judged: Judged, moment: Moment, it: Interruption, now: Micros) -> Evidence:
    """Read the evidence for one interruption; figures are as judged."""
    end = min(it.resolved_at or now, now)
    before = list(judged(it.onset - BASE, it.onset))
    since = list(judged(it.onset, end))
    chosen = cells_of(it.segment, moment.dimensions)
    usual = _rate(before, lambda _: True, 0.5)
    inside_rate = _rate(before, chosen, usual)
    attempts, broken = _counts(since, chosen)
    all_attempts, all_broken = _counts(since, lambda _: True)
    breaks = reader.breaks(moment.name, it.segment, it.onset, end, limit=100_000)
    reasons: dict[str, int] = {}
    for row in breaks:
        if row.reason:
            reasons[row.reason[:80]] = reasons.get(row.reason[:80], 0) + 1
    return Evidence(
        id=it.id,
        moment=it.moment,
        kind=it.kind,
        kinds=list(it.kinds),
        rule=it.rule,
        level=it.level,
        state=it.state,
        dimensions=it.dimensions,
        detected_at=rfc3339(it.detected_at),
        resolved_at=None if it.resolved_at is None else rfc3339(it.resolved_at),
        expected=it.expected,
        seen=it.seen,
        onset=_onset(judged, moment, it, inside_rate),
        onset_at=rfc3339(it.onset),
        inside=_share({}, attempts, broken, inside_rate),
        elsewhere=_share(
            {},
            all_attempts - attempts,
            all_broken - broken,
            _rate(before, lambda values: not chosen(values), usual),
        ),
        arrivals=_arrivals(before, since, it, chosen) if _OF_ARRIVALS & set(it.kinds) else None,
        shares=_largest(moment, before, since, 1, usual, chosen) if _OF_BREAKS & set(it.kinds) else [],
        pairs=_largest(moment, before, since, 2, usual, chosen) if _OF_BREAKS & set(it.kinds) else [],
        not_stated=_not_stated(moment, before, since, usual),
        hit=list(carried(reader, moment, it, now)),
        reasons=dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))[:_MOST]),
        found=[
            Note(rfc3339(entry.at), entry.note or it.kind)
            for entry in reader.timeline(it.id)
            if entry.what in {"opened", "evidence"}
        ],
        notes=[
            Note(rfc3339(event.start), f"{event.title}, until {rfc3339(event.end)}")
            for event in moment.known_events
            if event.start < it.detected_at and it.onset - NEAR < event.end
        ]
        + [
            Note(rfc3339(voice.at), voice.event.title[:200])
            for voice in reader.voices("annotation", it.onset - NEAR, it.detected_at)
            if isinstance(voice.event, Annotation) and voice.event.moment in {None, moment.name}
        ],
        false_alarm_days=None if it.rule else moment.false_alarm_interval / DAY,
    )


def _share(where: dict[str, str], attempts: int, broken: int, rate: float) -> Share:
    usual = attempts * rate
    return Share(where, attempts, broken, round(usual, 3), round(broken - usual, 3))


def _counts(windows: Windows, chosen: Callable[[Values], bool]) -> tuple[int, int]:
    attempts = broken = 0
    for window in windows:
        for values, cell in window.cells.items():
            if chosen(values):
                attempts += cell.attempts
                broken += cell.broken
    return attempts, broken


def _rate(windows: Windows, chosen: Callable[[Values], bool], guess: float) -> float:
    """The share that broke, with two attempts at a guess, so that little history is no certainty."""
    attempts, broken = _counts(windows, chosen)
    return (broken + 2.0 * guess) / (attempts + 2.0)


def _onset(judged: Judged, moment: Moment, it: Interruption, rate: float) -> Onset | None:
    """The beginning from which a changed rate explains the breaks best, by the likelihood of Bernoulli trials."""
    if not {"failure_rate", "overdue", "rule"} & set(it.kinds):
        return None
    chosen = cells_of(it.segment, moment.dimensions)
    windows = list(judged(it.onset - LOOK_BACK, it.opened))
    attempts = broken = 0
    scores: list[tuple[float, Micros]] = []
    best = 0.0, 0
    for window in reversed(windows):
        tried, broke = _counts([window], chosen)
        attempts, broken = attempts + tried, broken + broke
        if tried:
            scores.append((_gain(attempts, broken, rate), window.start))
            best = max(best, scores[-1])
            if scores[-1][0] < best[0] - _OVER:
                break
    if best[0] <= 0.0:
        return None
    alike = [at for gain, at in scores if gain >= best[0] - _INTERVAL]
    return Onset(rfc3339(best[1]), rfc3339(min(alike)), rfc3339(max(alike)), round(best[0], 2))


def _gain(attempts: int, broken: int, rate: float) -> float:
    """Log likelihood of the best rate above the usual one, over that of the usual."""
    seen = broken / attempts
    if seen <= rate or not 0.0 < rate < 1.0:
        return 0.0
    kept = attempts - broken
    return broken * math.log(seen / rate) + (kept * math.log((1.0 - seen) / (1.0 - rate)) if kept else 0.0)


def _largest(
    moment: Moment, before: Windows, since: Windows, together: int, usual: float, chosen: Callable[[Values], bool]
) -> list[Share]:
    """The values, or pairs of them, with the most breaks inside beyond what is usual for them there."""
    found: list[Share] = []
    for names in combinations(range(len(moment.dimensions)), together):
        past, present = _by_values(before, names, chosen), _by_values(since, names, chosen)
        for values, (attempts, broken) in present.items():
            tried, broke = past.get(values, (0, 0))
            where = {moment.dimensions[name]: value for name, value in zip(names, values, strict=True)}
            found.append(_share(where, attempts, broken, (broke + 2.0 * usual) / (tried + 2.0)))
    worst = sorted(
        (share for share in found if share.excess > 0.0), key=lambda share: (-share.excess, str(share.where))
    )
    return [share for share in worst[:_MOST] if share.excess >= _LITTLE * worst[0].excess]


def _arrivals(before: Windows, since: Windows, it: Interruption, chosen: Callable[[Values], bool]) -> Arrivals | None:
    """What came until it opened, and what did in the same hours one to four weeks before; None without a week."""
    long = it.opened - it.onset
    weeks = int((it.onset - before[0].start) // _WEEK) if before else 0
    if not weeks:
        return None
    usual = sum(
        _came(window, chosen)
        for window in before
        if (back := (it.onset - window.start + _WEEK - 1) // _WEEK) <= weeks
        and window.end <= it.onset - back * _WEEK + long
    )
    return Arrivals(sum(_came(window, chosen) for window in since if window.end <= it.opened), round(usual / weeks, 1))


def _came(window: Window, chosen: Callable[[Values], bool]) -> int:
    return sum(cell.arrivals for values, cell in window.cells.items() if chosen(values))


def _not_stated(moment: Moment, before: Windows, since: Windows, usual: float) -> dict[str, Share]:
    """What is known of no value, by dimension, where there is any."""
    found: dict[str, Share] = {}
    for index, name in enumerate(moment.dimensions):

        def blank(values: Values, index: int = index) -> bool:
            return values[index] is None

        attempts, broken = _counts(since, blank)
        if attempts:
            found[name] = _share({}, attempts, broken, _rate(before, blank, usual))
    return found


def _by_values(
    windows: Iterable[Window], names: Sequence[int], chosen: Callable[[Values], bool]
) -> Mapping[tuple[str, ...], tuple[int, int]]:
    sums: dict[tuple[str, ...], tuple[int, int]] = {}
    for window in windows:
        for values, cell in window.cells.items():
            stated = [value for name in names if (value := values[name]) is not None]
            if len(stated) == len(names) and chosen(values):
                attempts, broken = sums.get(tuple(stated), (0, 0))
                sums[tuple(stated)] = (attempts + cell.attempts, broken + cell.broken)
    return sums
