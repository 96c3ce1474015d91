"""Who a receiver's name means, and at which of their targets they hear of a level."""

from collections.abc import Collection

from service.core.catalog import Catalog, Level, Owner
from service.core.telling.desk import Held
from service.core.telling.verdict import World

MANAGER = "manager"
"""The receiver that means the manager of whoever is accountable."""
URGENT: frozenset[Level] = frozenset({"high", "critical"})
"""Levels that may wake somebody."""


def named(catalog: Catalog, accountable: str, receiver: str) -> Owner | None:
    """The owner that a receiver's name means; None: it is a target's, or nobody's."""
    if receiver == MANAGER:
        mine = catalog.owners.get(accountable)
        return catalog.owners.get(mine.manager) if mine is not None and mine.manager is not None else None
    return catalog.owners.get(receiver)


def targets_of(owner: Owner | None, name: str, level: Level, world: World) -> tuple[tuple[str, ...], Held]:
    """Where a receiver hears of a level, and why not where it hears nothing.

    What wakes people gets only what is high or critical; and once an owner's pages of the last 30 days were marked
    noise as often as `page_budget` allows, only what is critical.
    """
    declared = world.catalog.targets
    if owner is None:
        return ((name,), "no_target") if name in declared else ((), "no_target")
    spent = owner.page_budget is not None and world.noise.get(owner.name, 0) >= max(owner.page_budget, 1)
    kept: list[str] = []
    why: Held = "no_target"
    for target in dict.fromkeys(owner.targets):
        wakes = target in declared and declared[target].page
        if wakes and level not in URGENT:
            why = "not_urgent"
        elif wakes and spent and level != "critical":
            why = "page_budget_spent"
        else:
            kept.append(target)
    return tuple(kept), why


def still_there(heard: Collection[str], catalog: Catalog) -> tuple[str, ...]:
    """Those of some targets that are still declared, each once."""
    return tuple(target for target in dict.fromkeys(heard) if target in catalog.targets)


def awake(targets: Collection[str], level: Level, catalog: Catalog) -> tuple[str, ...]:
    """Those of some targets that a level may reach: what wakes people only by what is urgent."""
    return tuple(one for one in still_there(targets, catalog) if level in URGENT or not catalog.targets[one].page)
