"""The API for programs, under /api/v1: what the pages show as JSON, and what people can do; see /openapi.json."""

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from fastapi import APIRouter, Header, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from service.adapters.web.access.gate import Gate
from service.adapters.web.desk import FrontDesk, Refused, Unsound
from service.core.catalog import Catalog, Level
from service.core.event import Micros, rfc3339
from service.core.handling import UNTOUCHED, Action, Handling, Verb
from service.core.interruption import Interruption
from service.core.ports import Store
from service.core.reporting.affected import place_of
from service.core.telling.desk import Decision
from service.core.telling.labels import spell
from service.core.telling.silence import Silence

T = TypeVar("T")

Identity = Annotated[str, Path(max_length=100, pattern=r"^[A-Za-z0-9-]+$")]
Limit = Annotated[int, Query(ge=1, le=500, description="Rows of one answer.")]
Offset = Annotated[int, Query(ge=0, le=1_000_000)]
Token = Annotated[str | None, Header(alias="x-csrf-token", description="For a browser's session; a bearer needs none.")]


class Wrong(BaseModel):
    """Why a request was not taken: a sentence, or each field that is wrong."""

    detail: str | list[dict[str, Any]]


_REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"description": "The body cannot be read."},
    401: {"description": "Say who you are: a session, or `Authorization: Bearer TOKEN`."},
    403: {"description": "You may not."},
    404: {"description": "There is none."},
    409: {"description": "It does not fit how things stand."},
    422: {"description": "Something in it is wrong; the answer says what.", "model": Wrong},
    429: {"description": "Too often."},
}


class Answer(BaseModel):
    """An answer of the API."""

    model_config = ConfigDict(frozen=True)


class HandlingOut(Answer):
    """What people did with an interruption."""

    acknowledged_at: str | None
    acknowledged_by: str
    assignee: str
    level: Level | None
    level_reason: str
    resolved_at: str | None
    resolved_by: str
    mark: Literal["noise", "useful", "too_late"] | None


class InterruptionOut(Answer):
    """One interruption; times are RFC 3339 in UTC."""

    id: str
    moment: str
    kind: str
    kinds: list[str]
    rule: str | None
    level: Level
    state: str
    dimensions: dict[str, list[str]]
    onset_at: str
    detected_at: str
    resolved_at: str | None
    broken: int
    customers_affected: int
    still_waiting: int
    outcome_unknown: int
    handling: HandlingOut


class ActionIn(BaseModel):
    """Something to do about an interruption."""

    model_config = ConfigDict(extra="forbid", strict=True)

    verb: Verb
    value: str = Field("", max_length=200, description="assignee, level, mark, or who is asked for help")
    note: str = Field("", max_length=2_000)
    within: str = Field("", max_length=20, description="by when an answer is asked for, such as 30m")


class ActionOut(Answer):
    """A line of the audit."""

    at: str
    verb: str
    by: str
    value: str
    note: str
    origin: str


class DecisionOut(Answer):
    """Why somebody was told, or was not (yet)."""

    at: str
    interruption: str
    route: str
    receiver: str
    verdict: Literal["sent", "held", "dropped"]
    reason: str
    detail: str


class SilenceIn(BaseModel):
    """A silence to make."""

    model_config = ConfigDict(extra="forbid", strict=True)

    matchers: list[Annotated[str, Field(max_length=200)]] = Field(min_length=1, max_length=20)
    reason: str = Field(min_length=1, max_length=2_000)
    lasts: str = Field(max_length=20, examples=["2h"])
    starts_in: str = Field("", max_length=20)
    maintenance: bool = False
    remind: str = Field("15m", max_length=20, description='so long before the end people are reminded; "" not at all')


class SilenceOut(Answer):
    """A silence."""

    id: str
    matchers: list[str]
    starts_at: str
    ends_at: str
    author: str
    reason: str
    kind: Literal["silence", "maintenance"]
    ended_by: str


def api(
    store: Store, catalog: Callable[[], Catalog], gate: Gate, desk: FrontDesk, clock: Callable[[], Micros]
) -> APIRouter:
    """The routes of /api/v1."""
    routes = APIRouter(prefix="/api/v1", responses=_REFUSALS)
    _add_reading(routes, store, catalog, gate, clock)
    _add_writing(routes, store, gate, desk)
    return routes


