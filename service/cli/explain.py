"""`momentwatch explain`: why an interruption opened, or why nothing did, in words and numbers."""

import argparse
import sys
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from service.cli.where import BAD, FAILED, URL, harmless, moment_of, said_plainly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from service.core.catalog import Catalog
    from service.core.event import Micros
    from service.core.interruption import Interruption
    from service.core.ports import Reader
    from service.core.reporting.evidence import Judged

T = TypeVar("T")


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "explain",
        help="why an interruption opened, or why nothing did",
        description="For an interruption: what was expected and seen, since when, which segments carry it, how sure."
        " For a --moment and a time --at: what each detector knew then, and what it would have taken. Reads a service's"
        " store beside it, or runs files of events through the catalogue first. Exit 2 when the catalogue or the"
        " settings are bad, 1 when there is no such interruption or a file cannot be read.",
    )
    parser.add_argument("interruption", nargs="?", metavar="INTERRUPTION", help="its id, or the beginning of it")
    parser.add_argument("--moment", metavar="NAME", help="with --at, in the place of an interruption")
    parser.add_argument("--at", type=moment_of, metavar="TIME", help="with an offset, or 2h for so long ago")
    parser.add_argument("--rules", type=Path, metavar="DIR", help="the catalogue; with --config its own")
    parser.add_argument("--until", type=moment_of, metavar="TIME", help="with --events: let the clock run on")
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--events", type=Path, nargs="+", action="extend", metavar="FILE", help="JSON Lines, or gzip")
    place.add_argument("--config", type=Path, metavar="FILE", help="the settings that serve reads")
    place.add_argument("--url", metavar="URL", help=URL)
    parser.add_argument("--format", choices=("text", "json"), default="text", help="text, or one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Explain."""
    trouble = _trouble(arguments)
    if trouble:
        print(f"momentwatch explain: {trouble}", file=sys.stderr)
        return BAD
    with said_plainly("explain"):
        from service.adapters.files import EventFileError

        try:
            catalog = _catalog(arguments)
            if arguments.moment is not None and arguments.moment not in catalog.moments:
                known = ", ".join(catalog.moments)
                return _failed(f"there is no moment {harmless(arguments.moment)!r}; there are {known}")
            with _opened(arguments, catalog) as (reader, now, judged_of):
                return _explain(arguments, catalog, reader, now, judged_of)
        except EventFileError as error:
            print(error, file=sys.stderr)
            return FAILED


def _trouble(arguments: argparse.Namespace) -> str:
    if (arguments.interruption is None) == (arguments.moment is None):
        return "give an INTERRUPTION, or --moment NAME and --at TIME"
    if (arguments.moment is None) != (arguments.at is None):
        return "--moment and --at go together"
    if arguments.config is None and arguments.rules is None:
        return "give --rules DIR, the catalogue"
    if arguments.until is not None and arguments.events is None:
        return "--until goes with --events"
    return ""


def _catalog(arguments: argparse.Namespace) -> "Catalog":
    from service.adapters.catalog import load

    if arguments.rules is not None:
        return load(arguments.rules).catalog
    from service.settings import load_settings

    return load(load_settings(arguments.config).rules).catalog


@contextmanager
def _opened(
    arguments: argparse.Namespace, catalog: "Catalog"
) -> "Iterator[tuple[Reader, Micros, Callable[[str], AbstractContextManager[Judged]]]]":
    """Questions, the time that they are asked at, and a moment's windows."""
    if arguments.events is None:
        from service.adapters.store import open_history, open_reader
        from service.cli.where import url_of

        url = url_of(arguments)

        @contextmanager
        def stored(name: str) -> "Iterator[Judged]":
            with open_history(url, catalog.moments[name]) as (_, judged):
                yield judged

        with open_reader(url) as reader:
            through = [reader.status(name).judged_through for name in catalog.moments]
            yield reader, max((at for at in through if at is not None), default=0), stored
        return
    from service.app.backtest import Backtest

    backtest = Backtest(catalog)
    result = backtest.run(arguments.events, arguments.until)

    @contextmanager
    def kept(name: str) -> "Iterator[Judged]":
        yield lambda after, through: backtest.store.windows(name, after, through)

    yield backtest.store, result.span.end if result.span else 0, kept


def _explain(
    arguments: argparse.Namespace,
    catalog: "Catalog",
    reader: "Reader",
    now: "Micros",
    judged_of: "Callable[[str], AbstractContextManager[Judged]]",
) -> int:
    from service.cli.explaining import evidence_lines, nothing_lines
    from service.core.judging.unseen import unseen
    from service.core.judging.watchers import watchers
    from service.core.reporting.evidence import evidence_of
    from service.core.reporting.nothing import nothing_of

    if arguments.moment is not None:
        moment = catalog.moments[arguments.moment]
        with judged_of(moment.name) as judged:
            mine = watchers(moment, catalog.rules_of(moment.name))
            missing = unseen(reader.gaps(), catalog, moment.name)
            found = nothing_of(judged, moment, mine, arguments.at, missing)
        _say(arguments.format, found, nothing_lines)
        return 0
    it = _interruption(reader, arguments.interruption)
    if isinstance(it, str):
        return _failed(it)
    if it.moment not in catalog.moments:
        return _failed(f"moment {harmless(it.moment)!r} of that interruption is not in the catalogue any more")
    with judged_of(it.moment) as judged:
        evidence = evidence_of(reader, judged, catalog.moments[it.moment], it, max(now, it.detected_at))
    _say(arguments.format, evidence, evidence_lines)
    return 0


def _say(form: str, found: T, lines: "Callable[[T], Iterator[str]]") -> None:
    if form == "json":
        import msgspec

        print(msgspec.json.encode(found).decode())
    else:
        for line in lines(found):
            print(line)


def _failed(message: str) -> int:
    print(f"momentwatch explain: {message}", file=sys.stderr)
    return FAILED


def _interruption(reader: "Reader", given: str) -> "Interruption | str":
    """The one that is meant, or what is wrong."""
    found = [row for row in reader.interruptions() if given and row.id.startswith(given)]
    if len(found) == 1:
        return found[0]
    if found:
        return f"{harmless(given)!r} begins the ids of {len(found)} interruptions; write more of it"
    return (
        f"there is no interruption {harmless(given)!r}; backtest prints their ids, and a page's address ends with one"
    )
