"""`momentwatch serve`: reads Kafka, watches, tells the owners, and shows it all on a page."""

import argparse
import logging
import re
import signal
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from service.cli.where import moment_of

if TYPE_CHECKING:
    # What it takes to run should not be loaded to print the help.
    from service.adapters.catalog import Loaded
    from service.app.service import Service
    from service.settings import Settings

BAD_CATALOGUE = 2
FAILED = 1
_AGO = re.compile(r"^(\d+)([smhdw])$")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "serve",
        help="run the service",
        description="Read Kafka, watch, notify, and serve the page and /metrics until SIGTERM.",
    )
    parser.add_argument("--config", required=True, type=Path, metavar="FILE", help="the settings")
    parser.add_argument("--shadow", action="store_true", help="do everything but send notices")
    parser.add_argument(
        "--learn-from",
        type=_ago,
        metavar="30d",
        help="on a first start, read the topics from so long ago, and page nobody about that time",
    )
    parser.add_argument(
        "--told-until",
        type=moment_of,
        metavar="TIME",
        help="after a restore: until when the service before was alive; what happened before is not told again",
    )
    parser.set_defaults(run=run)


def _ago(text: str) -> int:
    found = _AGO.match(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration; write 30d or 12h")
    return int(found[1]) * _SECONDS[found[2]] * 1_000_000


def _declared(config: Path) -> "tuple[Settings, Loaded]":
    """The settings and the catalogue; raises CatalogError with all that is wrong in them."""
    from service.adapters.catalog import CatalogError, load
    from service.adapters.catalog.problem import Problem
    from service.settings import load_settings

    settings = load_settings(config)
    loaded = load(settings.rules)
    problems = settings.problems_with(loaded.catalog)
    if problems:
        raise CatalogError(problems)
    if not loaded.catalog.sources:
        text = "declares no topic to read; add a document of kind Source"
        raise CatalogError([Problem(str(settings.rules), 0, "", text)])
    return settings, loaded


def run(arguments: argparse.Namespace) -> int:
    """Run until a signal ends it; 1 when a part of the service failed for good."""
    from service.app.arenas import share_arenas
    from service.app.garbage import starting

    share_arenas()
    with starting():
        service = _started(arguments)
    if isinstance(service, int):
        return service
    print(f"momentwatch is watching; see {service.web.url}", file=sys.stderr)
    while not service.wait(1.0):
        pass
    return service.close()


def _bad(problems: Iterable[object]) -> int:
    for problem in problems:
        print(problem, file=sys.stderr)
    return BAD_CATALOGUE


def _listen(host: str, port: int) -> None:
    """Raises OSError where that cannot be done."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    socket.create_server((host, port), family=family).close()


def _not_listening(settings: "Settings", error: Exception) -> int:
    place = f"{settings.web.host}:{settings.web.port}"
    print(f"{place} cannot be listened on: {error}; write another web.port", file=sys.stderr)
    return FAILED


def _started(arguments: argparse.Namespace) -> "Service | int":
    """The service at work, or the exit code where that cannot be; then it has said why."""
    from service.adapters.catalog import CatalogError
    from service.app.serve import build
    from service.core.ports import StoreRefused

    try:
        settings, loaded = _declared(arguments.config)
    except CatalogError as error:
        return _bad(error.problems)
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for warning in loaded.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    try:
        # Tried first: a second copy that is started by mistake should not join the group of the first.
        _listen(settings.web.host, settings.web.port)
    except OSError as error:
        return _not_listening(settings, error)
    try:
        service = build(
            settings,
            loaded.catalog,
            shadow=arguments.shadow,
            learn_from=arguments.learn_from,
            told_until=arguments.told_until or 0,
        )
    except CatalogError as error:
        return _bad(error.problems)
    except StoreRefused as refused:
        return _bad([refused])

    def end(number: int, frame: object) -> None:
        del frame
        logging.getLogger(__name__).info("%s: finishing what is in hand", signal.Signals(number).name)
        service.stop()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    # It is loaded by now.
    from service.adapters.web.server import ServerDidNotStart

    try:
        service.start()
    except (OSError, ServerDidNotStart) as error:
        service.close()
        return _not_listening(settings, error)
    return service
