"""`momentwatch notify`: sends one test notice to a target, down the way that real ones take."""

import argparse
import logging
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

_FAILED = 1
_BAD_CATALOGUE = 2


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "notify",
        help="send a test notice to a target",
        description="Send one test notice to a target. Exit 0 when it was taken, 1 when not or when that is "
        "unknown, 2 when settings or catalogue are bad.",
    )
    parser.add_argument("--test", required=True, metavar="TARGET", help="a target of the catalogue")
    parser.add_argument("--config", required=True, type=Path, metavar="FILE", help="the settings that serve reads")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Send; 0 when the target took it."""
    # apprise alone takes a second to import, which no other command should wait for.
    from service.adapters.catalog import CatalogError, load
    from service.adapters.catalog.explain import suggest
    from service.app.notifier import build_notifier
    from service.core.event import micros
    from service.core.telling.route import trial
    from service.settings import load_settings

    try:
        settings = load_settings(arguments.config)
        targets = load(settings.rules).catalog.targets
    except CatalogError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return _BAD_CATALOGUE
    name: str = arguments.test
    if name not in targets:
        hint = suggest(name, targets, "declare a document of kind Target")
        print(f'there is no target "{name}" in {settings.rules}; {hint}', file=sys.stderr)
        return _BAD_CATALOGUE
    # Told once, by the line below; apprise's own words would stand between.
    logging.getLogger("apprise").setLevel(logging.ERROR)
    notice = trial(name, micros(datetime.now(UTC)), str(uuid.uuid4()), settings.public_url)
    delivery = build_notifier(settings.send, targets).send(name, notice.message)
    print(f"{name}: {delivery.outcome}: {delivery.detail}")
    return 0 if delivery.outcome == "sent" else _FAILED
