"""Computes the week's page from what a store knows by now."""

from collections.abc import Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo

import msgspec

from service.core.catalog import LEVELS, Catalog, Moment
from service.core.counting.changes import Voice
from service.core.event import DAY, Complaint, CustomerChange, Micros, instant
from service.core.interruption import Interruption
from service.core.ports import Reader
from service.core.reporting.affected import Place, affected, all_breaks
from service.core.reporting.carried import carried, most
from service.core.reporting.goalposts import goalposts, said
from service.core.reporting.journeys import Span, promised_to
from service.core.reporting.lead import BASE, about, complaints_clear, first_complaint
from service.core.reporting.repeat import PERIODS, again
from service.core.reporting.report import COUNTS_NOBODY
from service.core.standing import Totals
from service.core.telling.labels import accountable
from service.core.weekly.falling import expected
from service.core.weekly.limits import SPREAD_WEEKS, WEEKS, limits, usual, verdict
from service.core.weekly.page import (
    Chart,
    ChartWeek,
    Customers,
    Due,
    KnownFirst,
    Lead,
    Met,
    MomentWeek,
    Moved,
    OpenOne,
    OwnerWeek,
    Page,
    Promised,
    Repeated,
    Unwell,
    title_of,
)
from service.core.weekly.stories import stories
from service.core.weekly.suggestions import suggestions
from service.core.weekly.unseen import unseen
from service.core.weekly.vital import VitalFew, vital_few
from service.core.weekly.week import Week

CHART_WEEKS = 13
_PROMISES = 26
"""A moment with no promise falling due in so many weeks on either side has none."""


class Asked(msgspec.Struct, frozen=True):
    """Which week, in whose time, and what the settings say: the mission, and the one reporting currency."""

    week: Week
    zone: ZoneInfo
    mission: str = ""
    currency: str = "EUR"
    minor_digits: int = 2


def digest(reader: Reader, catalog: Catalog, asked: Asked, now: Micros) -> Page:
    """The page of a week as known now."""
    return _Digest(reader, catalog, asked, now).page()


