"""Which broken promises nobody will settle any more: never an outcome, for too long after their due.

Told from the time that each moment's last closing left, not written to the rows: a change of `give_up_after` holds
for all of them at once, an outcome that comes after all takes the row out of it, and closing touches no old rows.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, and_, false, func, or_, select

from service.adapters.store.sql import asking
from service.adapters.store.sql.tables import breaks, promises
from service.core.event import Micros
from service.core.people import Place, moments_of


def waiting() -> ColumnElement[bool]:
    """Not kept so far."""
    return breaks.c.promised & breaks.c.settled_at.is_(None)


def given_up(connection: Connection, places: Sequence[Place]) -> ColumnElement[bool] | None:
    """The breaks of some places whose outcome is unknown; None: there are none, as in any that is recent."""
    since = min((place.start for place in places), default=0)
    rows = connection.execute(asking.given_up(), {"of": moments_of(places), "first": since})
    return _told([(moment, through) for moment, through in rows])


def _told(through: Sequence[tuple[str, Micros]]) -> ColumnElement[bool] | None:
    if not through:
        return None
    late = or_(false(), *(and_(breaks.c.moment == moment, breaks.c.at < time) for moment, time in through))
    # An explicit `broken` is an outcome; what withdrew the promise after its due is one, too.
    unheard = select(promises.c.key).where(
        promises.c.moment == breaks.c.moment,
        promises.c.key == func.substr(breaks.c.ref, 2),
        promises.c.expires,
        promises.c.waiting,
    )
    return waiting() & late & unheard.exists()
