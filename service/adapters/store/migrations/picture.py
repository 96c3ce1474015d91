"""What all steps together leave in an empty SQLite database, kept as a script beside them.

A first start runs it instead of the steps, and needs not load what takes them: 0.02 of 0.2 s of a core. A database that
is there goes step by step, as PostgreSQL always does: `CREATE` from the tables of the code would have been a second
description of the schema, while this is the steps' own work, and a test holds it against them. Whoever adds a step
writes it anew: `python -m service.adapters.store.migrations.picture`.
"""

import re
import sqlite3
import tempfile
from pathlib import Path

from sqlalchemy import Connection

PICTURE = Path(__file__).with_name("sqlite.sql")
_BETWEEN = "\n\n"


def drawn(database: sqlite3.Connection) -> str:
    """The script that makes an empty database what this one is."""
    statements = list(database.iterdump())[1:-1]
    return _BETWEEN.join(re.sub(r"\s*\n\s*", "\n  ", statement.strip()) for statement in statements) + "\n"


def run(connection: Connection) -> None:
    """Make an empty SQLite database what the steps would; in the transaction of the connection."""
    for statement in PICTURE.read_text(encoding="utf-8").split(_BETWEEN):
        connection.exec_driver_sql(statement)


def main() -> None:
    """Write the script anew, from the steps."""
    from service.adapters.store import migrate, open_database

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "steps.db"
        with open_database(f"sqlite:///{file}") as database:
            database.write(migrate.take_steps)
        made = sqlite3.connect(file)
        PICTURE.write_text(drawn(made), encoding="utf-8")
        made.close()


if __name__ == "__main__":
    main()
