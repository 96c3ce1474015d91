"""`momentwatch export`: the customers of an interruption, for those who call them before they call."""

import argparse
import getpass
import io
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from service.cli.where import BAD, FAILED, add_place, harmless, said_plainly, settings_of, url_in
from service.core.people import CONTACT_STATES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.adapters.recovery import Row
    from service.core.interruption import Interruption
    from service.core.people import Hurt
    from service.core.ports import Reader, Store
    from service.settings import Settings

_FAR = 1 << 62
_PAGE = 250_000


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "export",
        help="the customers of an interruption, and how far their recovery is",
        description="Write the recovery list of an interruption: each customer once, those who still wait first, then "
        "by value. It is read beside a running service; --mark and --identify write, so that with SQLite the service "
        "must be stopped.",
    )
    parser.add_argument("interruption", metavar="INTERRUPTION", help="its id, or the beginning of it")
    parser.add_argument("--format", choices=("csv", "json"), default="csv", help="json: an object a line")
    parser.add_argument("--output", type=Path, metavar="FILE", help="a new file, for your eyes alone")
    parser.add_argument("--state", choices=CONTACT_STATES, help="only those who stand here")
    parser.add_argument("--customer", metavar="NAME", help="only this one, as the list names them")
    parser.add_argument("--mark", choices=CONTACT_STATES, help="write down that those exported stand here now")
    parser.add_argument("--note", default="", metavar="TEXT", help="for --mark")
    parser.add_argument("--by", default=None, metavar="NAME", help="who does it (default: your login)")
    parser.add_argument("--identify", action="store_true", help="join pseudonyms back to ids; audited")
    parser.add_argument("--role", default="", metavar="ROLE", help="for --identify: one of customers.identify_roles")
    parser.add_argument("--ids", type=Path, metavar="FILE", help="for --identify: CSV with the customer system's ids")
    add_place(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Export; 1 where there is no such interruption, 2 where the arguments or settings will not do."""
    from service.settings import Database, Settings

    with said_plainly("export"):
        if arguments.config is None:
            settings = Settings.model_construct(database=Database.model_construct(url=arguments.url))
        else:
            settings = settings_of(arguments)
        trouble = _trouble(arguments, settings)
        if trouble:
            print(f"momentwatch export: {trouble}", file=sys.stderr)
            return BAD
        with _opened(arguments, settings) as (reader, store):
            found = _interruption(reader, arguments.interruption)
            if isinstance(found, str):
                print(f"momentwatch export: {found}", file=sys.stderr)
                return FAILED
            return _export(arguments, settings, found, reader, store)


def _trouble(arguments: argparse.Namespace, settings: "Settings") -> str:
    """What cannot be meant, or is not allowed, with the remedy."""
    if arguments.note and not arguments.mark:
        return "--note goes with --mark; say which state it explains"
    if not arguments.identify:
        return "--role and --ids go with --identify" if arguments.role or arguments.ids else ""
    customers = settings.customers
    if not customers.pseudonym_keys:
        return "--identify needs --config with customers.pseudonym_keys; without them the list has the ids already"
    if arguments.role not in customers.identify_roles:
        allowed = ", ".join(customers.identify_roles) or "nobody"
        return f"role {arguments.role!r} may not join pseudonyms back; customers.identify_roles lets: {allowed}"
    if arguments.ids is None and customers.table is None:
        return "--identify needs the customer system's ids: --ids FILE, or customers.table in the settings"
    return ""


@contextmanager
def _opened(arguments: argparse.Namespace, settings: "Settings") -> "Iterator[tuple[Reader, Store | None]]":
    """The store to read, and to write where that is asked for."""
    from service.adapters.store import open_reader, open_store
    from service.app.customers import open_people
    from service.core.ports import StoreRefused

    if arguments.mark or arguments.identify:
        store = open_people(settings)
        try:
            yield store, store
        finally:
            store.close()
        return
    try:
        # The audit is written, too.
        store = open_store(url_in(settings), make=False)
    except StoreRefused as refused:
        print(f"momentwatch export: not in the audit, which cannot be written now: {refused}", file=sys.stderr)
        with open_reader(url_in(settings)) as reader:
            yield reader, None
        return
    try:
        yield store, store
    finally:
        store.close()


def _interruption(reader: "Reader", given: str) -> "Interruption | str":
    """The one that is meant, or what is wrong."""
    exact = reader.interruption(given)
    if exact is not None:
        return exact
    found = [row for row in reader.interruptions() if given and row.id.startswith(given)]
    if len(found) == 1:
        return found[0]
    if found:
        return f"{given!r} begins the ids of {len(found)} interruptions; write more of it"
    return f"there is no interruption {harmless(given)!r}; the address of its page ends with its id"


def _export(
    arguments: argparse.Namespace, settings: "Settings", it: "Interruption", reader: "Reader", store: "Store | None"
) -> int:
    from service.adapters import recovery
    from service.adapters.customers import CustomersFileError
    from service.core.people import AuditEntry, Contact

    now, by = time.time_ns() // 1000, arguments.by or getpass.getuser()
    try:
        identities = _identities(arguments, settings) if arguments.identify else None
    except CustomersFileError as error:
        print(f"momentwatch export: {error}", file=sys.stderr)
        return BAD
    people = list(_people(arguments, it, reader))
    if store is not None and identities is not None:
        # Before a single row is written: nobody sees an id without a trace.
        said = f"{len(people)} customers"
        store.add_audit(AuditEntry(now, by, arguments.role, "identified", it.id, said))
    elif store is not None:
        said = f"{len(people)} customers"
        store.add_audit(AuditEntry(now, by, arguments.role, "exported", it.id, said))
    if store is not None and arguments.mark:
        marked = [Contact(it.id, each.customer, arguments.mark, now, by, arguments.note) for each in people]
        store.add_contacts(marked)
        store.add_audit(AuditEntry(now, by, arguments.role, "contact", it.id, f"{len(people)} {arguments.mark}"))
        people = list(_people(arguments, it, reader)) if not arguments.state else people
    rows = (recovery.row(each, settings.currency.minor_digits, identities) for each in people)
    count = _write(arguments, rows, identified=identities is not None)
    if count is None:
        return BAD
    print(f"{count:,} rows: whom interruption {it.id} of {it.moment} hit", file=sys.stderr)
    return 0


def _people(arguments: argparse.Namespace, it: "Interruption", reader: "Reader") -> "Iterator[Hurt]":
    from service.core.people import all_hurt, place_of
    from service.core.reporting.report import COUNTS_NOBODY

    if it.kind in COUNTS_NOBODY:
        print(f"what is seen of {it.kind} is that events are missing: there is nobody to count", file=sys.stderr)
        return
    for each in all_hurt(reader, [place_of(it, _FAR)], it.id, page=_PAGE):
        if arguments.state not in {None, each.state} or arguments.customer not in {None, each.customer}:
            continue
        yield each


def _identities(arguments: argparse.Namespace, settings: "Settings") -> dict[str, str]:
    """The customer system's ids by pseudonym."""
    from service.adapters.customers import ids
    from service.app.customers import pseudonyms

    names = pseudonyms(settings)
    path: Path | None = arguments.ids or settings.customers.table
    return {} if names is None or path is None else {names(customer): customer for customer in ids(path)}


def _write(arguments: argparse.Namespace, rows: "Iterator[Row]", *, identified: bool) -> int | None:
    """How many rows were written; None where the file cannot be made."""
    from service.adapters.recovery import write

    if arguments.output is None:
        out = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="", write_through=True)
        try:
            return write(rows, out, arguments.format, identified=identified)
        finally:
            out.detach()
    try:
        with arguments.output.open("x", encoding="utf-8", newline="") as stream:
            arguments.output.chmod(0o600)
            return write(rows, stream, arguments.format, identified=identified)
    except OSError as error:
        print(f"momentwatch export: {arguments.output}: {error.strerror}; name a new file", file=sys.stderr)
        return None
