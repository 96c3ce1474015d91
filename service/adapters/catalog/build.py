"""Makes the core's frozen catalogue of checked objects."""

from collections.abc import Sequence
from typing import Literal

from service.adapters.catalog import interval, route, working
from service.adapters.catalog.crosscheck import of_kind
from service.adapters.catalog.entry import Entry
from service.adapters.catalog.models import JourneySpec, MomentSpec, OwnerSpec, SourceSpec, TargetSpec
from service.adapters.catalog.route import RouteSpec
from service.adapters.catalog.rule import AskedSpec, DetectSpec, RuleSpec
from service.adapters.catalog.working import CalendarSpec, DeadlineSpec
from service.core import catalog as core
from service.core.event import micros
from service.core.routes import TimeInterval


def build(entries: Sequence[Entry]) -> core.Catalog:
    """The catalogue, each kind by name in the order of the files."""
    return core.Catalog(
        owners={e.name: _owner(e, s) for e, s in of_kind(entries, OwnerSpec)},
        targets={e.name: _target(e, s) for e, s in of_kind(entries, TargetSpec)},
        moments={e.name: _moment(e, s, entries) for e, s in of_kind(entries, MomentSpec)},
        journeys={e.name: _journey(e, s) for e, s in of_kind(entries, JourneySpec)},
        sources={e.name: _source(e, s) for e, s in of_kind(entries, SourceSpec)},
        rules={e.name: _rule(e, s) for e, s in of_kind(entries, RuleSpec)},
        routes=tuple(route.build(e.name, s) for e, s in of_kind(entries, RouteSpec)),
        inhibitions=tuple(one for _, s in of_kind(entries, RouteSpec) for one in route.inhibitions(s)),
    )


def _owner(entry: Entry, spec: OwnerSpec) -> core.Owner:
    return core.Owner(
        name=entry.name,
        title=entry.metadata.title,
        team=spec.team,
        manager=spec.manager,
        targets=tuple(spec.targets),
        page_budget=spec.page_budget,
        service_hours=tuple(interval.build(one, spec.time_zone) for one in spec.service_hours),
        zone=spec.time_zone,
        escalation=route.escalation(spec.escalation),
        shifts=_shifts(spec),
    )


def _shifts(spec: OwnerSpec) -> tuple[TimeInterval, ...]:
    """What begins a shift; where nobody says, being on duty does."""
    if spec.shifts is None:
        return tuple(interval.build(one, spec.time_zone) for one in spec.service_hours)
    begins = [interval.minutes(one) for one in spec.shifts]
    return tuple(TimeInterval(((begin, begin + 1),), zone=spec.time_zone) for begin in begins)


def _target(entry: Entry, spec: TargetSpec) -> core.Target:
    file = spec.url.file
    if file is not None:
        file = str(entry.document.folder / file)
    return core.Target(name=entry.name, url_file=file, url_env=spec.url.env, page=spec.page)


def _moment(entry: Entry, spec: MomentSpec, entries: Sequence[Entry]) -> core.Moment:
    return core.Moment(
        name=entry.name,
        owner=spec.owner,
        title=entry.metadata.title,
        promise=spec.promise,
        unit=spec.unit,
        owner_by=spec.owner_by,
        objectives=tuple(core.Objective(o.target, o.window) for o in spec.objectives),
        deadline=_deadline(spec.deadline, entries) if spec.deadline else None,
        give_up_after=spec.give_up_after,
        dimensions=tuple(spec.dimensions),
        loss_probability=spec.value.loss_probability if spec.value else None,
        value_basis=spec.value.basis if spec.value else "orders",
        expectation=spec.expectation or "",
        handoff=core.Handoff(spec.handoff.giver, spec.handoff.taker) if spec.handoff else None,
        false_alarm_interval=spec.false_alarm_interval,
        completeness_delay=spec.completeness_delay,
        window=spec.window,
        runbook_url=spec.runbook_url,
        cold_start=spec.cold_start,
        known_events=_known(entry.name, entries),
        sources=tuple(spec.sources),
        labels=entry.metadata.labels,
        annotations=entry.metadata.annotations,
    )


