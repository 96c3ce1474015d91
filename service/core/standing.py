"""How a moment stands: how far it is judged, what was found, and its sums, as a store keeps and gives them."""

import msgspec

from detectors.frame import JSON
from service.core.event import Micros
from service.core.interruption import Change


class Snapshot(msgspec.Struct, frozen=True, gc=False):
    """A judge's state after the window that ends at `through`; a cache, recovery replays what was judged since."""

    through: Micros
    fingerprint: str
    """Of the moment's definition, its rules and the detectors' versions; another one means: learn again."""
    state: JSON


class Judged(msgspec.Struct, frozen=True, gc=False):
    """How far a moment was judged. `tick` counts judgements, so that a replica knows when its memory is stale."""

    through: Micros | None = None
    tick: int = 0
    snapshot: Snapshot | None = None


class Series(msgspec.Struct, frozen=True, gc=False):
    """A detector's latest word about one segment, for pages and metrics."""

    detector: str
    segment: str
    evidence: float
    expected: float
    lower: float
    upper: float


class Judgement(msgspec.Struct, frozen=True, gc=False):
    """What judging a stretch of windows gave.

    `learning`: (days seen, days needed) while the moment is not warm, else None. `series`: of the whole and of
    segments in breach, after the last window.
    """

    through: Micros
    changes: tuple[Change, ...] = ()
    series: tuple[Series, ...] = ()
    learning: tuple[float, float] | None = None


class Totals(msgspec.Struct, frozen=True, gc=False):
    """Sums of one step of a series or of one segment, as amended; `customers` are distinct ones let down."""

    attempts: int = 0
    broken: int = 0
    cancelled: int = 0
    value: int = 0
    broken_value: int = 0
    customers: int = 0


class MomentStatus(msgspec.Struct, frozen=True, gc=False):
    """Where a moment stands: closing, judging, learning, given up, and since when and why it is blind (None: not)."""

    moment: str
    closed_through: Micros | None = None
    judged_through: Micros | None = None
    learning: tuple[float, float] | None = None
    blind_since: Micros | None = None
    series: tuple[Series, ...] = ()
    blind_reason: str = ""
    given_up_through: Micros = 0


class TimelineEntry(msgspec.Struct, frozen=True, gc=False):
    """One line of an interruption's history; append-only."""

    interruption: str
    at: Micros
    what: str
    note: str
    by: str = "momentwatch"
