"""Silences: what somebody has asked not to be told of, with a reason and an end."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from service.core.event import Micros
from service.core.routes import Matcher
from service.core.telling.labels import Labels, matches


class Silence(msgspec.Struct, frozen=True, gc=False):
    """Notices that match are not sent from `starts` until `ends`, by the wall clock.

    `kind`: a maintenance window is a silence that was planned. `ended_by`: who ended it early. `remind`: so long
    before the end those are told who set it or whom it keeps from hearing; 0: not at all.
    """

    id: str
    matchers: tuple[Matcher, ...]
    starts: Micros
    ends: Micros
    author: str
    reason: str
    created_at: Micros
    kind: Literal["silence", "maintenance"] = "silence"
    ended_by: str = ""
    remind: Micros = 0

    def is_active(self, now: Micros) -> bool:
        """Whether it holds at a time."""
        return self.starts <= now < self.ends


def silencing(silences: Iterable[Silence], labels: Labels, now: Micros) -> Silence | None:
    """The active silence that ends last of those that match."""
    found = [one for one in silences if one.is_active(now) and matches(one.matchers, labels)]
    return max(found, key=lambda one: (one.ends, one.id), default=None)
