"""The pages of a journey, of those who answer for it, and of the customers whom it hit more than once."""

from collections.abc import Iterable

from service.adapters.web.look import Look
from service.adapters.web.sheet import Cell, Sheet, Table, heads
from service.adapters.web.words import percent, plain, whole
from service.core.catalog import Journey, Moment, Owner
from service.core.event import DAY, Micros
from service.core.reporting.goalposts import goalposts
from service.core.reporting.goalposts import said as said_of
from service.core.reporting.journeys import Roll, Seam, Span, Walked, owned, rolled, under, walked
from service.core.reporting.repeat import PERIODS, Again, Served, again, served
from service.core.standing import Totals

WEEK: Micros = 7 * DAY


def journey(look: Look, of: Journey) -> Sheet:
    """A journey over the last seven days and the last ninety."""
    week = walked(look.reader, look.catalog, of, Span(look.now + 1 - WEEK, look.now + 1))
    quarter = walked(look.reader, look.catalog, of, Span(look.now + 1 - 90 * DAY, look.now + 1))
    return Sheet(
        title=plain(of.title or of.name),
        lead=plain(of.goal),
        summary=f"In 7 days {reliability_words(week)} In 90 days {reliability_words(quarter)}",
        tables=(_stages(of, week, quarter), _first(look, quarter), _seams(look, quarter.seams)),
    )


def reliability_words(of: Walked) -> str:
    """How whole a journey was for its customers, or what is known of that."""
    hit = of.impact.customers
    if of.reliability is not None and of.promised is not None:
        kept = of.promised - min(hit, of.promised)
        return f"{whole(kept)} of {whole(of.promised)} customers had everything kept ({percent(of.reliability)})."
    if of.lower is not None and of.upper is not None:
        bounds = f"{percent(of.lower)} and {percent(of.upper)}"
        return f"{whole(hit)} customers were let down; between {bounds} had everything kept."
    return f"{whole(hit)} customers were let down."


def _stages(of: Journey, week: Walked, quarter: Walked) -> Table:
    executives = {stage.name: stage.executive for stage in of.stages}
    rows = [
        (
            Cell(plain(now.title or now.name)),
            Cell(plain(executives[now.name], 80)),
            Cell(whole(now.impact.customers), number=True),
            Cell(whole(now.impact.waiting), number=True),
            Cell(_share(now), number=True),
            Cell(whole(before.impact.customers), number=True),
        )
        for now, before in zip(week.stages, quarter.stages, strict=True)
    ]
    rows.append(
        (
            Cell("The whole journey"),
            Cell(""),
            Cell(whole(week.impact.customers), number=True),
            Cell(whole(week.impact.waiting), number=True),
            Cell(""),
            Cell(whole(quarter.impact.customers), number=True),
        )
    )
    names = heads("Stage", "Accountable", "#Let down in 7 days", "#Still waiting", "#Broken", "#Let down in 90 days")
    note = "A customer is counted once in a line, so that the lines do not add up to the last."
    return Table("Stages, in the customer's order", names, tuple(rows), note)


def _first(look: Look, of: Walked) -> Table:
    rows = tuple(
        (Cell(_title(look, name), href=f"/moments/{name}"), Cell(whole(count), number=True)) for name, count in of.first
    )
    return Table("Where it broke first, in 90 days", heads("Moment", "#Customers"), rows)


def _seams(look: Look, seams: Iterable[Seam]) -> Table:
    rows = tuple(
        (
            Cell(plain(seam.title), href=f"/moments/{seam.moment}"),
            Cell(_owner(look, seam.giver), href=f"/owners/{seam.giver}"),
            Cell(_owner(look, seam.taker), href=f"/owners/{seam.taker}"),
            Cell(whole(seam.impact.customers), number=True),
            Cell(whole(seam.followed), number=True),
        )
        for seam in seams
    )
    names = heads("Seam", "From", "To", "#Let down", "#And later in a stage after it")
    return Table("Breaks at the seams, in 90 days", names, rows)


def owner(look: Look, of: Owner) -> Sheet:
    """What an owner answers for, and whoever rolls up to them."""
    span = Span(look.now + 1 - WEEK, look.now + 1)
    mine = owned(look.catalog, of.name, span)
    impact = look.reader.harm(mine)
    owners, _, _ = rolled(look.reader, look.catalog, span)
    below = [each for each in owners if each.name in under(look.catalog, of.name)]
    lead = f"{plain(of.team, 80)}" if of.team else ""
    said = f"{whole(impact.customers)} customers let down in 7 days, {whole(impact.waiting)} still waiting."
    if len(below) > 1:
        places = [place for each in below for place in owned(look.catalog, each.name, span)]
        said += f" With those who report to them: {whole(look.reader.harm(places).customers)}, each counted once."
    rows = tuple(
        (
            Cell(_title(look, place.moment), href=f"/moments/{place.moment}"),
            Cell("; ".join(f"{plain(name, 40)} {', '.join(plain(v, 40) for v in of)}" for name, of in place.segment)),
            Cell(whole(look.reader.harm([place]).customers), number=True),
        )
        for place in mine
    )
    tables = [Table("Answers for", heads("Moment", "Where", "#Let down in 7 days"), rows)] if rows else []
    others = [moment for moment in look.catalog.moments.values() if moment.owner == of.name and not _counts(moment)]
    if others:
        tables.append(_others(look, others, span))
    moved = tuple(
        (Cell(_title(look, name), href=f"/moments/{name}"), Cell(plain(line, 300)))
        for name in dict.fromkeys(place.moment for place in mine)
        for line in said_of(goalposts(look.reader, name, span.start, span.end))
    )
    if moved:
        tables.append(Table("What moved the goalposts, in 7 days", heads("Moment", "What"), moved))
    if len(below) > 1:
        tables.append(_rolls("Owners", below))
    return Sheet(plain(of.title or of.name), lead, said if mine else "", tuple(tables))


