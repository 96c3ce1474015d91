"""What moves the goalposts, on a line of its own, so that nobody looks better by it.

How long customers are given is compared with the four weeks before: where it grew, those are counted that the longer
time alone kept, each as if it had been given as much less as promises were on average. New dates and withdrawals are
counted as they were told; the first date is the one that counts whatever came after.
"""

from collections.abc import Mapping

import msgspec

from service.core.counting.ledger import Promised
from service.core.event import DAY, SECOND, Micros
from service.core.ports import Reader
from service.core.terms import READING, Edit

BEFORE: Micros = 28 * DAY
_LEAST = 50
"""With fewer promises on a side nothing is said of how long they were given."""
_LONGER = 1.05
_MOST = 5_000


class Goalposts(msgspec.Struct, frozen=True, gc=False):
    """Of a moment and a span: promises made, seconds given on average, and in the four weeks before; None: too few.

    `by_padding`: of the `looked_at` kept ones due in the span, so many the longer time alone kept. `redated_later`,
    `redated_sooner`: told another day after the first. `kept_by_later`: kept by that day only, counted as broken.
    `cancelled`: withdrawn by the customer, counted as neither. `edits`: changes of the catalogue that let more pass.
    """

    promised: int = 0
    given_s: float | None = None
    usual_s: float | None = None
    by_padding: int = 0
    looked_at: int = 0
    redated_later: int = 0
    redated_sooner: int = 0
    kept_by_later: int = 0
    cancelled: int = 0
    edits: tuple[Edit, ...] = ()

    @property
    def padded(self) -> bool:
        """Customers are given more time than before."""
        return self.given_s is not None and self.usual_s is not None and self.given_s > _LONGER * self.usual_s

    @property
    def moved(self) -> bool:
        """Anything that lifts what counts as kept."""
        return bool(self.padded or self.redated_later or self.cancelled or any(edit.looser for edit in self.edits))


def goalposts(reader: Reader, moment: str, start: Micros, end: Micros) -> Goalposts:
    """Of [start, end), as amended."""
    # What is counted by the day stands at the day's start.
    since = start - start % DAY
    now, before = reader.signals(moment, since, end), reader.signals(moment, since - BEFORE, since)
    given, usual = _mean(now), _mean(before)
    found = Goalposts(
        promised=now.get("promised", 0),
        given_s=given,
        usual_s=usual,
        redated_later=now.get("redated_later", 0),
        redated_sooner=now.get("redated_sooner", 0),
        kept_by_later=now.get("kept_by_later", 0),
        cancelled=sum(totals.cancelled for _, totals in reader.totals(moment, start, end, end - start)),
        edits=tuple(edit for edit in reader.edits(start, end) if edit.moment == moment),
    )
    if not found.padded or given is None or usual is None:
        return found
    kept = [row for row in reader.lives(moment, start, end, limit=_MOST) if _kept(row)]
    by_padding = sum(_late_by_then(row, usual / given) for row in kept)
    return msgspec.structs.replace(found, by_padding=by_padding, looked_at=len(kept))


def _mean(sums: Mapping[str, int]) -> float | None:
    made, given = (sums.get(name, 0) for name in ("promised", "given_s"))
    return given / made if made >= _LEAST else None


def _kept(row: Promised) -> bool:
    return row.kept is not None and row.due is not None and row.kept.at <= row.due


def _late_by_then(row: Promised, share: float) -> bool:
    first, kept = row.first, row.kept
    if first is None or first.due is None or kept is None:
        return False
    return kept.at > first.at + round(share * (first.due - first.at))


def said(it: Goalposts) -> list[str]:
    """Its sentences, worst first; none where nothing was moved."""
    found = []
    if it.padded and it.given_s is not None and it.usual_s is not None:
        more = it.given_s / it.usual_s - 1
        then = f"{_time(it.usual_s)} in the four weeks before ({more:+.0%})"
        line = f"customers are given {_time(it.given_s)} on average, {then}"
        if it.by_padding:
            line += f": about {it.by_padding:,} of {it.looked_at:,} kept would have been late in the time given then"
        found.append(line)
    if it.redated_later:
        kept = f", {it.kept_by_later:,} kept by the later day only, which count as broken" if it.kept_by_later else ""
        found.append(f"{_many(it.redated_later, 'promise was', 'promises were')} given a later day{kept}")
    if it.redated_sooner:
        found.append(f"{_many(it.redated_sooner, 'promise was', 'promises were')} given an earlier day")
    if it.cancelled:
        were = _many(it.cancelled, "was", "were")
        found.append(f"{were} cancelled by customers and count as neither kept nor broken")
    return [*found, *(f"its {each.what} {_became(each)}: {each.was} to {each.now}" for each in it.edits if each.looser)]


def _became(edit: Edit) -> str:
    return "changed" if edit.what == READING else "became looser"


def _many(n: int, one: str, more: str) -> str:
    return f"{n:,} {one if n == 1 else more}"


def _time(seconds: float) -> str:
    days, hours = seconds * SECOND / DAY, seconds / 3600
    if days >= 2:  # noqa: PLR2004  # from two days on people count in days
        return f"{days:.1f} days"
    return f"{hours:.1f} hours" if hours >= 2 else f"{seconds / 60:.0f} minutes"  # noqa: PLR2004  # the same of hours
