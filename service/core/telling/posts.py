"""What is said that is about no interruption alone, such as hand-overs; and who hears of it, by the routes."""

import uuid
from typing import Literal

import msgspec

from service.core.catalog import Owner
from service.core.event import Micros, rfc3339
from service.core.telling.desk import Decision, Reason
from service.core.telling.hours import within
from service.core.telling.labels import Labels
from service.core.telling.message import Words
from service.core.telling.receivers import named, targets_of
from service.core.telling.route import Message, Notice
from service.core.telling.silence import silencing
from service.core.telling.tree import nodes_of
from service.core.telling.verdict import World

_NAMESPACE = uuid.UUID("4e1c0f4e-6c55-5d0a-8a57-0c7d3a2f9b61")
Post = Literal["handover", "card", "silence_ends"]
"""Its label `kind`, by which a route or a silence may mean it."""


class Posted(msgspec.Struct, frozen=True):
    """What is to be sent, and why it is, or is not."""

    notices: tuple[Notice, ...] = ()
    decisions: tuple[Decision, ...] = ()


def post(kind: Post, name: str, text: Words, owner: Owner, world: World, link: str = "") -> Posted:
    """Something to an owner, by the nodes of the tree that its labels end at; `name`: what it is once for.

    It wakes nobody, and it does not wait: what falls into muted hours is for the page.
    """
    labels = {"kind": kind, "owner": owner.name, "team": owner.team, "level": "low"}
    reason: Reason = "silence_ends" if kind == "silence_ends" else "shift"
    decisions: list[Decision] = []
    found: dict[str, Notice] = {}
    for path, receiver, muted in _nodes(labels, world):
        heard = named(world.catalog, owner.name, receiver or owner.name)
        targets, withheld = targets_of(heard, receiver or owner.name, "low", world)
        # A silence does not keep quiet that it ends.
        silence = silencing(world.silences, labels, world.now) if kind != "silence_ends" else None
        said = Decision(world.now, "", path, receiver or owner.name, "sent", reason, f"{kind}: {', '.join(targets)}")
        if silence is not None:
            detail = f"{kind}: by {silence.author} until {rfc3339(silence.ends)}: {silence.reason}"
            said = msgspec.structs.replace(said, verdict="dropped", reason="silenced", detail=detail)
        elif muted:
            said = msgspec.structs.replace(said, verdict="dropped", reason="muted", detail=f"{kind}: by {muted}")
        elif not targets:
            said = msgspec.structs.replace(said, verdict="dropped", reason=withheld, detail=kind)
        else:
            for target in targets:
                message = _message(name, target, text, link)
                found[target] = Notice(message.key, target, reason, message, owner=owner.name, route=path)
        decisions.append(said)
    return Posted(tuple(found.values()), tuple(decisions))


def _nodes(labels: Labels, world: World) -> list[tuple[str, str | None, str]]:
    """(path, receiver, what mutes it now) of each node."""
    found = []
    for node in nodes_of(world.catalog.routes, labels):
        muted = [name for name, intervals in node.mute if within(intervals, world.now)]
        if node.active and not any(within(intervals, world.now) for _, intervals in node.active):
            muted.append(f"outside {', '.join(name for name, _ in node.active)}")
        found.append((node.path, node.receiver, ", ".join(muted)))
    return found or [("default", None, "")]


def _message(name: str, target: str, text: Words, link: str) -> Message:
    key = str(uuid.uuid5(_NAMESPACE, f"{name}\x1f{target}"))
    return Message(key=key, thread=key, title=text.title, lines=text.lines, level="low", link=link)


def once(name: str, at: Micros, posted: dict[str, Micros], now: Micros, kept: Micros) -> bool:
    """Whether something was not said yet; from now on it was. What was said longer ago than `kept` is forgotten."""
    if posted.get(name) == at:
        return False
    posted[name] = at
    for old in [old for old, then in posted.items() if then < now - kept]:
        del posted[old]
    return True
