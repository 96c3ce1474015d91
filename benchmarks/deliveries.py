"""A made marketplace: orders, when each is promised to be handed over and delivered, what became of it, who complains.

Everything is drawn from a seed. Orders come by the hour of day and the day of week; a parcel is handed to the carrier
within hours to days and is on its way for a lognormal time; the day that is promised is 4 to 9 days ahead. A region of
six is stated by four orders in five. A customer in five who was let down complains, and one of a hundred others.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

DELIVERED, HANDED = "delivered", "handed-over"
REGIONS = 6
BEGINS = datetime(2025, 3, 3, tzinfo=UTC).timestamp()
"""A Monday."""
DAY = 86_400.0
_WEEK = np.array([1.15, 1.1, 1.05, 1.0, 0.95, 0.8, 0.95])
_ON_ITS_WAY = 0.55  # of the time given, in the median
_SPREAD = 0.35
_CUSTOMERS = 30_000

Floats = npt.NDArray[np.float64]


class Orders(NamedTuple):
    """Of each order, in days: when it was made, what was promised, what came of it; its region, -1 where not stated."""

    made: Floats
    limit: Floats
    due: Floats
    handed: Floats
    done: Floats
    region: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Market:
    """How a marketplace goes.

    `per_day`: orders. `workdays`: nothing is handed over or delivered, and nothing is promised for, a Saturday or
    Sunday. `wander`: coefficient of variation of a factor that slows or speeds all orders of one day.
    `fault`: from day `since` on for `lasting` days: `stop` (nothing is delivered, the rest comes in the three days
    after), `region` (one region's parcels are on their way for twice as long), `warehouse` (what is ordered is handed
    over after three times as long).
    """

    per_day: float
    days: int = 150
    workdays: bool = False
    wander: float = 0.0
    fault: str = ""
    since: int = 100
    lasting: int = 7

    def write(self, seed: int, to: Path) -> Path:
        """All events as JSON Lines in the order of their times."""
        rows = sorted(self._events(np.random.default_rng(seed)), key=lambda row: row[0])
        end = BEGINS + self.days * DAY
        to.write_bytes(b"\n".join(msgspec.json.encode(event) for at, event in rows if at < end) + b"\n")
        return to

    def orders(self, rng: np.random.Generator) -> "Orders":
        """What is drawn."""
        made = self._made(rng)
        count = len(made)
        day = np.floor(made).astype(np.int64)
        pace = np.exp(rng.normal(0.0, np.sqrt(np.log1p(self.wander**2)), self.days + 1))[day]
        region = rng.integers(REGIONS, size=count)
        given = rng.integers(4, 9, size=count).astype(np.float64)
        due = np.floor(made) + given + 20.0 / 24.0
        limit = np.floor(made) + 3.0 + 20.0 / 24.0
        packing = rng.lognormal(np.log(0.7), 0.6, count) * pace
        way = rng.lognormal(np.log(given * _ON_ITS_WAY), _SPREAD, count) * pace
        way = np.maximum(way - 0.7 * pace, 0.3 * way)
        broken = (made >= self.since) & (made < self.since + self.lasting)
        if self.fault == "warehouse":
            packing = np.where(broken, 3.0 * packing, packing)
        if self.fault == "region":
            way = np.where(broken & (region == 0), 2.0 * way, way)
        handed = made + packing
        done = handed + way
        if self.workdays:
            due, limit = _working(due), _working(limit)
            handed, done = _opened(_working(handed)), _opened(_working(done))
        if self.fault == "stop":
            ends = self.since + self.lasting
            stuck = (done >= self.since) & (done < ends)
            done = np.where(stuck, ends + 3.0 * rng.random(count), done)
        stated = np.where(rng.random(count) < 0.8, region, -1)  # noqa: PLR2004  # four in five
        return Orders(made, limit, due, handed, done, stated)

    def _events(self, rng: np.random.Generator) -> Iterator[tuple[float, dict[str, Any]]]:
        orders = self.orders(rng)
        count, due, done = len(orders.made), orders.due, orders.done
        worth = np.round(rng.lognormal(3.5, 0.8, count), 2)
        who = rng.integers(_CUSTOMERS, size=count)
        late = done > due
        cross = rng.random(count) < np.where(late, 0.2, 0.01)
        said = np.where(late, due, done) + rng.exponential(1.5, count)
        lost = rng.random(count) < 0.002  # noqa: PLR2004  # nobody ever tells
        for n, made in enumerate(orders.made.tolist()):
            where = {"region": f"r{orders.region[n]}"} if orders.region[n] >= 0 else {}
            customer = f"c{who[n]}"
            for moment, until, at in ((HANDED, orders.limit[n], orders.handed[n]), (DELIVERED, due[n], done[n])):
                key = {"moment": moment, "customer": customer, "key": f"k{n}"}
                told = {"due": _told(until), "value": float(worth[n]), "dimensions": where}
                yield _event(f"p{moment}{n}", made, "promise", **key, **told)
                if not lost[n]:
                    yield _event(f"o{moment}{n}", at, "outcome", **key, outcome="kept")
            if cross[n]:
                yield _event(f"x{n}", said[n], "complaint", moment=DELIVERED, customer=customer, dimensions=where)

    def _made(self, rng: np.random.Generator) -> Floats:
        """When the orders come, in days."""
        hours = np.arange(self.days * 24)
        shape = (1.0 + 0.8 * np.sin((hours % 24 - 12) / 12.0 * np.pi)) * _WEEK[hours // 24 % 7]
        per_hour = rng.poisson(self.per_day / 24.0 * shape)
        made: Floats = np.repeat(hours, per_hour) + rng.random(int(per_hour.sum()))
        return made / 24.0


def _working(at: Floats) -> Floats:
    """The same hour of the next Monday, for what is on a Saturday or Sunday."""
    weekday = np.floor(at) % 7
    moved: Floats = at + np.where(weekday >= 5, 7.0 - weekday, 0.0)  # noqa: PLR2004  # Saturday
    return moved


def _opened(at: Floats) -> Floats:
    """Within working hours, 8 to 19, in the same order."""
    day = np.floor(at)
    hours: Floats = day + (8.0 + 11.0 * (at - day)) / 24.0
    return hours


def _told(at: float) -> str:
    return datetime.fromtimestamp(BEGINS + at * DAY, UTC).isoformat()


def _event(name: str, at: float, sort: str, **more: object) -> tuple[float, dict[str, Any]]:
    return BEGINS + at * DAY, {"id": name, "time": _told(at), "type": sort, **more}
