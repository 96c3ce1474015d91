"""Why an interruption's news may not be sent now: inhibited, silenced, muted, off duty; each with its detail."""

from collections.abc import Collection, Mapping, Sequence
from typing import Literal

import msgspec

from service.core.catalog import LEVELS, Catalog, Level, Owner
from service.core.event import MINUTE, SECOND, Micros, rfc3339
from service.core.handling import UNTOUCHED, Handling
from service.core.interruption import Interruption
from service.core.routes import Inhibition, Route
from service.core.telling.desk import Held
from service.core.telling.hours import next_within, within
from service.core.telling.labels import Labels, labels_of, matches
from service.core.telling.silence import Silence, silencing
from service.core.telling.upstream import explains, upstream_of

PATIENCE: Micros = MINUTE
"""So long what is found below waits for the stages above to be judged as far."""
AGAIN: Micros = 15 * SECOND
"""How soon what hides something is looked at again where nothing says how long it will."""


class World:
    """What a turn of routing looks at besides its own memory, with what follows from it computed once.

    `open`: every open interruption. `handlings`: by interruption, of those that somebody touched. `noise`: pages
    of the last 30 days that were marked as noise, by owner. `keeps`: targets with incidents of their own. `judged`:
    how far the moments are judged that stand upstream of what is told.
    """

    def __init__(
        self,
        now: Micros,
        catalog: Catalog,
        open: Sequence[Interruption] = (),  # noqa: A002  # the field's word
        silences: Sequence[Silence] = (),
        handlings: Mapping[str, Handling] | None = None,
        noise: Mapping[str, int] | None = None,
        *,
        keeps: Collection[str] = (),
        judged: Mapping[str, Micros | None] | None = None,
    ) -> None:
        self.now = now
        self.catalog = catalog
        self.open = {one.id: one for one in open}
        self.silences = silences
        self.noise = noise or {}
        self.keeps = keeps
        self.judged = judged or {}
        self._by_moment: dict[str, list[Interruption]] | None = None
        self._handlings = handlings or {}
        self._labels: dict[str, Labels] = {}
        self._sources: dict[Inhibition, dict[tuple[str, ...], Interruption]] = {}

    def handling(self, identity: str) -> Handling:
        """What people did with an interruption."""
        return self._handlings.get(identity, UNTOUCHED)

    def level(self, it: Interruption) -> Level:
        """The level that somebody gave it, else the judged one."""
        return self.handling(it.id).level or it.level

    def labels(self, it: Interruption) -> Labels:
        """An interruption's labels as it stands now."""
        found = self._labels.get(it.id)
        if found is None or found["level"] != self.level(it):
            found = self._labels[it.id] = labels_of(it, self.catalog, self.handling(it.id).level)
        return found

    def inhibitor(self, rule: Inhibition, labels: Labels) -> Interruption | None:
        """An open interruption that hides by a rule what has these labels."""
        if rule not in self._sources:
            found = self._sources[rule] = {}
            for one in self.open.values():
                theirs = self.labels(one)
                if self.handling(one.id).resolved_at is None and matches(rule.source, theirs):
                    found.setdefault(_values(rule, theirs), one)
        return self._sources[rule].get(_values(rule, labels))

    def upstream(self, it: Interruption) -> Interruption | None:
        """An open interruption of an earlier stage that explains one; the worst."""
        above = upstream_of(self.catalog, it.moment)
        if not above:
            return None
        if self._by_moment is None:
            self._by_moment = {}
            for one in self.open.values():
                self._by_moment.setdefault(one.moment, []).append(one)
        found = [
            one
            for moment in above
            for one in self._by_moment.get(moment, ())
            if self.handling(one.id).resolved_at is None and explains(one, it, (self.level(one), self.level(it)))
        ]
        return max(found, key=lambda one: (LEVELS.index(self.level(one)), one.id), default=None)


def _values(rule: Inhibition, labels: Labels) -> tuple[str, ...]:
    return tuple(labels.get(name, "") for name in rule.equal)


class Hold(msgspec.Struct, frozen=True, gc=False):
    """Not now: why, in detail, and when to look again."""

    reason: Held
    detail: str
    until: Micros


About = Literal["first", "again", "end"]
"""Of something that nobody was told of yet; of what they know; that it is over, of which they were told."""


def hold(it: Interruption, route: Route, owner: Owner | None, world: World, *, about: About) -> Hold | None:
    """Why news of an interruption must wait; None: it may go out.

    Silences and inhibition do not keep an end from those who were told of the beginning. `owner`: whoever is on duty
    or not; None where a target is told directly.
    """
    if about != "end":
        found = _inhibited(it, world) or _silenced(it, world)
        if found is None and about == "first":
            found = _awaiting(it, world)
        if found is not None:
            return found
    return _muted(route, world.now) or _off_duty(world.level(it), owner, world.now)


def _inhibited(it: Interruption, world: World) -> Hold | None:
    labels = world.labels(it)
    for rule in world.catalog.inhibitions:
        # What is a source itself is the trouble, not its shadow: two of them must not hide one another.
        if not matches(rule.target, labels) or matches(rule.source, labels):
            continue
        source = world.inhibitor(rule, labels)
        if source is not None:
            return Hold("inhibited", f"by {source.moment}, interruption {source.id}", world.now + AGAIN)
    above = world.upstream(it)
    if above is None:
        return None
    return Hold("inhibited", f"by {above.moment} upstream, interruption {above.id}", world.now + AGAIN)


def _awaiting(it: Interruption, world: World) -> Hold | None:
    """What stands upstream may be about to open with it: each moment is judged by itself, a moment sooner or later."""
    until = it.detected_at + PATIENCE
    if world.now >= until:
        return None
    behind = sorted(
        moment
        for moment in upstream_of(world.catalog, it.moment)
        if moment in world.judged and (world.judged[moment] or 0) < it.opened
    )
    if not behind:
        return None
    return Hold("awaiting_upstream", f"{behind[0]} is not judged so far yet", min(until, world.now + SECOND))


def _silenced(it: Interruption, world: World) -> Hold | None:
    silence = silencing(world.silences, world.labels(it), world.now)
    if silence is None:
        return None
    detail = f"by {silence.author} until {rfc3339(silence.ends)}: {silence.reason}"
    # It may be ended early.
    return Hold("silenced", detail, min(silence.ends, world.now + 4 * AGAIN))


def _muted(route: Route, now: Micros) -> Hold | None:
    for name, intervals in route.mute:
        if within(intervals, now):
            return Hold("muted", f"by {name} of route {route.path}", now + 4 * AGAIN)
    if route.active and not any(within(intervals, now) for _, intervals in route.active):
        names = ", ".join(name for name, _ in route.active)
        again = min((at for _, i in route.active if (at := next_within(i, now)) is not None), default=now + 4 * AGAIN)
        return Hold("muted", f"outside {names} of route {route.path}", again)
    return None


def _off_duty(level: Level, owner: Owner | None, now: Micros) -> Hold | None:
    if owner is None or level == "critical" or not owner.service_hours or within(owner.service_hours, now):
        return None
    again = next_within(owner.service_hours, now)
    detail = f"{owner.name} is on duty again {'at ' + rfc3339(again) if again is not None else 'at no time to come'}"
    return Hold("off_duty", detail, now + 4 * AGAIN if again is None else again)
