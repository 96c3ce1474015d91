"""Somebody who asks, and what that person may do."""

from dataclasses import dataclass
from typing import Literal

from service.adapters.web.access.role import Role
from service.core.catalog import Catalog
from service.core.interruption import Interruption
from service.core.telling.labels import accountable


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or a program, by name; `owners`: Owners on whose moments a responder may act, None for all.

    `session`: what the CSRF token is bound to; empty where no cookie is involved.
    """

    name: str
    role: Role
    owners: frozenset[str] | None = None
    session: str = ""
    kind: Literal["person", "program", "link"] = "person"

    def may_act(self, it: Interruption, catalog: Catalog) -> bool:
        """Whether this one may do something about an interruption."""
        if self.role == "admin":
            return True
        if self.role == "viewer":
            return False
        moment = catalog.moments.get(it.moment)
        if self.owners is None or moment is None:
            return self.owners is None
        return accountable(moment, it.segment, catalog).name in self.owners or moment.owner in self.owners

    @property
    def may_silence(self) -> bool:
        """Whether this one may keep notices from others: it reaches over all moments that match."""
        return self.role == "admin" or (self.role == "responder" and self.owners is None)


OPEN = Actor("somebody here", "admin")
"""Whoever reaches a page that listens on the loopback only and asks nobody."""
READER = Actor("a reader", "viewer")
"""Whoever reaches a page that was put on the network without a log-in."""