def _deadline(spec: DeadlineSpec, entries: Sequence[Entry]) -> core.Deadline:
    calendar = next((s for e, s in of_kind(entries, CalendarSpec) if e.name == spec.calendar), None)
    return core.Deadline(spec.after, working.build(calendar) if calendar else None, spec.time_zone)


def _known(moment: str, entries: Sequence[Entry]) -> tuple[core.KnownEvent, ...]:
    """What calendars say that concerns a moment."""
    found = [
        core.KnownEvent(event.title, micros(event.start), micros(event.until), event.factor)
        for _, spec in of_kind(entries, CalendarSpec)
        if not spec.moments or moment in spec.moments
        for event in spec.events
    ]
    return tuple(sorted(found, key=lambda event: (event.start, event.end, event.title)))


def _journey(entry: Entry, spec: JourneySpec) -> core.Journey:
    stages = tuple(core.Stage(s.name, s.title, s.executive, tuple(s.moments)) for s in spec.stages)
    return core.Journey(entry.name, entry.metadata.title, spec.goal, stages, spec.upstream_inhibits)


def _source(entry: Entry, spec: SourceSpec) -> core.Source:
    return core.Source(
        name=entry.name,
        topic=spec.topic,
        clock=spec.clock,
        lateness=spec.lateness,
        allowed_skew=spec.allowed_skew,
        mapping=spec.mapping,
        constants=spec.constants,
        events=tuple(core.Meaning(each.when, *each.told, each.mapping) for each in spec.events),
        blind_above=spec.blind_above,
    )


def _rule(entry: Entry, spec: RuleSpec) -> core.Rule:
    return core.Rule(
        name=entry.name,
        moments=tuple(spec.watched()),
        detect=tuple(_detect(d) for d in spec.detect.any),
        hold=spec.hold,
        keep_firing=spec.keep_firing,
        group_by=tuple(spec.group_by),
        level=spec.level,
        status=spec.status,
        title=entry.metadata.title,
        labels=entry.metadata.labels,
        annotations=entry.metadata.annotations,
    )


def _detect(spec: DetectSpec) -> core.Detect:
    if (burn := spec.burn_rate) is not None:
        return core.BurnRate(burn.objective, tuple(core.BurnWindow(w.long, w.short, w.factor) for w in burn.page))
    if (threshold := spec.threshold) is not None:
        return core.Threshold(
            signal=threshold.signal,
            op=threshold.op,
            value=threshold.value,
            window=threshold.window,
            min_count=threshold.min_count,
        )
    if (overdue := spec.overdue) is not None:
        return core.Standing("overdue", overdue.gte)
    if (streak := spec.streak) is not None:
        return core.Standing("streak", streak.broken)
    if (complaints := spec.complaints) is not None:
        return core.Threshold("complaints", ">=", complaints.gte, complaints.within)
    return _asked(spec)


def _asked(spec: DetectSpec) -> core.Asked:
    if (volume := spec.volume) is not None:
        demands = (volume.min_ratio, volume.min_count, volume.cold_start)
        return core.Asked("volume", volume.detector, volume.parameters, volume.direction, *demands)
    if (silence := spec.silence) is not None:
        return core.Asked("silence", cold_start=silence.cold_start)
    if (value := spec.value) is not None:
        return core.Asked("value", cold_start=value.cold_start)
    asked: tuple[tuple[Literal["failure_rate", "duration"], AskedSpec | None], ...] = (
        ("failure_rate", spec.failure_rate),
        ("duration", spec.duration),
    )
    for kind, one in asked:
        if one is not None:
            return core.Asked(
                kind, min_ratio=one.min_ratio, min_count=one.min_count, cold_start=one.cold_start, direction="up"
            )
    raise AssertionError("the model lets no empty entry through")
