"""The recovery list for programs: whom an interruption hit and how far their recovery is, as JSON or CSV."""

import io
from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from service.adapters import recovery
from service.adapters.web.access.actor import Actor
from service.adapters.web.access.gate import Gate
from service.core.catalog import Catalog
from service.core.event import Micros
from service.core.interruption import Interruption
from service.core.people import AuditEntry, Contact, ContactState, place_of
from service.core.ports import Store
from service.core.reporting.report import COUNTS_NOBODY

_FAR = 1 << 62


class ContactIn(BaseModel):
    """Where some customers of an interruption stand from now on."""

    model_config = ConfigDict(extra="forbid")

    customers: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=1000)]],
        Field(min_length=1, max_length=1000, description="names as the list has them"),
    ]
    state: ContactState
    note: Annotated[str, Field(max_length=1000)] = ""


class Marked(BaseModel):
    """How many customers were marked."""

    marked: int


def add_recovery(
    routes: APIRouter,
    store: Store,
    catalog: Callable[[], Catalog],
    gate: Gate,
    clock: tuple[Callable[[], Micros], int],
) -> None:
    """The list, for those who may act on the interruption; each look leaves a row in the audit before it is answered.

    `clock`: the wall time, and the digits of the currency's minor unit.
    """
    now, digits = clock

    def allowed(actor: Actor, identity: str) -> Interruption:
        it = store.interruption(identity)
        if it is None:
            raise HTTPException(404)
        if not actor.may_act(it, catalog()):
            raise HTTPException(403, "customers are shown to those who may act on the interruption")
        return it

    @routes.get(
        "/interruptions/{identity}/customers",
        response_class=Response,
        responses={200: {"content": {"application/x-ndjson": {}, "text/csv": {}}}},
    )
    def customers(  # the query's parameters
        request: Request,
        identity: Annotated[str, Path(max_length=100, pattern=r"^[A-Za-z0-9-]+$")],
        state: ContactState | None = None,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000,
        offset: Annotated[int, Query(ge=0, le=100_000_000)] = 0,
        form: Annotated[Literal["json", "csv"], Query(alias="format", description="json: an object a line")] = "json",
    ) -> Response:
        """Customers who still wait first, then by value."""
        actor = gate.required(request)
        it = allowed(actor, identity)
        found = (
            []
            if it.kind in COUNTS_NOBODY
            else store.hurt([place_of(it, _FAR)], it.id, state=state, limit=limit, offset=offset)
        )
        store.add_audit(AuditEntry(now(), actor.name, actor.role, "exported", it.id, f"{len(found)} customers"))
        out = io.StringIO()
        recovery.write((recovery.row(each, digits) for each in found), out, form, identified=False)
        kind = "text/csv; charset=utf-8" if form == "csv" else "application/x-ndjson"
        return Response(out.getvalue(), media_type=kind)

    @routes.post("/interruptions/{identity}/contacts")
    def contact(
        request: Request,
        identity: Annotated[str, Path(max_length=100, pattern=r"^[A-Za-z0-9-]+$")],
        wanted: ContactIn,
        x_csrf_token: Annotated[str | None, Header(alias="x-csrf-token")] = None,
    ) -> Marked:
        """Write down what was done for some of them; those whom it did not hit are refused, and nobody is marked."""
        actor = gate.writer(request, x_csrf_token)
        it = allowed(actor, identity)
        names = sorted(set(wanted.customers))
        unknown = set(names) - store.hit_among([place_of(it, _FAR)], names)
        if unknown:
            raise HTTPException(422, f"{len(unknown)} of {len(names)} were not hit by it; take names from the list")
        at = now()
        store.add_contacts([Contact(it.id, name, wanted.state, at, actor.name, wanted.note) for name in names])
        store.add_audit(AuditEntry(at, actor.name, actor.role, "contact", it.id, f"{len(names)} {wanted.state}"))
        return Marked(marked=len(names))