class _Digest:
    """One page in the making."""

    def __init__(self, reader: Reader, catalog: Catalog, asked: Asked, now: Micros) -> None:
        self.reader = reader
        self.catalog = catalog
        self.asked = asked
        self.now = now
        self.start = asked.week.start(asked.zone)
        self.end = asked.week.end(asked.zone)
        self._sums: dict[tuple[str, Week], Totals] = {}
        self._complaints: list[Voice] | None = None

    def page(self) -> Page:
        asked = self.asked
        moments = self._moments()
        open_ones = self._open_ones()
        vital = self._vital(moments)
        return Page(
            week=str(asked.week),
            start_at=instant(self.start),
            end_at=instant(self.end),
            as_of=instant(self.now),
            over=self.end <= self.now,
            timezone=asked.zone.key,
            currency=asked.currency,
            minor_digits=asked.minor_digits,
            mission=asked.mission,
            promises=tuple(
                Promised(name, title_of(moment), moment.promise) for name, moment in self._in_order() if moment.promise
            ),
            met=self._met(),
            moments=moments,
            chart=self._chart(moments),
            known_first=self._known_first(),
            vital_few=vital,
            unwell=self._unwell(open_ones),
            customers=self._customers(),
            repeated=self._repeated(),
            owners=self._owners(open_ones),
            due=self._due(),
            stories=stories(self.reader, self.catalog, (self.start, self.end), self.complaints, vital),
            moved=tuple(self._moved()),
            unseen=unseen(self.reader, self._in_order(), (self.start, self.end), self.now),
            suggestions=suggestions(self.reader, self.catalog, self.end),
        )

    # --- what was asked for more than once ---

    @property
    def complaints(self) -> list[Voice]:
        """All that were heard until now, from as far back as tells what is usual."""
        if self._complaints is None:
            self._complaints = self.reader.complaints(None, self.start - BASE, self.now + 1)
        return self._complaints

    def sums(self, moment: str, week: Week) -> Totals:
        """A moment's week in one sum: weeks are not all equally long."""
        found = self._sums.get((moment, week))
        if found is None:
            start, end = week.start(self.asked.zone), week.end(self.asked.zone)
            rows = self.reader.totals(moment, start, end, end - start)
            found = self._sums[moment, week] = rows[0][1] if rows else Totals()
        return found

    def before(self, moment: str, week: Week) -> list[Totals]:
        """The weeks before a week that tell what is usual in it, in order."""
        return [self.sums(moment, week.after(-back)) for back in range(SPREAD_WEEKS, 0, -1)]

    def _in_order(self) -> list[tuple[str, Moment]]:
        """Moments in the customer's order, then those in no journey."""
        names = [
            name
            for journey in self.catalog.journeys.values()
            for stage in journey.stages
            for name in stage.moments
            if name in self.catalog.moments
        ]
        return [(name, self.catalog.moments[name]) for name in dict.fromkeys([*names, *self.catalog.moments])]

    # --- lines ---

    def _met(self) -> tuple[Met, ...]:
        by_unit: dict[str, list[str]] = {}
        for name, moment in self._in_order():
            by_unit.setdefault(moment.unit, []).append(name)
        met = []
        for unit, names in by_unit.items():
            sums = [self.sums(name, self.asked.week) for name in names]
            let_down, _ = self.reader.customers(names, self.start, self.end)
            attempts, broken = sum(s.attempts for s in sums), sum(s.broken for s in sums)
            due = promised_to(self.reader, names, Span(self.start, self.end)) if unit == "customers" else None
            met.append(Met(unit, len(names), attempts, broken, let_down, due))
        # Customers first, then what most of happened.
        return tuple(sorted(met, key=lambda each: (each.unit != "customers", -each.attempts)))

    def _moments(self) -> tuple[MomentWeek, ...]:
        """Worst first: what lies outside its limits, then what broke most beyond the usual."""
        found = [self._moment(name, moment) for name, moment in self._in_order()]
        return tuple(sorted(found, key=lambda each: (each.verdict != "worse", -_excess(each))))

    def _moment(self, name: str, moment: Moment) -> MomentWeek:
        week = self.sums(name, self.asked.week)
        before = self.before(name, self.asked.week)
        known = limits(before, week.attempts)
        return MomentWeek(
            moment=name,
            title=title_of(moment),
            unit=moment.unit,
            attempts=week.attempts,
            broken=week.broken,
            let_down=week.customers,
            share=_share(week),
            usual_share=known.usual if known else usual(before),
            lower=known.lower if known else None,
            upper=known.upper if known else None,
            weeks=sum(totals.attempts > 0 for totals in before),
            verdict=verdict(week, known),
            broken_value_minor=week.broken_value,
            loss_probability=moment.loss_probability,
        )

    def _chart(self, moments: Sequence[MomentWeek]) -> Chart | None:
        if not moments:
            return None
        worst = moments[0]
        weeks = []
        for back in range(CHART_WEEKS - 1, -1, -1):
            week = self.asked.week.after(-back)
            sums = self.sums(worst.moment, week)
            before = self.before(worst.moment, week)
            known = limits(before, sums.attempts)
            weeks.append(
                ChartWeek(
                    week=str(week),
                    monday=week.monday.isoformat(),
                    attempts=sums.attempts,
                    broken=sums.broken,
                    share=_share(sums),
                    usual_share=known.usual if known else usual(before),
                    lower=known.lower if known else None,
                    upper=known.upper if known else None,
                    verdict=verdict(sums, known),
                )
            )
        return Chart(worst.moment, worst.title, tuple(weeks))

    def _vital(self, moments: Sequence[MomentWeek]) -> VitalFew | None:
        if not moments or (moments[0].usual is not None and _excess(moments[0]) <= 0):
            return None
        name = moments[0].moment
        since = self.asked.week.after(-WEEKS).start(self.asked.zone)
        return vital_few(
            name,
            [
                (
                    dimension,
                    self.reader.by_value(name, dimension, self.start, self.end),
                    self.reader.by_value(name, dimension, since, self.start),
                )
                for dimension in self.catalog.moments[name].dimensions
            ],
        )

    def _known_first(self) -> KnownFirst:
        opened = tuple(
            self._lead(row)
            for row in self.reader.interruptions(since=self.start)
            # What only an experiment says is told to nobody, so that it knew nothing first.
            if self.start <= row.detected_at < self.end and row.moment in self.catalog.moments and row.notifies
        )
        if not self.complaints:
            return KnownFirst(opened, heard=False, let_down=0, complained=0)
        broke: dict[str, Micros] = {}
        complained: set[str] = set()
        names = [name for name, moment in self._in_order() if moment.unit == "customers"]
        for name in names or self.catalog.moments:
            mine: dict[str, Micros] = {}
            for row in all_breaks(self.reader, Place(name, (), self.start, self.end)):
                mine.setdefault(row.customer, row.at)
            complained |= {
                customer
                for voice in about(name, self.complaints)
                if (customer := _customer(voice)) in mine and voice.at > mine[customer]
            }
            broke |= mine
        return KnownFirst(opened, heard=True, let_down=len(broke), complained=len(complained))

    def _lead(self, row: Interruption) -> Lead:
        moment = self.catalog.moments[row.moment]
        heard = about(row.moment, self.complaints)
        at = complaints_clear(row.moment, row.segment, heard, self._began(row.moment), row.onset)
        against = "rise" if at is not None else "none"
        if at is None and heard and row.kind not in COUNTS_NOBODY:
            until = max(row.resolved_at or self.now, row.onset)
            at = first_complaint(
                all_breaks(self.reader, Place(row.moment, row.segment, row.onset, until)), heard, row.onset
            )
            against = "first" if at is not None else "none"
        return Lead(
            id=row.id,
            moment=row.moment,
            title=title_of(moment),
            dimensions=row.dimensions,
            opened_at=instant(row.detected_at),
            level=row.level,
            lead_s=None if at is None else (at - row.detected_at) / 1_000_000,
            against="rise" if against == "rise" else "first" if against == "first" else "none",
            most=self._most(row),
        )

    def _began(self, moment: str) -> Micros:
        """The first of the weeks before that holds anything; complaints from before it tell nothing."""
        for back in range(WEEKS, 0, -1):
            week = self.asked.week.after(-back)
            if self.sums(moment, week).attempts:
                return week.start(self.asked.zone)
        return self.start

    def _open_ones(self) -> list[OpenOne]:
        """Open when the week ended, or now while it has not; the worst first."""
        at = min(self.end, self.now + 1)
        rows = [
            row
            for row in self.reader.interruptions(since=at)
            if row.detected_at < at and row.moment in self.catalog.moments and row.notifies and row.state != "withdrawn"
        ]
        rows.sort(key=lambda row: (-LEVELS.index(row.level), row.onset, row.id))
        return [self._open_one(row) for row in rows]

    def _open_one(self, row: Interruption) -> OpenOne:
        moment = self.catalog.moments[row.moment]
        return OpenOne(
            id=row.id,
            moment=row.moment,
            title=title_of(moment),
            dimensions=row.dimensions,
            kind=row.kind,
            level=row.level,
            state=row.state,
            owner=accountable(moment, row.segment, self.catalog).name,
            onset_at=instant(row.onset),
            resolved_at=None if row.resolved_at is None else instant(row.resolved_at),
            most=self._most(row),
        )

    def _most(self, row: Interruption) -> dict[str, list[str]]:
        """Where an interruption of everything was worst, by the week's end."""
        found = carried(self.reader, self.catalog.moments[row.moment], row, min(self.end, self.now + 1))
        return {name: list(values) for name, values in most(found)[0]}

    def _unwell(self, open_ones: Sequence[OpenOne]) -> Unwell:
        counting = [name for name, moment in self._in_order() if moment.unit == "customers"]
        names = [name for name in counting if self._has_promises(name)]
        if not names:
            return Unwell(tuple(open_ones), None, 0)
        places = [Place(name, (), self.start, self.end) for name in names]
        impact = affected(self.reader, places)
        return Unwell(tuple(open_ones), impact.waiting, impact.customers, self.reader.reached(places))

    def _repeated(self) -> tuple[Repeated, ...]:
        """Over all moments; nothing where none counts customers."""
        if not any(moment.unit == "customers" for moment in self.catalog.moments.values()):
            return ()
        found = [again(self.reader, self.catalog, min(self.end, self.now + 1) - 1, days, top=0) for days in PERIODS]
        return tuple(Repeated(each.days, each.base, each.at_least(2), each.at_least(3)) for each in found)

    def _has_promises(self, moment: str) -> bool:
        around = _PROMISES * 7 * DAY
        return self.reader.due(moment, self.start - around, self.end + around)[1] > 0

    def _moved(self) -> Iterator[Moved]:
        for name, moment in self._in_order():
            lines = said(goalposts(self.reader, name, self.start, min(self.end, self.now + 1)))
            if lines:
                yield Moved(name, title_of(moment), tuple(lines))

    def _customers(self) -> Customers | None:
        since = self.asked.week.after(-WEEKS).start(self.asked.zone)
        voices = self.reader.voices("customer", since, self.end)
        if not voices:
            return None
        changes = [v.event for v in voices if v.at >= self.start and isinstance(v.event, CustomerChange)]
        left = {event.customer: event.value for event in changes if event.change == "left"}
        hurt: set[str] = set()
        if left:
            for name in self.catalog.moments:
                rows = all_breaks(self.reader, Place(name, (), since, self.end))
                hurt.update(row.customer for row in rows if row.customer in left)
        unit = 10**self.asked.minor_digits
        # Distinct customers, not events: an event that came twice under two ids is one customer.
        by_change: dict[str, set[str]] = {}
        for event in changes:
            by_change.setdefault(event.change, set()).add(event.customer)
        count: Mapping[str, int] = {change: len(names) for change, names in by_change.items()}
        return Customers(
            joined=count.get("joined", 0),
            left=len(left),
            grew=count.get("grew", 0),
            shrank=count.get("shrank", 0),
            referred=count.get("referred", 0),
            left_value_minor=sum(round((value or 0.0) * unit) for value in left.values()),
            left_let_down=len(hurt),
            weeks=WEEKS,
        )

    def _owners(self, open_ones: Sequence[OpenOne]) -> tuple[OwnerWeek, ...]:
        names = dict.fromkeys(moment.owner for _, moment in self._in_order())
        names |= dict.fromkeys(one.owner for one in open_ones)
        found = []
        for name in names:
            owner = self.catalog.owners.get(name)
            mine = tuple(one for one in open_ones if one.owner == name)
            found.append(OwnerWeek(name, (owner.title if owner else "") or name, owner.team if owner else "", mine))
        return tuple(sorted(found, key=lambda each: -len(each.open)))

    def _due(self) -> tuple[Due, ...] | None:
        after = self.asked.week.after(1)
        start, end = after.start(self.asked.zone), after.end(self.asked.zone)
        found = []
        for name, moment in self._in_order():
            if not self._has_promises(name):
                continue
            still_open, promised = self.reader.due(name, start, end)
            share = _share(self.sums(name, self.asked.week))
            known = usual(self.before(name, self.asked.week))
            misses, worst = expected(self.reader, moment, self.now, (start, end))
            found.append(Due(name, title_of(moment), promised, still_open, known, share, misses, worst))
        return tuple(found) or None


def _share(totals: Totals) -> float | None:
    return totals.broken / totals.attempts if totals.attempts else None


def _excess(week: MomentWeek) -> float:
    """Breaks beyond the usual; none where nobody knows what is usual."""
    return 0.0 if week.usual is None else week.broken - week.usual


def _customer(voice: Voice) -> str | None:
    return voice.event.customer if isinstance(voice.event, Complaint) else None
