"""Pages that were made, in SQL: a row each."""

from sqlalchemy import BigInteger, Column, LargeBinary, Table, Text, select

from service.adapters.store.sql.bulk import plan
from service.adapters.store.sql.database import Database
from service.adapters.store.sql.tables import metadata
from service.core.shown_ports import Shown

pages = Table(
    "shown",
    metadata,
    Column("name", Text, primary_key=True),
    Column("mark", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("took", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

_PUT = plan(pages, "put")


class SqlShown:
    """The part of the store that keeps pages."""

    _database: Database

    def shown(self, name: str) -> Shown | None:
        """The newest page of a name."""
        with self._database.read() as connection:
            row = connection.execute(select(pages).where(pages.c.name == name)).one_or_none()
        return None if row is None else Shown(row.name, row.mark, row.made_at, row.took, bytes(row.body))

    def show(self, page: Shown) -> None:
        """Keep a page in the place of the one before it."""
        row = (page.name, page.mark, page.made_at, page.took, page.body)
        self._database.write(lambda connection: self._database.bulk.run(connection, _PUT, [row]))
