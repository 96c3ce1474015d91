"""`momentwatch forget`: takes a customer's id out of everything that is kept, and of whatever is read again."""

import argparse
import getpass
import sys
import time

from service.cli.where import BAD, add_place, harmless, said_plainly, settings_of

_LONGEST = 512


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "forget",
        help="put a random tombstone in the place of a customer's id",
        description="Put a random tombstone in the place of a customer's id, so that counts stand, and delete the dead "
        "letters that hold it. What is read again later gets the same tombstone. With SQLite stop the service first.",
    )
    parser.add_argument("customer", metavar="CUSTOMER", help="the id as it comes in events; - reads it from a line")
    parser.add_argument("--by", default=None, metavar="NAME", help="who does it, for the audit (default: your login)")
    add_place(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Do it; 0 also where nothing was held, because a replay honours the list all the same."""
    from service.app.customers import open_people, pseudonyms
    from service.settings import Database, Settings

    customer: str = sys.stdin.readline().rstrip("\r\n") if arguments.customer == "-" else arguments.customer
    if not 0 < len(customer) <= _LONGEST:
        print(f"momentwatch forget: an id has 1 to {_LONGEST} characters, this one {len(customer)}", file=sys.stderr)
        return BAD
    with said_plainly("forget"):
        if arguments.config is None:
            settings = Settings.model_construct(database=Database.model_construct(url=arguments.url))
        else:
            settings = settings_of(arguments)
        names = pseudonyms(settings)
        store = open_people(settings)
        try:
            erased = store.forget(
                customer,
                by=arguments.by or getpass.getuser(),
                at=time.time_ns() // 1000,
                known_as=names(customer) if names else None,
            )
        finally:
            store.close()
    counts = {
        "broken promises": erased.breaks,
        "promises": erased.promises,
        "complaints and changes": erased.voices,
        "contacts": erased.contacts,
        "dead letters deleted": erased.dead_letters,
    }
    print(f"forgotten: {harmless(erased.tombstone)} stands in the id's place")
    for name, count in counts.items():
        print(f"{count:>10,} {name}")
    if not erased.total:
        print("Nothing was held under this id. Whatever comes with it from now on gets the tombstone.")
    return 0
