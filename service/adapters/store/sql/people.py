"""The questions about customers, in SQL: distinct ones are counted by the database or in one set, never summed."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Row,
    Subquery,
    and_,
    case,
    cast,
    distinct,
    false,
    func,
    literal,
    not_,
    or_,
    select,
)

from service.adapters.store.sql.database import Database, People
from service.adapters.store.sql.giving_up import given_up, waiting
from service.adapters.store.sql.packing import unpack
from service.adapters.store.sql.tables import audit, breaks, contacts, customers, promises, risk_marks, voices
from service.core.event import Micros
from service.core.interruption import Impact, Segment
from service.core.marks import Mark
from service.core.people import (
    CONTACT_STATES,
    AuditEntry,
    Contact,
    ContactState,
    Hurt,
    Place,
    Repeat,
    SegmentHarm,
    Unfolding,
    moments_of,
)
from service.core.reporting.lead import FOLLOW

_YEARLY = func.coalesce(customers.c.listed_value, customers.c.told_value)


class SqlPeople:
    """The half of the reading protocol that is about customers."""

    _database: Database

    def harm(self, places: Sequence[Place]) -> Impact:
        """Exact distinct customers, breaks and value over places that may overlap."""
        return self._harm(places)[0]

    def unfolding(self, places: Sequence[Place], step: Micros) -> Unfolding:
        """The harm, whom it hit when, and who complained of it: to read the breaks is most of each."""
        impact, hit = self._harm(places, (step, self._heard(places)))
        newly = sorted((number * step, customers) for number, customers in hit.steps.items())
        return Unfolding(impact, tuple(newly), hit.complained)

    def _harm(self, places: Sequence[Place], course: tuple[Micros, Subquery] | None = None) -> tuple[Impact, People]:
        settled = breaks.c.settled_at.is_not(None)
        with self._database.read() as connection:
            unknown = given_up(connection, places)
            waits = waiting() if unknown is None else waiting() & ~unknown
            # Each row once: those who wait, those given up who do not, those served late, and the others.
            words = (waits, false() if unknown is None else unknown, settled, ~waiting() & ~settled)
            rows = select(breaks.c.customer, breaks.c.value, breaks.c.at).where(self._in(places))
            hit = self._database.people(connection, rows, words, course)
        still, lost, kept, others = hit.parts
        return Impact(hit.broken, still + lost + kept + others, hit.value, still, kept, lost), hit

    def hurt(
        self,
        places: Sequence[Place],
        interruption: str = "",
        *,
        state: ContactState | None = None,
        limit: int = 1000,
        offset: int = 0,
    ) -> list[Hurt]:
        """The recovery list: who still waits first, then by value."""
        with self._database.read() as connection:
            unknown = given_up(connection, places)
        mine = self._people(places, false() if unknown is None else unknown)
        heard, last = self._heard(places), _last_contacts(interruption)
        chosen = select(mine).order_by(*_worst(mine)).limit(limit).offset(offset)
        if state is not None:
            is_there = last.c.state == state
            chosen = chosen.outerjoin_from(mine, last, last.c.contacted == mine.c.customer).where(
                is_there | last.c.state.is_(None) if state == "to_contact" else is_there
            )
        # What else is known is looked up for the few who are shown.
        some = chosen.subquery()
        query = (
            select(some, heard.c.heard, last, _YEARLY.label("yearly"), customers.c.segment)
            .select_from(some)
            .outerjoin(heard, (heard.c.customer == some.c.customer) & (heard.c.heard > some.c.first_at))
            .outerjoin(last, last.c.contacted == some.c.customer)
            .outerjoin(customers, customers.c.customer == some.c.customer)
            .order_by(*_worst(some))
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [_hurt(row, interruption) for row in rows]

    def contact_counts(
        self, places: Sequence[Place], interruption: str, *, everybody: int | None = None
    ) -> dict[ContactState, int]:
        """How many customers of some places stand where in an interruption's recovery."""
        last = _last_contacts(interruption)
        hit = self._by_customer(places)
        query = (
            select(last.c.state, func.count())
            .join_from(hit, last, last.c.contacted == hit.c.customer)
            .group_by(last.c.state)
        )
        with self._database.read() as connection:
            if everybody is None:
                everybody = self._database.distinct(connection, select(breaks.c.customer).where(self._in(places)))
            found = {row[0]: row[1] for row in connection.execute(query)}
        counts: dict[ContactState, int] = {word: found.get(word, 0) for word in CONTACT_STATES}
        counts["to_contact"] = everybody - counts["contacted"] - counts["made_good"]
        return counts

    def contacts(self, interruption: str, customer: str) -> list[Contact]:
        """Everything that was done for a customer, in order."""
        table = contacts.c
        query = (
            select(contacts)
            .where(table.interruption == interruption, table.customer == customer)
            .order_by(table.at, table.id)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [Contact(row.interruption, row.customer, row.state, row.at, row.author, row.note) for row in rows]

    def reached(self, places: Sequence[Place]) -> int:
        """Distinct customers of some places who were contacted or made good with."""
        done = select(contacts.c.customer).where(contacts.c.state != "to_contact")
        query = select(func.count(distinct(breaks.c.customer))).where(self._in(places), breaks.c.customer.in_(done))
        with self._database.read() as connection:
            return connection.scalar(query) or 0

    def first_breaks(self, places: Sequence[Place]) -> dict[str, int]:
        """Customers by the moment in which they were hit first."""
        order = (breaks.c.at, breaks.c.moment, breaks.c.ref)
        nth = func.row_number().over(partition_by=breaks.c.customer, order_by=order).label("nth")
        ranked = select(breaks.c.moment, nth).where(self._in(places)).subquery()
        query = select(ranked.c.moment, func.count()).where(ranked.c.nth == 1).group_by(ranked.c.moment)
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def hit_later(self, first: Sequence[Place], later: Sequence[Place]) -> int:
        """Distinct customers hit in the one places, and after that in the others."""
        before = self._by_customer(first, func.min(breaks.c.at).label("at"))
        after = self._by_customer(later, func.max(breaks.c.at).label("at"))
        query = (
            select(func.count())
            .select_from(before)
            .join(after, (before.c.customer == after.c.customer) & (after.c.at > before.c.at))
        )
        with self._database.read() as connection:
            return connection.scalar(query) or 0

    def promised_to(self, moments: Sequence[str], start: Micros, end: Micros) -> int:
        """Distinct customers with a keyed promise due in [start, end)."""
        table = promises.c
        spans = [and_(table.moment == name, table.due >= start, table.due < end) for name in sorted(set(moments))]
        if not spans:
            return 0
        query = select(table.customer).where(or_(*spans), table.customer.is_not(None))
        with self._database.read() as connection:
            return self._database.distinct(connection, query)

    def repeats(self, places: Sequence[Place]) -> dict[int, int]:
        """Customers by how many of their promises were broken."""
        mine = self._by_customer(places, func.count().label("broken"))
        query = select(mine.c.broken, func.count()).group_by(mine.c.broken).order_by(mine.c.broken)
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def repeaters(self, places: Sequence[Place], least: int, *, limit: int = 100) -> list[Repeat]:
        """Those with at least so many broken promises, by value."""
        mine = self._by_customer(
            places,
            func.count().label("broken"),
            func.count(distinct(breaks.c.moment)).label("moments"),
            _sum(breaks.c.value).label("value"),
            func.max(breaks.c.at).label("last_at"),
        )
        worth = func.coalesce(_YEARLY, mine.c.value)
        query = (
            select(mine, _YEARLY.label("yearly"), customers.c.segment)
            .outerjoin_from(mine, customers, customers.c.customer == mine.c.customer)
            .where(mine.c.broken >= least)
            .order_by(worth.desc(), mine.c.broken.desc(), mine.c.customer)
            .limit(limit)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [
            Repeat(row.customer, row.broken, row.moments, row.value, row.last_at, row.yearly, row.segment)
            for row in rows
        ]

    def worth(self, places: Sequence[Place]) -> tuple[int, int]:
        """(distinct customers whose yearly value is known, the sum of these values) over places."""
        with self._database.read() as connection:
            # Where nobody told any value there is nothing to find among a hundred thousand customers.
            if connection.scalar(select(customers.c.customer).where(_YEARLY.is_not(None)).limit(1)) is None:
                return 0, 0
        hit = self._by_customer(places)
        query = (
            select(func.count(), _sum(_YEARLY))
            .join_from(hit, customers, customers.c.customer == hit.c.customer)
            .where(_YEARLY.is_not(None))
        )
        with self._database.read() as connection:
            known, value = connection.execute(query).one()
        return known, value or 0

    def known(self, places: Sequence[Place]) -> tuple[int, int]:
        """(known customers, those among them whom places hit)."""
        hit = self._by_customer(places)
        both = select(func.count()).join_from(hit, customers, customers.c.customer == hit.c.customer)
        with self._database.read() as connection:
            everybody = connection.scalar(select(func.count()).select_from(customers)) or 0
            return everybody, connection.scalar(both) or 0

    def hit_among(self, places: Sequence[Place], names: Collection[str]) -> set[str]:
        """Those of some customers whom places hit."""
        query = select(breaks.c.customer).where(
            self._in(places), self._database.among(breaks.c.customer, sorted(names))
        )
        with self._database.read() as connection:
            return set(connection.scalars(query.distinct()))

    def segments(self, places: Sequence[Place], start: Micros, end: Micros) -> list[SegmentHarm]:
        """Customer segments by name, with whom places hit and how often they complained in [start, end)."""
        mine = self._by_customer(places, func.count().label("broken"), _sum(breaks.c.value).label("value"))
        said = (
            select(voices.c.customer, func.count().label("said"))
            .where(
                voices.c.kind == "complaint", voices.c.at >= start, voices.c.at < end, voices.c.customer.is_not(None)
            )
            .group_by(voices.c.customer)
            .subquery()
        )
        sums = (func.count(), _sum(mine.c.broken), _sum(mine.c.value), _sum(_YEARLY), _sum(said.c.said))
        query = (
            select(customers.c.segment, *sums)
            .select_from(mine)
            .outerjoin(customers, customers.c.customer == mine.c.customer)
            .outerjoin(said, said.c.customer == mine.c.customer)
            .group_by(customers.c.segment)
        )
        listed = select(customers.c.segment, func.count()).where(customers.c.listed).group_by(customers.c.segment)
        with self._database.read() as connection:
            known = {row[0]: row[1] for row in connection.execute(listed)}
            found = {row[0]: tuple(each or 0 for each in row[1:]) for row in connection.execute(query)}
        names = sorted(known.keys() | found.keys(), key=lambda name: (name is None, name or ""))
        return [SegmentHarm(name, known.get(name, 0), *found.get(name, (0,) * len(sums))) for name in names]

    def audit(self, *, limit: int = 100) -> list[AuditEntry]:
        """Newest first."""
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [AuditEntry(row.at, row.author, row.role, row.what, row.subject, row.note) for row in rows]

    def marks(self, interruption: str) -> list[Mark]:
        """Revenue at risk of an interruption as it was frozen, in order of time."""
        table = risk_marks.c
        query = select(table.body).where(table.interruption == interruption).order_by(table.at, table.what)
        with self._database.read() as connection:
            return [unpack(body, Mark) for body in connection.scalars(query)]

    def _in(self, places: Sequence[Place]) -> ColumnElement[bool]:
        """Whether a break lies in one of some places."""
        return or_(false(), *(self._at(place) for place in places)) if len(places) != 1 else self._at(places[0])

    def _at(self, place: Place) -> ColumnElement[bool]:
        # What a segment's dimension does not state is unknown to the database, and must be plainly not in it.
        without = [not_(func.coalesce(self._of(segment), literal(value=False, type_=Boolean))) for segment in place.but]
        table = breaks.c
        return and_(
            table.moment == place.moment,
            table.at >= place.start,
            table.at < place.end,
            self._of(place.segment),
            *without,
        )

    def _of(self, segment: Segment) -> ColumnElement[bool]:
        return and_(True, *(self._database.dimension(breaks.c.dims, name).in_(of) for name, of in segment))

    def _by_customer(self, places: Sequence[Place], *sums: ColumnElement[Any]) -> Subquery:
        return select(breaks.c.customer, *sums).where(self._in(places)).group_by(breaks.c.customer).subquery()

    def _people(self, places: Sequence[Place], unknown: ColumnElement[bool]) -> Subquery:
        return self._by_customer(
            places,
            func.count().label("broken"),
            _sum(breaks.c.value).label("value"),
            func.min(breaks.c.at).label("first_at"),
            func.max(breaks.c.at).label("last_at"),
            func.max(case((waiting() & ~unknown, 1), else_=0)).label("waiting"),
            func.max(case((unknown, 1), else_=0)).label("unknown"),
            func.max(case((breaks.c.settled_at.is_not(None), 1), else_=0)).label("settled"),
        )

    def _heard(self, places: Sequence[Place]) -> Subquery:
        """Each customer's last complaint about the moments, or about nothing in particular."""
        table = voices.c
        since = min((place.start for place in places), default=0)
        until = max((place.end for place in places), default=0) + FOLLOW
        return (
            select(table.customer, func.max(table.at).label("heard"))
            .where(table.kind == "complaint", table.at >= since, table.at < until, table.customer.is_not(None))
            .where(table.moment.is_(None) | table.moment.in_(moments_of(places)))
            .group_by(table.customer)
            .subquery()
        )


def _worst(of: Subquery) -> tuple[ColumnElement[Any], ...]:
    """The order of the recovery list."""
    return of.c.waiting.desc(), of.c.value.desc(), of.c.customer


def _last_contacts(interruption: str) -> Subquery:
    """What stands for each customer of an interruption."""
    table = contacts.c
    order = (table.at.desc(), table.id.desc())
    nth = func.row_number().over(partition_by=table.customer, order_by=order).label("nth")
    ranked = select(contacts, nth).where(table.interruption == interruption).subquery()
    return (
        select(
            ranked.c.customer.label("contacted"),
            ranked.c.state,
            ranked.c.at.label("contacted_at"),
            ranked.c.author,
            ranked.c.note,
        )
        .where(ranked.c.nth == 1)
        .subquery()
    )


def _hurt(row: Row[Any], interruption: str) -> Hurt:
    contact = None
    if row.state is not None:
        contact = Contact(interruption, row.customer, row.state, row.contacted_at, row.author, row.note)
    return Hurt(
        customer=row.customer,
        broken=row.broken,
        value=row.value,
        first_at=row.first_at,
        last_at=row.last_at,
        waiting=bool(row.waiting),
        settled_late=bool(row.settled) and not row.waiting and not row.unknown,
        unknown=bool(row.unknown) and not row.waiting,
        complained_at=row.heard,
        contact=contact,
        yearly=row.yearly,
        segment=row.segment,
    )


def _sum(column: ColumnElement[Any]) -> ColumnElement[int]:
    """A sum of 64-bit integers stays one: PostgreSQL would answer with a decimal."""
    return cast(func.sum(column), BigInteger)


def _count_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(_sum(case((condition, 1), else_=0)), 0)
