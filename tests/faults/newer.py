"""Makes of this process one of the next version: a schema with a step more, and judges that learn otherwise."""

import os
from pathlib import Path
from typing import Any

from alembic.config import Config
from sqlalchemy import Connection

from service.adapters.store import migrate
from service.core.judging import judge

NEXT = "1.999"
_STEP = '''"""A step of the next version: it adds, as every step within a major version does."""

import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "{next}", "{head}", None, None


def upgrade() -> None:
    op.create_table("of_the_next_version", sa.Column("id", sa.Integer, primary_key=True))
    op.add_column("partitions", sa.Column("of_the_next_version", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("partitions", "of_the_next_version")
    op.drop_table("of_the_next_version")
'''


def become_newer(folder: Path) -> None:
    """In this process alone; `folder` holds the step."""
    known, config_of = migrate.known(), migrate._config  # there is one version of it otherwise
    versions = Path(migrate.__file__).parent / "migrations" / "versions"
    folder.mkdir(exist_ok=True)
    # Another one of the next version may be making the same.
    made = folder / f"{os.getpid()}.new"
    made.write_text(_STEP.format(next=NEXT, head=migrate.head()))
    made.rename(folder / "next.py")

    def config(connection: Connection) -> Config:
        found = config_of(connection)
        found.set_main_option("version_locations", f"{versions}:{folder}")
        return found

    changes: dict[str, Any] = {"_config": config, "known": lambda: (NEXT, *known)}
    for name, value in changes.items():
        setattr(migrate, name, value)
    # What was learned by the version before is not read, and the other way round.
    judge._VERSION += 1  # as above
