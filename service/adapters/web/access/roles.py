"""What the groups that a proxy or a log-in service tells of somebody come to here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from service.adapters.web.access.role import Role


@dataclass(frozen=True, slots=True)
class Roles:
    """Groups that make somebody an admin or a responder; `teams`: a group that may act for some Owners only.

    `viewers`: groups that may read; empty: everybody who was let in.
    """

    admins: frozenset[str] = frozenset()
    responders: frozenset[str] = frozenset()
    teams: Mapping[str, frozenset[str]] = field(default_factory=dict)
    viewers: frozenset[str] = frozenset()

    def of(self, groups: Iterable[str]) -> tuple[Role, frozenset[str] | None] | None:
        """(role, the Owners on whose moments to act, None for all); None: this one is not let in."""
        mine = set(groups)
        if mine & self.admins:
            return "admin", None
        if mine & self.responders:
            return "responder", None
        owners = frozenset[str]().union(*(self.teams[group] for group in mine & self.teams.keys()))
        if owners:
            return "responder", owners
        return ("viewer", None) if not self.viewers or mine & self.viewers else None
