"""`momentwatch db`: makes, checks and moves the database."""

import argparse
import sys
from pathlib import Path

_FAILED = 1
_BAD_SETTINGS = 2
_URL = "sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the command."""
    parser = subparsers.add_parser("db", help="make, check or copy the database")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    upgrade = actions.add_parser("upgrade", help="make the tables, or bring them to this version")
    check = actions.add_parser("check", help="say whether the tables are this version's; exit 1 when not")
    downgrade = actions.add_parser("downgrade", help="take the tables back to an older version, for an older program")
    downgrade.add_argument("--to", required=True, metavar="VERSION", help="as `db check` of that program names it")
    downgrade.add_argument("--yes", action="store_true", help="do it; what only newer versions keep is lost")
    vacuum = actions.add_parser(
        "vacuum", help="do what retention asks for (with --config), and give back the room of what was deleted"
    )
    for one in (upgrade, check, downgrade, vacuum):
        place = one.add_mutually_exclusive_group(required=True)
        place.add_argument("--url", metavar="URL", help=_URL)
        place.add_argument("--config", type=Path, metavar="FILE", help="the settings that name the database")
    copy = actions.add_parser("copy", help="copy everything to an empty database, as from SQLite to PostgreSQL")
    copy.add_argument("--from", dest="source", required=True, metavar="URL", help=_URL)
    copy.add_argument("--to", dest="target", required=True, metavar="URL", help=_URL)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Do it; 0 when it was done, 1 when it could not be, 2 when the settings are bad."""
    from service.adapters.catalog.problem import CatalogError
    from service.core.ports import StoreAway, StoreBusy, StoreRefused

    actions = {"upgrade": _upgrade, "check": _check, "copy": _copy, "downgrade": _downgrade, "vacuum": _vacuum}
    try:
        actions[arguments.action](arguments)
    except CatalogError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return _BAD_SETTINGS
    except (StoreAway, StoreBusy, StoreRefused) as error:
        print(f"momentwatch db {arguments.action}: {error}", file=sys.stderr)
        return _FAILED
    return 0


def _url(arguments: argparse.Namespace) -> str:
    """The URL that was given, or the one of the settings with its password."""
    if arguments.url is not None:
        return str(arguments.url)
    from service.settings import load_settings

    return load_settings(arguments.config).database.address


def _upgrade(arguments: argparse.Namespace) -> None:
    from service.adapters.store import migrate, open_database

    with open_database(_url(arguments)) as database:
        before = migrate.current(database)
        migrate.upgrade(database)
        print(f"{database.where}: {before or 'nothing'} → {migrate.head()}")


def _check(arguments: argparse.Namespace) -> None:
    from service.adapters.store import migrate, open_database

    with open_database(_url(arguments), make=False) as database:
        migrate.check(database)
        print(f"{database.where}: at {migrate.current(database)}, as it should be")


def _downgrade(arguments: argparse.Namespace) -> None:
    from service.adapters.store import migrate, open_database
    from service.core.ports import StoreRefused

    with open_database(_url(arguments), make=False) as database:
        before = migrate.current(database)
        if not arguments.yes:
            raise StoreRefused(
                f"{database.where}: from {before} to {arguments.to} loses what only newer versions keep; stop every "
                "momentwatch that uses it, make a backup, and say --yes"
            )
        migrate.downgrade(database, arguments.to)
        print(f"{database.where}: {before} → {arguments.to}")


def _vacuum(arguments: argparse.Namespace) -> None:
    import threading
    import time

    from service.adapters.catalog import load
    from service.adapters.store import open_database, open_sql_store
    from service.loops.retaining import Retaining
    from service.settings import load_settings

    if arguments.config is not None:
        settings = load_settings(arguments.config)
        store = open_sql_store(_url(arguments), load(settings.rules).catalog.moments, make=False)
        try:
            work = Retaining(store.retention(), settings.retention.keep, lambda: time.time_ns() // 1000)
            touched = work.round(threading.Event(), breath=0)
        finally:
            store.close()
        print(f"retention touched {touched:,} rows")

    with open_database(_url(arguments), make=False) as database:
        before, after = database.vacuum()
        print(f"{database.where}: {before / 1e6:,.1f} MB → {after / 1e6:,.1f} MB")


def _copy(arguments: argparse.Namespace) -> None:
    from service.adapters.store import open_database
    from service.adapters.store.copy import copy

    def progress(table: str, rows: int) -> None:
        print(f"{table:<16} {rows:>12,}", file=sys.stderr)

    with open_database(arguments.source, make=False) as source, open_database(arguments.target) as target:
        rows = copy(source, target, progress)
        print(f"{rows:,} rows: {source.where} → {target.where}")
