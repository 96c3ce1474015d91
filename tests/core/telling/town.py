"""A routing desk with a clock moved by hand, and two moments, three owners and their targets around it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from service.core.catalog import Catalog, Level, Moment, Owner, Target
from service.core.event import Micros, micros
from service.core.interruption import Change, Interruption, Segment
from service.core.routes import Route
from service.core.telling.desk import Decision, Desk, Dispatch, News
from service.core.telling.route import news_of
from service.core.telling.routing import route
from service.core.telling.verdict import World

if TYPE_CHECKING:
    from service.core.handling import Handling
    from service.core.telling.silence import Silence

MONDAY: Micros = micros(datetime(2024, 3, 4, 10, tzinfo=UTC))

CATALOG = Catalog(
    owners={
        "ops": Owner("ops", targets=("chat", "pager"), manager="boss", page_budget=1.0),
        "rio": Owner("rio", targets=("rio-chat",)),
        "boss": Owner("boss", targets=("boss-mail",)),
    },
    targets={
        "chat": Target("chat"),
        "pager": Target("pager", page=True),
        "rio-chat": Target("rio-chat"),
        "boss-mail": Target("boss-mail"),
    },
    moments={
        "delivered": Moment("delivered", "ops", owner_by={"region": {"RJ": "rio"}}, dimensions=("region",)),
        "handed-over": Moment("handed-over", "ops"),
    },
)


class Town:
    """A desk with a clock moved by hand."""

    def __init__(self, catalog: Catalog = CATALOG) -> None:
        self.catalog = catalog
        self.now = MONDAY
        self.desk = Desk()
        self.open: dict[str, Interruption] = {}
        self.silences: list[Silence] = []
        self.handlings: dict[str, Handling] = {}
        self.noise: dict[str, int] = {}
        self.keeps: set[str] = set()
        self.judged: dict[str, Micros | None] = {}
        self.decisions: list[Decision] = []

    def opens(self, name: str, moment: str = "delivered", level: Level = "high", segment: Segment = ()) -> News:
        it = Interruption(
            name, moment, segment, "failure_rate", ("failure_rate",), None, level, "open", MONDAY, MONDAY, MONDAY
        )
        self.open[name] = it
        return self.news("opened", it)

    def ends(self, name: str) -> News:
        it = msgspec.structs.replace(self.open.pop(name), state="resolved", resolved_at=self.now)
        return self.news("resolved", it)

    def news(self, what: str, it: Interruption) -> News:
        found = news_of(Change(what, self.now, it), None)  # type: ignore[arg-type]  # as the test says
        assert found is not None
        return found

    def turn(self, *news: News, after: Micros = 0) -> list[Dispatch]:
        self.now += after
        world = World(
            self.now,
            self.catalog,
            list(self.open.values()),
            self.silences,
            self.handlings,
            self.noise,
            keeps=self.keeps,
            judged=self.judged,
        )
        made = route(self.desk, news, world)
        self.decisions += made.decisions
        # What is remembered must survive being written down.
        self.desk = msgspec.json.decode(msgspec.json.encode(self.desk), type=Desk)
        return list(made.dispatches)

    def why(self) -> list[tuple[str, str, str]]:
        return [(one.interruption, one.verdict, one.reason) for one in self.decisions]


def with_routes(*routes: Route, **more: object) -> Catalog:
    return replace(CATALOG, routes=routes, **more)  # type: ignore[arg-type]  # fields by name


def names(dispatch: Dispatch) -> list[str]:
    return [item.interruption.id for item in dispatch.items]
