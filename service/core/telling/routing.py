"""The routing desk's turn: news in, dispatches and decisions out, by Alertmanager's words; pure, on the wall clock."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from service.core.catalog import LEVELS, Owner
from service.core.interruption import Interruption
from service.core.routes import ROOT, Escalation, Route
from service.core.telling.desk import Decision, Desk, Dispatch, Group, Held, Item, Member, News, Reason
from service.core.telling.receivers import awake, named, still_there, targets_of
from service.core.telling.tree import every, group_key, group_labels, nodes_of
from service.core.telling.verdict import About, World, hold

_ENDS = {"resolved", "withdrawn", "was_open_while_away"}
_AFTER = {"resolved", "withdrawn", "stale"}
"""Said only to those who heard of what went before."""


class Turn(msgspec.Struct, frozen=True):
    """What a turn gave: messages to word and send, and why everybody was told, or was not."""

    dispatches: tuple[Dispatch, ...]
    decisions: tuple[Decision, ...]


def route(desk: Desk, news: Sequence[News], world: World, *, whole: bool = True) -> Turn:
    """Take news in and send what is due; changes the desk.

    What is held keeps its place and is looked at again; what is over before anybody was told of it is dropped.
    `whole`: `news` is all there is by the time that `world.open` was read, so that whatever is neither open nor
    in the news has ended without a word and is forgotten.
    """
    turn = _Turn(desk, world)
    for one in news:
        turn.take(one)
    turn.flush()
    if whole:
        turn.tidy()
    return Turn(tuple(turn.dispatches), tuple(turn.decisions))


class _Turn:
    def __init__(self, desk: Desk, world: World) -> None:
        self._desk = desk
        self._world = world
        self._nodes = {node.path: node for node in every(world.catalog.routes)} | {ROOT.path: ROOT}
        self._where: dict[str, dict[str, None]] = {}
        """The groups of each interruption, in their order."""
        for key, group in desk.groups.items():
            group.key = key
            for identity in group.members:
                self._where.setdefault(identity, {})[key] = None
        self.dispatches: list[Dispatch] = []
        self.decisions: list[Decision] = []

    # --- in ---

    def take(self, news: News) -> None:
        """Put news into every group that is to hear of it."""
        it, world = news.interruption, self._world
        labels = world.labels(it)
        keys: dict[str, Route] = {}
        for node in nodes_of(world.catalog.routes, labels) or [ROOT]:
            keys[group_key(node, labels)] = node
        for key in self._where.get(it.id, ()):
            # Whoever heard of it hears how it goes on, even where its labels now lead elsewhere.
            group = self._desk.groups.get(key)
            if group is not None and key not in keys and group.path in self._nodes:
                keys[key] = self._nodes[group.path]
        for key, node in keys.items():
            heard = key in self._desk.groups and it.id in self._desk.groups[key].members
            if not heard and news.what in _AFTER:
                unheard = Group(node.path, labels["owner"], [])
                self._decide(unheard, Member(it), "dropped", "over_before_told", "nobody heard of its opening")
            else:
                group = self._desk.groups.setdefault(
                    key, Group(node.path, labels["owner"], group_labels(node, labels), key=key, born=world.now)
                )
                self._where.setdefault(it.id, {})[key] = None
                self._put(group, node, news)
                if not node.group_wait and not node.group_interval:
                    # Nothing is gathered: each piece of news goes by itself, in its order.
                    self._flush(group, node)

    def _put(self, group: Group, node: Route, news: News) -> None:
        member = group.members.setdefault(news.interruption.id, Member(news.interruption))
        member.interruption = news.interruption
        member.pending.append(news)
        now = self._world.now
        wait = node.group_wait if group.flushed_at is None else max(0, group.flushed_at + node.group_interval - now)
        if group.flush_at is None or group.flush_at > now + wait:
            group.flush_at = now + wait
        if wait:
            self._decide(group, member, "held", "waiting_for_group", f"route {node.path} gathers")

    # --- out ---

    def flush(self) -> None:
        """Send what is due of every group; groups with nothing left in them go."""
        for key in list(self._desk.groups):
            group = self._desk.groups[key]
            node = self._nodes.get(group.path)
            if node is None:
                # The route is gone from the catalogue: what waits there goes the way of today's.
                self._reroute(key, group)
                continue
            if group.flush_at is not None and group.flush_at <= self._world.now:
                self._flush(group, node)
            self._remind(group, node)
            self._escalate(group, node)
            self._taken_on(group, node)
            if not group.members:
                del self._desk.groups[key]

    def _reroute(self, key: str, group: Group) -> None:
        del self._desk.groups[key]
        for member in group.members.values():
            for news in member.pending:
                self.take(news)

    def _flush(self, group: Group, node: Route) -> None:
        now = self._world.now
        owner = self._owner(group, node)
        group.flush_at = None
        items: list[Item] = []
        late = False
        for identity, member in list(group.members.items()):
            if not member.pending:
                continue
            news = _sum(member)
            if news is None:
                self._decide(group, member, "dropped", "over_before_told", "")
                del group.members[identity]
                continue
            held = hold(member.interruption, node, owner, self._world, about=_about(news, member))
            if held is not None:
                self._decide(group, member, "held", held.reason, held.detail)
                if group.flush_at is None or held.until < group.flush_at:
                    group.flush_at = held.until
                continue
            late = late or bool(member.held and member.held != "waiting_for_group")
            items.append(Item(member.interruption, self._world.level(member.interruption), news))
        if not items:
            return
        reason = _foremost(items)
        self._send(group, node, items, reason, late=late)
        for item in items:
            member = group.members[item.interruption.id]
            member.pending.clear()
            member.held = ""
            member.told = item.level
            if item.news is not None and item.news.what in _ENDS:
                del group.members[item.interruption.id]
        group.flushed_at = group.last_told = now
        if group.first_told is None and group.members:
            group.first_told = now

    def _remind(self, group: Group, node: Route) -> None:
        if not node.repeat or group.first_told is None or group.last_told is None:
            return
        age = self._world.now - group.first_told
        every = next((every for after, every in reversed(node.repeat) if age >= after), None)
        if every is None or self._world.now < group.last_told + every:
            return
        owner = self._owner(group, node)
        items = [
            Item(it, self._world.level(it))
            for it in self._unanswered(group)
            if hold(it, node, owner, self._world, about="again") is None
        ]
        if items:
            self._send(group, node, items, "repeat", late=True)
            group.last_told = self._world.now

    def _escalate(self, group: Group, node: Route) -> None:
        steps = self._steps(group, node)
        if group.first_told is None or group.escalated >= len(steps):
            return
        step = steps[group.escalated]
        if self._world.now < group.first_told + step.after:
            return
        items = [Item(it, self._world.level(it)) for it in self._unanswered(group)]
        if not items:
            return
        owner = self._named(group, step.receiver)
        for item in items:
            held = hold(item.interruption, ROOT, owner, self._world, about="again")
            if held is not None:
                member = group.members[item.interruption.id]
                self._decide(group, member, "held", held.reason, f"escalation to {step.receiver}: {held.detail}")
                return
        group.escalated += 1
        self._send(group, node, items, "escalated", late=True, receiver=step.receiver)

    def _taken_on(self, group: Group, node: Route) -> None:
        """Somebody has it, all of a group: the incidents of those receivers that keep their own are acknowledged."""
        told = [member for member in group.members.values() if member.told is not None]
        handlings = [self._world.handling(member.interruption.id) for member in told]
        if not told or any(handling.acknowledged_at is None for handling in handlings):
            for member in told:
                member.taken = False
            return
        keeping = [target for member in told for target in member.heard if target in self._world.keeps]
        if keeping and not all(member.taken for member in told):
            items = [Item(member.interruption, self._world.level(member.interruption)) for member in told]
            by = ", ".join(dict.fromkeys(handling.acknowledged_by for handling in handlings))
            self._dispatch(group, node, items, "acknowledged", still_there(keeping, self._world.catalog), by=by)
        for member in told:
            member.taken = True

    def _unanswered(self, group: Group) -> list[Interruption]:
        """What people were told of, is still open, and nobody has."""
        found = []
        for member in group.members.values():
            handling = self._world.handling(member.interruption.id)
            if member.told is None or handling.acknowledged_at is not None or handling.resolved_at is not None:
                continue
            if member.interruption.id in self._world.open:
                found.append(self._world.open[member.interruption.id])
        return found

    def _steps(self, group: Group, node: Route) -> tuple[Escalation, ...]:
        if node.escalation is not None:
            return node.escalation
        owner = self._world.catalog.owners.get(group.owner)
        return owner.escalation if owner is not None else ()

    def tidy(self) -> None:
        """Forget what ended without a word: withdrawn, or found closed after the state was lost."""
        for key, group in list(self._desk.groups.items()):
            for identity, member in list(group.members.items()):
                if identity not in self._world.open and not member.pending:
                    del group.members[identity]
            if not group.members:
                del self._desk.groups[key]

    # --- who ---

    def _owner(self, group: Group, node: Route) -> Owner | None:
        return self._named(group, node.receiver or group.owner)

    def _named(self, group: Group, receiver: str) -> Owner | None:
        return named(self._world.catalog, group.owner, receiver)

    def _send(
        self,
        group: Group,
        node: Route,
        items: Sequence[Item],
        reason: Reason,
        *,
        late: bool,
        receiver: str = "",
    ) -> None:
        """Dispatch to the targets of a receiver, and write down who was told and who was not."""
        name = receiver or node.receiver or group.owner
        owner = self._named(group, name)
        level = max((item.level for item in items), key=LEVELS.index)
        quiet = reason == "was_open_while_away"
        targets, withheld = targets_of(owner, name, "low" if quiet else level, self._world)
        if reason not in {"repeat", "escalated"}:
            targets = self._and_who_heard(group, items, targets)
        told_to = owner.name if owner is not None else name
        for item in items:
            member = group.members[item.interruption.id]
            if not targets:
                self._decide(group, member, "dropped", withheld, "", receiver=name)
            else:
                member.heard = list(dict.fromkeys([*member.heard, *targets]))
        if targets:
            self._dispatch(group, node, items, reason, targets, late=late, receiver=told_to)

    def _and_who_heard(self, group: Group, items: Sequence[Item], targets: tuple[str, ...]) -> tuple[str, ...]:
        """Whoever was told, by escalation too, hears how it goes on; and of an end nobody else does.

        An end goes even to what wakes people, whatever the level is by then: the incident that it opened there
        would stand for ever.
        """
        catalog = self._world.catalog
        heard = {item.interruption.id: group.members[item.interruption.id].heard for item in items}
        over = [
            one
            for item in items
            if item.news is not None and item.news.what in _AFTER
            for one in heard[item.interruption.id]
        ]
        if over and all(item.news is not None and item.news.what in _AFTER for item in items):
            return still_there(over, catalog)
        before = [one for item in items for one in heard[item.interruption.id]]
        level = max((item.level for item in items), key=LEVELS.index)
        return tuple(dict.fromkeys([*targets, *awake(before, level, catalog), *still_there(over, catalog)]))

    def _dispatch(
        self,
        group: Group,
        node: Route,
        items: Sequence[Item],
        reason: Reason,
        targets: tuple[str, ...],
        *,
        late: bool = False,
        receiver: str = "",
        by: str = "",
    ) -> None:
        items = sorted(items, key=lambda item: (-LEVELS.index(item.level), item.interruption.onset))
        for item in items:
            member = group.members[item.interruption.id]
            self._decide(group, member, "sent", reason, ", ".join(targets), receiver=receiver)
        group.number += 1
        ended = {item.interruption.id for item in items if item.news is not None and item.news.what in _ENDS}
        steps = self._steps(group, node)
        nxt = steps[group.escalated] if group.escalated < len(steps) else None
        since = group.first_told if group.first_told is not None else self._world.now
        self.dispatches.append(
            Dispatch(
                group=group.key,
                path=group.path,
                labels=tuple(group.labels),
                receiver=receiver or group.owner,
                targets=targets,
                items=tuple(items),
                reason=reason,
                number=group.number,
                late=late,
                over=ended >= group.members.keys(),
                escalates_at=since + nxt.after if nxt is not None else None,
                by=by,
                born=group.born,
            )
        )

    def _decide(
        self,
        group: Group,
        member: Member,
        verdict: Literal["sent", "held", "dropped"],
        reason: Reason | Held,
        detail: str,
        *,
        receiver: str = "",
    ) -> None:
        """Write a decision down; one that only holds on once."""
        if verdict == "held":
            if member.held == reason:
                return
            member.held = reason
        self.decisions.append(
            Decision(
                at=self._world.now,
                interruption=member.interruption.id,
                route=group.path,
                receiver=receiver or group.owner,
                verdict=verdict,
                reason=reason,
                detail=detail,
            )
        )


def _about(news: News, member: Member) -> About:
    """What news is about, for whoever decides whether it must wait."""
    if news.what == "was_open_while_away" or (news.what in _AFTER and member.told is not None):
        return "end"
    return "first" if member.told is None else "again"


def _sum(member: Member) -> News | None:
    """What is to be said of all that is pending; None: it is over and nobody was told."""
    last = member.pending[-1]
    if last.what == "was_open_while_away":
        return last
    if last.what in _AFTER:
        return last if member.told is not None else None
    if member.told is not None:
        return last
    first = member.pending[0]
    # Not told yet: it opens for the reader, as it stands now.
    return msgspec.structs.replace(first, interruption=last.interruption)


_FOREMOST: tuple[Reason, ...] = (
    "opened",
    "reopened",
    "found_late",
    "level_changed",
    "stale",
    "resolved",
    "withdrawn",
    "was_open_while_away",
)


def _foremost(items: Sequence[Item]) -> Reason:
    said = {item.news.what for item in items if item.news is not None}
    return next(reason for reason in _FOREMOST if reason in said)
