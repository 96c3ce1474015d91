"""`momentwatch backtest`: which interruptions a catalogue would have opened on files of events, and when."""

import argparse
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.core.event import Micros

BAD_CATALOGUE = 2
BAD_FILE = 1


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "backtest",
        help="run a catalogue over files of events",
        description="Print the interruptions that would have opened, in order of detection. Exit 2 when the"
        " catalogue is bad, 1 when a file cannot be read.",
    )
    parser.add_argument("--rules", type=Path, required=True, metavar="DIR", help="the catalogue")
    parser.add_argument(
        "--events",
        type=Path,
        required=True,
        nargs="+",
        action="extend",
        metavar="FILE",
        help="JSON Lines, plain or gzip",
    )
    parser.add_argument("--source", metavar="NAME", help="the files hold what this Source's topic does")
    parser.add_argument("--until", type=_time, metavar="TIME", help="let the clock run on to this time")
    parser.add_argument("--format", choices=("json", "table"), default="json", help="a JSON object a line, or a table")
    parser.set_defaults(run=run)


def _time(text: str) -> "Micros":
    from service.core.event import micros

    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time; write 2013-04-16T15:00:00Z") from None
    if at.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} has no offset; write {text}Z if it is UTC")
    return micros(at)


def run(arguments: argparse.Namespace) -> int:
    """Run the backtest."""
    # Imported here, so that other commands start without them.
    from service.adapters.catalog import CatalogError, load
    from service.adapters.files import EventFileError, describe
    from service.app.backtest import Backtest
    from service.cli.progress import bar
    from service.cli.table import print_json, print_table, summary

    try:
        loaded = load(arguments.rules)
    except CatalogError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return BAD_CATALOGUE
    sources = loaded.catalog.sources
    if arguments.source is not None and arguments.source not in sources:
        known = ", ".join(sorted(sources)) or "none"
        print(f"momentwatch backtest: there is no Source {arguments.source!r}; declared are: {known}", file=sys.stderr)
        return BAD_CATALOGUE
    backtest = Backtest(loaded.catalog, source=sources.get(arguments.source))
    try:
        with bar("events") as tell:
            result = backtest.run(
                arguments.events,
                arguments.until,
                progress=tell,
                rejected=lambda letter: print(describe(letter), file=sys.stderr),
            )
    except EventFileError as error:
        print(error, file=sys.stderr)
        return BAD_FILE
    print(summary(result, loaded.catalog.trials), file=sys.stderr)
    if arguments.format == "json":
        print_json(result.lines)
    else:
        print_table(result.lines, backtest.places(result.span))
    return 0
