"""`momentwatch digest`: one week for whoever answers for the customers, on one page."""

import argparse
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.core.catalog import Catalog
    from service.core.weekly.page import Page
    from service.settings import Settings

_NOT_SENT = 1
_BAD = 2


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "digest",
        help="print or send the page of a week",
        description="Print the page of a week out of what the store knows by now. Exit 2 when the week, the settings, "
        "the catalogue or the store will not do, 1 when the page was to be sent and was not.",
    )
    parser.add_argument("--week", metavar="YEAR-WNN", help="an ISO week such as 2013-W15 (default: the last full one)")
    parser.add_argument("--format", choices=("text", "html", "json"), default="text", help="default: text")
    parser.add_argument("--send", action="store_true", help="send it to the digest's targets, once for a week")
    parser.add_argument("--config", type=Path, metavar="FILE", help="the settings that serve reads")
    parser.add_argument("--database", metavar="URL", help="instead of settings, with --rules: where everything is kept")
    parser.add_argument("--rules", type=Path, metavar="DIR", help="instead of settings, with --database: the catalogue")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print or send the page."""
    # Imported here, so that other commands start without them.
    from service.adapters.catalog import CatalogError
    from service.core.ports import StoreAway, StoreRefused

    trouble = _contradiction(arguments)
    if trouble:
        print(trouble, file=sys.stderr)
        return _BAD
    try:
        settings, catalog = _declared(arguments)
        page = _page(arguments, settings, catalog)
        if arguments.send:
            return _send(page, settings, catalog)
    except CatalogError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return _BAD
    except (StoreAway, StoreRefused, ValueError) as error:
        print(error, file=sys.stderr)
        return _BAD
    _print(page, arguments.format, settings)
    return 0


def _contradiction(arguments: argparse.Namespace) -> str:
    """What cannot be meant, with the remedy."""
    if arguments.config is not None:
        return (
            "--config names database and rules itself; leave --database and --rules away"
            if (arguments.database or arguments.rules)
            else ""
        )
    if arguments.database is None or arguments.rules is None:
        return "say where everything is: --config FILE, or --database URL and --rules DIR"
    return "--send needs --config FILE: its digest.to says to whom" if arguments.send else ""


def _declared(arguments: argparse.Namespace) -> "tuple[Settings, Catalog]":
    from service.adapters.catalog import CatalogError, load
    from service.settings import Database, Settings, load_settings

    if arguments.config is None:
        settings = Settings.model_construct(database=Database.model_construct(url=arguments.database))
        return settings, load(arguments.rules).catalog
    settings = load_settings(arguments.config)
    catalog = load(settings.rules).catalog
    problems = settings.problems_with(catalog)
    if problems:
        raise CatalogError(problems)
    return settings, catalog


def _page(arguments: argparse.Namespace, settings: "Settings", catalog: "Catalog") -> "Page":
    """Raises ValueError for a week that will not do."""
    from service.adapters.store import open_reader
    from service.app.digest import asked, clock_of
    from service.core.weekly.digest import digest
    from service.core.weekly.week import Week

    week = None if arguments.week is None else Week.parse(arguments.week)
    with open_reader(settings.database.address) as reader:
        now = clock_of(reader, catalog)()
        zone = asked(Week(1970, 1), settings).zone
        page = digest(reader, catalog, asked(week or Week.of(now, zone).after(-1), settings), now)
    if arguments.send and settings.digest is None:
        raise ValueError(f"{arguments.config} has no digest; add one such as digest: {{to: [cco-mail]}}")
    if arguments.send and not page.over:
        # It would take the place of the page that the schedule sends.
        raise ValueError(f"{page.week} is not over yet; it can be printed now, and sent once it is")
    return page


def _print(page: "Page", form: str, settings: "Settings") -> None:
    from service.adapters.digest import as_html, as_json, as_text

    made = {"text": as_text, "json": as_json}[form](page) if form != "html" else as_html(page, settings.public_url)
    # Event text may hold what the terminal cannot show; a page with a question mark beats none.
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(made.encode(encoding, "replace").decode(encoding))


def _send(page: "Page", settings: "Settings", catalog: "Catalog") -> int:
    from service.app.digest import send
    from service.core.ports import StoreRefused

    # Told once, by the lines below; apprise's own words would stand between.
    logging.getLogger("apprise").setLevel(logging.ERROR)
    try:
        sent = send(page, settings, catalog)
    except StoreRefused as refused:
        raise StoreRefused(
            f"{refused}. A service that runs sends the page itself, at the time in its settings' digest"
        ) from None
    for target, delivery in sorted(sent.now.items()):
        print(f"{target}: {delivery.outcome}: {delivery.detail}")
    for target, state in sorted(sent.before.items()):
        said = "was sent before, and is sent once" if state == "sent" else f"is in the outbox already ({state})"
        print(f"{target}: {page.week} {said}")
    failed = any(delivery.outcome != "sent" for delivery in sent.now.values())
    return _NOT_SENT if failed or any(state != "sent" for state in sent.before.values()) else 0
