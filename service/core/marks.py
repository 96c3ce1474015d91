"""Money as it was told at a time: what is at risk, frozen, and later beside what the peers did."""

from typing import Literal

import msgspec

from service.core.event import Micros

MarkWord = Literal["opened", "closed", "day30", "day90"]


class Risk(msgspec.Struct, frozen=True, gc=False):
    """What is at risk, with every figure of its arithmetic; money in minor units.

    `value`: of the broken promises; `valued`: customers whose yearly value is known, and `yearly` its sum.
    `share`: the loss probability, None where nobody declared one, which counts the whole. `amount` is `value` or
    `yearly`, as the moment's basis says, times the share.
    """

    customers: int
    broken: int
    value: int
    valued: int
    yearly: int
    basis: Literal["orders", "customers"]
    share: float | None
    amount: int


class Share(msgspec.Struct, frozen=True, gc=False):
    """How many of some customers left."""

    customers: int
    left: int


class Peers(msgspec.Struct, frozen=True, gc=False):
    """Those who were hit beside those who were not. `difference`, `lower`, `upper`: of the shares who left.

    None where there are too few to conclude. `lost`, `lost_lower`, `lost_upper`: that difference in yearly value.
    """

    hit: Share
    spared: Share
    difference: float | None = None
    lower: float | None = None
    upper: float | None = None
    lost: int | None = None
    lost_lower: int | None = None
    lost_upper: int | None = None

    @property
    def concluded(self) -> bool:
        """More of those hit left than chance explains."""
        return self.lower is not None and self.lower > 0


class Mark(msgspec.Struct, frozen=True, gc=False):
    """Revenue at risk as it was told at a time; never changed, whatever is amended later."""

    interruption: str
    what: MarkWord
    at: Micros
    risk: Risk
    peers: Peers | None = None
