"""`momentwatch demo`: a year of real flights through the whole service, in a minute, with nothing to set up."""

import argparse
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    # What it takes to run should not be loaded to print the help.
    from service.core.catalog import Catalog

_RULES = Path(__file__).parents[2] / "rules"


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "demo",
        help="watch a year of flights, with nothing to set up",
        description="Replay the 336,776 departures from New York in 2013 through the pipeline that serve runs,"
        " into SQLite, with the page and /metrics on the loopback.",
    )
    parser.add_argument("--exit", action="store_true", help="end when the year is over, with a table of what was found")
    parser.add_argument("--until", type=_day, metavar="2013-03-01", help="end the year early, before this day")
    parser.add_argument("--rules", type=Path, default=_RULES, metavar="DIR", help="another catalogue")
    parser.add_argument("--port", type=int, default=8080, help="of the page (default: 8080, or any free one)")
    parser.add_argument("--produce", metavar="HOST:PORT", help="put the flights on a Kafka topic instead, and end")
    parser.add_argument("--topic", default="flights.departures", help="for --produce")
    parser.set_defaults(run=run)


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day; write 2013-03-01") from None


def _flights(until: str | None) -> "Iterator[bytes]":
    """The flights before a day, or all; they are sorted by time."""
    from service.adapters import flights

    before = None if until is None else f'"time":"{until}'.encode()
    for event in flights.events():
        # The lines are our own: a time begins with its day, and days sort as text.
        if before is not None and event[event.index(b'"time":"') :][: len(before)] >= before:
            return
        yield event


def run(arguments: argparse.Namespace) -> int:
    """Run until the year is over, or until interrupted."""
    from service.adapters import flights
    from service.adapters.catalog import CatalogError, load

    try:
        flights.need()
        if arguments.produce:
            return _produce(arguments)
        catalog = load(arguments.rules).catalog
        return _replay(arguments, catalog)
    except CatalogError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return 2
    except flights.FlightsMissingError as error:
        print(error, file=sys.stderr)
        return 1


def _produce(arguments: argparse.Namespace) -> int:
    from kafka.errors import KafkaError

    from service.adapters.kafka.produce import customer_of, produce
    from service.adapters.kafka.settings import KafkaSettings

    settings = KafkaSettings(bootstrap_servers=(arguments.produce,))
    try:
        count = produce(_flights(arguments.until), arguments.topic, settings, key=customer_of)
    except KafkaError as error:
        print(f"{arguments.produce}: {error or type(error).__name__}", file=sys.stderr)
        return 1
    print(f"{count:,} events produced to {arguments.topic}", file=sys.stderr)
    return 0


def _replay(arguments: argparse.Namespace, catalog: "Catalog") -> int:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from service.adapters.web.server import ServerDidNotStart
    from service.app.demo import FLIGHTS, Demo
    from service.cli.table import print_table, yearly
    from service.core.telling.route import Message

    console = Console(file=sys.stderr)

    def show(message: Message) -> None:
        console.print(f"[bold]{escape(message.title)}[/bold]")
        for line in message.lines:
            console.print(f"  {escape(line)}")

    def events() -> "Iterator[bytes]":
        return _flights(arguments.until)

    demo = Demo(catalog, events, show, port=arguments.port)
    try:
        demo.service.start()
    except (OSError, ServerDidNotStart):
        demo.close()
        demo = Demo(catalog, events, show)
        demo.service.start()
    url = demo.service.web.url
    console.print(f"The page is at {url}, the metrics at {url.rstrip('/')}/metrics")
    columns = (
        TextColumn("the flights of 2013"),
        BarColumn(bar_width=40),
        TextColumn("{task.completed:,.0f}"),
        TimeElapsedColumn(),
    )
    try:
        with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
            task = progress.add_task("", total=None if arguments.until else FLIGHTS)
            while not demo.finished() and not demo.service.wait(0.5):
                progress.update(task, completed=demo.read())
            progress.update(task, completed=demo.read())
        found, span = demo.found()
        print_table(found, demo.places(span))
        print(yearly(found, span, demo.catalog.trials), file=sys.stderr)
        if not arguments.exit:
            console.print(f"The year is over. The page stays at {url} until you press Ctrl+C.")
            while not demo.service.wait(1.0):
                pass
    except KeyboardInterrupt:
        pass
    return demo.close()
