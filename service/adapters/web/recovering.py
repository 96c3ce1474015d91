"""The recovery list for programs: whom an interruption hit and how far their recovery is, as JSON or CSV."""

import io
from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from service.adapters import recovery
from service.adapters.web.access.gate import Gate
from service.adapters.web.contacting import MOST, Contacting
from service.adapters.web.desk import Unsound
from service.core.event import Micros
from service.core.people import AuditEntry, ContactState, place_of
from service.core.ports import Store
from service.core.reporting.report import COUNTS_NOBODY

_FAR = 1 << 62


class ContactIn(BaseModel):
    """Where some customers of an interruption stand from now on."""

    model_config = ConfigDict(extra="forbid")

    customers: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=1000)]],
        Field(min_length=1, max_length=MOST, description="names as the list has them"),
    ]
    state: ContactState
    note: Annotated[str, Field(max_length=1000)] = ""


class Marked(BaseModel):
    """How many customers were marked."""

    marked: int


def add_recovery(
    routes: APIRouter,
    store: Store,
    contacting: Contacting,
    gate: Gate,
    clock: tuple[Callable[[], Micros], int],
) -> None:
    """The list, for those who may act on the interruption; each look leaves a row in the audit before it is answered.

    `clock`: the wall time, and the digits of the currency's minor unit.
    """
    now, digits = clock

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
        it = contacting.allowed(actor, identity)
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
        try:
            return Marked(marked=contacting.mark(actor, identity, wanted.customers, wanted.state, wanted.note))
        except Unsound as wrong:
            raise HTTPException(422, str(wrong)) from None