def _add_reading(
    routes: APIRouter, store: Store, catalog: Callable[[], Catalog], gate: Gate, clock: Callable[[], Micros]
) -> None:
    @routes.get("/interruptions")
    def interruptions(
        request: Request, *, moment: str | None = None, open_only: bool = False, limit: Limit = 50, offset: Offset = 0
    ) -> list[InterruptionOut]:
        """Newest first."""
        gate.required(request)
        if moment is not None and moment not in catalog().moments:
            raise HTTPException(404, "no such moment is declared")
        rows = store.interruptions(moment=moment, open_only=open_only)[::-1][offset : offset + limit]
        handlings = store.handlings([row.id for row in rows])
        now = clock()
        return [_interruption(store, row, handlings.get(row.id, UNTOUCHED), now) for row in rows]

    @routes.get("/interruptions/{identity}")
    def interruption(request: Request, identity: Identity) -> InterruptionOut:
        """One."""
        gate.required(request)
        it = _found(store, identity)
        return _interruption(store, it, store.handlings([it.id]).get(it.id, UNTOUCHED), clock())

    @routes.get("/interruptions/{identity}/actions")
    def actions(request: Request, identity: Identity, limit: Limit = 500) -> list[ActionOut]:
        """The audit of one, in order of time."""
        gate.required(request)
        return [_action(one) for one in store.actions(_found(store, identity).id, limit=limit)]

    @routes.get("/interruptions/{identity}/decisions")
    def decisions(request: Request, identity: Identity, limit: Limit = 500) -> list[DecisionOut]:
        """Why people were told of one, or not, in order of time."""
        gate.required(request)
        return [_decision(one) for one in store.decisions(_found(store, identity).id, limit=limit)]

    @routes.get("/decisions")
    def latest(request: Request, limit: Limit = 50) -> list[DecisionOut]:
        """Why people were told, or not: newest first."""
        gate.required(request)
        return [_decision(one) for one in store.decisions(None, limit=limit)]

    @routes.get("/silences")
    def silences(request: Request) -> list[SilenceOut]:
        """Those that hold and those to come."""
        gate.required(request)
        return [_silence(one) for one in store.silences(clock())]


def _add_writing(routes: APIRouter, store: Store, gate: Gate, desk: FrontDesk) -> None:
    @routes.post("/interruptions/{identity}/actions")
    def act(request: Request, identity: Identity, action: ActionIn, x_csrf_token: Token = None) -> HandlingOut:
        """Do something about one; the handling after it."""
        actor = gate.writer(request, x_csrf_token)
        return _handling(
            _done(
                lambda: desk.act(
                    actor,
                    _found(store, identity).id,
                    action.verb,
                    value=action.value,
                    note=action.note,
                    within=action.within,
                    origin="api",
                )
            )
        )

    @routes.post("/silences", status_code=201)
    def silence(request: Request, wanted: SilenceIn, x_csrf_token: Token = None) -> SilenceOut:
        """Make a silence."""
        actor = gate.writer(request, x_csrf_token)
        return _silence(
            _done(
                lambda: desk.silence(
                    actor,
                    wanted.matchers,
                    reason=wanted.reason,
                    lasts=wanted.lasts,
                    starts_in=wanted.starts_in,
                    maintenance=wanted.maintenance,
                    remind=wanted.remind,
                )
            )
        )

    @routes.post("/silences/{identity}/end")
    def end(request: Request, identity: Identity, x_csrf_token: Token = None) -> SilenceOut:
        """End a silence now."""
        return _silence(desk.end_silence(gate.writer(request, x_csrf_token), identity))


def _done(work: Callable[[], T]) -> T:
    try:
        return work()
    except Unsound as wrong:
        raise HTTPException(422, str(wrong)) from None
    except Refused as refused:
        raise HTTPException(409, str(refused)) from None


def _found(store: Store, identity: str) -> Interruption:
    it = store.interruption(identity)
    if it is None:
        raise HTTPException(404)
    return it


def _time(at: Micros | None) -> str | None:
    return None if at is None else rfc3339(at)


def _interruption(store: Store, it: Interruption, handling: Handling, now: Micros) -> InterruptionOut:
    place = place_of(it, now)
    impact = store.impact(it.moment, it.segment, place.start, place.end)
    return InterruptionOut(
        id=it.id,
        moment=it.moment,
        kind=it.kind,
        kinds=list(it.kinds),
        rule=it.rule,
        level=handling.level or it.level,
        state=it.state,
        dimensions=it.dimensions,
        onset_at=rfc3339(it.onset),
        detected_at=rfc3339(it.detected_at),
        resolved_at=_time(it.resolved_at),
        broken=impact.broken,
        customers_affected=impact.customers,
        still_waiting=impact.waiting,
        outcome_unknown=impact.unknown,
        handling=_handling(handling),
    )


def _handling(handling: Handling) -> HandlingOut:
    return HandlingOut(
        acknowledged_at=_time(handling.acknowledged_at),
        acknowledged_by=handling.acknowledged_by,
        assignee=handling.assignee,
        level=handling.level,
        level_reason=handling.level_reason,
        resolved_at=_time(handling.resolved_at),
        resolved_by=handling.resolved_by,
        mark=handling.mark,
    )


def _action(one: Action) -> ActionOut:
    return ActionOut(at=rfc3339(one.at), verb=one.verb, by=one.by, value=one.value, note=one.note, origin=one.origin)


def _decision(one: Decision) -> DecisionOut:
    return DecisionOut(**{**msgspec.structs.asdict(one), "at": rfc3339(one.at)})


def _silence(one: Silence) -> SilenceOut:
    return SilenceOut(
        id=one.id,
        matchers=[spell(matcher) for matcher in one.matchers],
        starts_at=rfc3339(one.starts),
        ends_at=rfc3339(one.ends),
        author=one.author,
        reason=one.reason,
        kind=one.kind,
        ended_by=one.ended_by,
    )