def _counts(moment: Moment) -> bool:
    return moment.unit == "customers"


def _others(look: Look, moments: Iterable[Moment], span: Span) -> Table:
    """Moments whose events are no customers: flights, payments, claims."""
    rows = []
    for moment in moments:
        found = look.reader.totals(moment.name, span.start, span.end, span.end - span.start)
        sums = found[0][1] if found else Totals()
        rows.append(
            (
                Cell(_title(look, moment.name), href=f"/moments/{moment.name}"),
                Cell(plain(moment.unit, 40)),
                Cell(whole(sums.broken), number=True),
                Cell(whole(sums.attempts), number=True),
            )
        )
    heading = "Answers for, where no customers are counted"
    return Table(heading, heads("Moment", "Counts", "#Broken in 7 days", "#of"), tuple(rows))


def owners(look: Look) -> Sheet:
    """Everybody accountable, by the customers of the last seven days."""
    by_owner, by_manager, by_expectation = rolled(look.reader, look.catalog, Span(look.now + 1 - WEEK, look.now + 1))
    tables = [_rolls("Owners", by_owner)]
    others = sorted(look.catalog.owners.keys() - {each.name for each in by_owner})
    if others:
        rows = tuple((Cell(_owner(look, name), href=f"/owners/{name}"),) for name in others)
        tables.append(Table("Owners of what counts no customers", heads("Name"), rows))
    if not by_owner:
        del tables[0]
    if by_manager:
        tables.append(_rolls("Managers, with all who report to them", by_manager))
    if by_expectation:
        tables.append(_rolls("Overall expectations", by_expectation, href=""))
    return Sheet(
        "Who answers for it", "", "Customers let down in 7 days, each counted once in a line.", tuple(tables), "owners"
    )


def _rolls(title: str, rolls: Iterable[Roll], href: str = "/owners/") -> Table:
    rows = tuple(
        (
            Cell(plain(each.title, 80), href=f"{href}{each.name}" if href else ""),
            Cell(whole(len(each.moments)), number=True),
            Cell(whole(each.impact.customers), number=True),
            Cell(whole(each.impact.waiting), number=True),
            Cell(_share(each), number=True),
        )
        for each in rolls
    )
    return Table(title, heads("Name", "#Moments", "#Let down", "#Still waiting", "#Broken"), rows)


def customers(look: Look, ideal: tuple[str, ...], contact_cost: int | None) -> Sheet:
    """Customers who were hit more than once, and customer segments."""
    if not any(moment.unit == "customers" for moment in look.catalog.moments.values()):
        return Sheet(
            "Customers hit more than once", "", "No moment that is watched here counts customers.", (), "customers"
        )
    tables = []
    said = []
    for days in PERIODS:
        found = again(look.reader, look.catalog, look.now, days)
        said.append(again_words(found))
        if days == PERIODS[-1]:
            tables.append(_top(look, found))
    tables.insert(0, _segments(look, served(look.reader, look.catalog, look.now, PERIODS[-1], ideal, contact_cost)))
    return Sheet("Customers hit more than once", "", " ".join(said), tuple(tables), "customers")


def again_words(of: Again) -> str:
    """`In 30 days 228 customers were let down: 31 of them twice or more, 4 three times or more`."""
    if not of.base:
        return f"In {of.days} days nobody was let down."
    said = f"In {of.days} days {whole(of.base)} customers were let down"
    return f"{said}: {whole(of.at_least(2))} of them twice or more, {whole(of.at_least(3))} three times or more."


def _top(look: Look, found: Again) -> Table:
    rows = tuple(
        (
            Cell(plain(row.customer, 120)),
            Cell(whole(row.broken), number=True),
            Cell(whole(row.moments), number=True),
            Cell("" if row.yearly is None else look.words.money(row.yearly), number=True),
            Cell(look.words.money(row.value) if row.value else "", number=True),
            Cell(look.words.stamp(row.last_at, look.now)),
        )
        for row in found.top
    )
    names = heads("Customer", "#Broken", "#Moments", "#Yearly value", "#Value of what broke", "Last")
    note = f"The first {len(rows)} of {whole(found.at_least(2))}, of {whole(found.base)} who were let down at all."
    return Table(f"Let down twice or more in {found.days} days, by value", names, rows, note)


def _segments(look: Look, rows: Iterable[Served]) -> Table:
    cells = tuple(
        (
            Cell(plain(each.harm.segment or "not stated", 80) + (" (ideal)" if each.ideal else "")),
            Cell(whole(each.harm.listed) if each.harm.listed else "", number=True),
            Cell(whole(each.harm.customers), number=True),
            Cell(whole(each.harm.broken), number=True),
            Cell(look.words.money(each.harm.yearly) if each.harm.yearly else "", number=True),
            Cell(whole(each.harm.complaints), number=True),
            Cell("not known" if each.cost is None else look.words.money(each.cost), number=True),
        )
        for each in rows
    )
    names = heads(
        "Segment", "#Customers", "#Let down", "#Broken", "#Their yearly value", "#Complaints", "#Cost to serve"
    )
    note = "Cost to serve: complaints of those let down, times customers.contact_cost of the settings."
    return Table(f"Customer segments in {PERIODS[-1]} days", names, cells, note)


def _share(of: Roll) -> str:
    return percent(of.impact.broken / of.attempts) if of.attempts else ""


def _title(look: Look, name: str) -> str:
    moment = look.catalog.moments.get(name)
    return plain((moment.title if moment else "") or name)


def _owner(look: Look, name: str) -> str:
    of = look.catalog.owners.get(name)
    return plain((of.title if of else "") or name, 80)
