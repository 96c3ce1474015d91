"""What becomes of a notice that could not be delivered: whoever is next in line hears of it, and why."""

import uuid
from collections.abc import Callable, Iterator, Sequence

import msgspec

from service.core.catalog import Catalog
from service.core.telling.desk import Reason
from service.core.telling.receivers import named
from service.core.telling.route import Notice

_NAMESPACE = uuid.UUID("5d6c1f7e-7d35-5b8e-9a0b-7f7d4c0b1c55")
_MATTERS: frozenset[Reason] = frozenset(
    {"opened", "reopened", "found_late", "level_changed", "repeat", "escalated", "undelivered"}
)
"""Somebody was to act on it; what is over, and what is only handed on, is for the page."""


def undelivered(
    notice: Notice,
    why: str,
    catalog: Catalog,
    *,
    last: Sequence[str] = (),
    link: Callable[[str], str] | None = None,
) -> list[Notice]:
    """The notices that stand in for one that was given up: to the first in line that was not tried in vain.

    `why`: what became of the last attempt. `last`: targets for when nobody else is left. `link`: the page to act on,
    by target; without it a link stays as it is. Empty where nobody has to act, or nobody is left.
    """
    if notice.reason not in _MATTERS:
        return []
    tried = (*notice.instead_of, notice.target)
    for targets in _line(notice, catalog, last):
        left = [target for target in dict.fromkeys(targets) if target not in tried]
        if left:
            return [_standing_in(notice, target, why, tried, link) for target in left]
    return []


def _line(notice: Notice, catalog: Catalog, last: Sequence[str]) -> Iterator[Sequence[str]]:
    """The targets of whoever comes next: the owner's escalation, its manager, theirs, and in the end the last."""
    owner = catalog.owners.get(notice.owner or "")
    if owner is not None:
        for step in owner.escalation:
            receiver = named(catalog, owner.name, step.receiver)
            if receiver is not None:
                yield receiver.targets
            elif step.receiver in catalog.targets:
                yield (step.receiver,)
    seen = set()
    while owner is not None and owner.manager is not None and owner.manager not in seen:
        seen.add(owner.manager)
        owner = catalog.owners.get(owner.manager)
        if owner is not None:
            yield owner.targets
    yield last


def _standing_in(
    notice: Notice, target: str, why: str, tried: tuple[str, ...], link: Callable[[str], str] | None
) -> Notice:
    message = notice.message
    key = str(uuid.uuid5(_NAMESPACE, f"{notice.key}\x1f{target}"))
    said = f'"{notice.target}" of {notice.owner or "nobody"} could not be reached with this, so it comes to you: {why}.'
    told = msgspec.structs.replace(
        message,
        key=key,
        title=f"NOT DELIVERED · {message.title.removeprefix('NOT DELIVERED · ')}",
        lines=(said, *message.lines),
        link=link(target) if link is not None and message.asks else message.link,
        repeat=False,
    )
    return msgspec.structs.replace(notice, key=key, target=target, reason="undelivered", message=told, instead_of=tried)
