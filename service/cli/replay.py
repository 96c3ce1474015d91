"""`momentwatch replay`: a stretch of time counted anew from corrected events; reports change, judgements do not."""

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from service.cli.where import BAD, FAILED, add_place, harmless, moment_of, said_plainly, settings_of, url_in

if TYPE_CHECKING:
    from service.app.replay import Replaying
    from service.core.catalog import Catalog
    from service.core.event import Micros
    from service.loops.restate import Replay
    from service.settings import Settings

_OFFSETS = re.compile(r"(\d{1,18})-(\d{1,18})", re.ASCII)


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "replay",
        help="count a stretch of time anew from corrected events",
        description="Put corrected outcomes and promises in the place of what was counted in whole hours of some "
        "moments. Reports change; what was judged stays as judged, and nobody is paged. Without --events the topics "
        "are read again, by the catalogue as it is now. The same replay done twice changes nothing. With SQLite stop "
        "the service first. Exit 1 when it could not be done, 2 when settings or arguments are bad.",
    )
    add_place(parser)
    parser.add_argument("--rules", type=Path, metavar="DIR", help="with --url: the catalogue")
    parser.add_argument("--events", type=Path, nargs="+", metavar="FILE", help="JSON Lines, plain or gzip: all of it")
    parser.add_argument("--from", dest="since", type=moment_of, metavar="TIME", help="event time, a full hour")
    parser.add_argument("--to", dest="until", type=moment_of, metavar="TIME", help="event time, a full hour, excluded")
    parser.add_argument("--topic", metavar="TOPIC", help="instead of times: the hours that records of it touch")
    parser.add_argument("--partition", type=int, default=0, metavar="N", help="of the topic (default: 0)")
    parser.add_argument("--offsets", type=_offsets, metavar="A-B", help="of the partition, both included")
    parser.add_argument("--moment", action="append", default=[], metavar="NAME", help="repeatable (default: all)")
    parser.add_argument("--leave-out", action="store_true", help="go on where some of the events cannot be taken")
    parser.add_argument("--partial", action="store_true", help="go on where the log gives less than was counted")
    parser.set_defaults(run=run)


def _offsets(text: str) -> tuple[int, int]:
    found = _OFFSETS.fullmatch(text)
    if found is None or int(found[1]) > int(found[2]):
        raise argparse.ArgumentTypeError(f"{text!r} is no range of offsets; write 1200-1399")
    return int(found[1]), int(found[2])


def run(arguments: argparse.Namespace) -> int:
    """Replay; 0 when it was done."""
    from service.adapters.catalog import load
    from service.adapters.files import EventFileError
    from service.adapters.kafka.kafka_python.again import Gone
    from service.app.customers import pseudonyms
    from service.app.replay import replaying
    from service.loops.restate import NotClosed

    with said_plainly("replay"):
        settings = None if arguments.config is None else settings_of(arguments)
        trouble = _contradiction(arguments, settings)
        if trouble:
            print(trouble, file=sys.stderr)
            return BAD
        rules = arguments.rules or (settings.rules if settings else Path("rules"))
        catalog = load(rules).catalog
        unknown = [name for name in arguments.moment if name not in catalog.moments]
        if unknown:
            print(f"there is no moment {harmless(unknown[0])} in {rules}", file=sys.stderr)
            return BAD
        url = str(arguments.url) if settings is None else url_in(settings)
        digits = settings.currency.minor_digits if settings else 2
        names = pseudonyms(settings) if settings else None
        try:
            with replaying(url, catalog, digits, names) as work:
                done = _replay(arguments, settings, catalog, work)
        except (NotClosed, Gone, EventFileError) as error:
            print(f"momentwatch replay: {error}; nothing was changed", file=sys.stderr)
            return FAILED
    _print(done)
    return 0


def _contradiction(arguments: argparse.Namespace, settings: "Settings | None") -> str:
    times = arguments.since is not None and arguments.until is not None
    offsets = arguments.topic is not None and arguments.offsets is not None
    if settings is None and arguments.rules is None:
        return "--url needs --rules DIR beside it: events are read by a catalogue"
    if arguments.events:
        return "" if times else "--events needs --from and --to: all of that time is counted anew from the files"
    if settings is None or settings.kafka is None:
        return "say where corrected events come from: --events FILE, or --config FILE with kafka settings"
    return "" if times != offsets else "say which stretch: --from and --to, or --topic and --offsets"


def _replay(
    arguments: argparse.Namespace, settings: "Settings | None", catalog: "Catalog", work: "Replaying"
) -> "Replay":
    from service.core.event import rfc3339

    moments = sorted(arguments.moment or catalog.moments)
    span: tuple[Micros, Micros] = (arguments.since, arguments.until)
    if arguments.events:
        names = ", ".join(str(path) for path in arguments.events)
        corrected, source, strict = work.of_files(arguments.events), f"files {names}"[:1000], not arguments.leave_out
    else:
        assert settings is not None  # noqa: S101  # by _contradiction
        assert settings.kafka is not None  # noqa: S101  # the same
        if arguments.offsets is not None:
            place = work.partition(arguments.topic, arguments.partition)
            if not arguments.moment:
                moments = [
                    name for name in moments if arguments.topic in {source.topic for source in catalog.sources_of(name)}
                ]
            first, last = arguments.offsets
            span = work.span(settings.kafka, place, (first, last + 1))
        corrected = work.of_kafka(settings.kafka, moments, span[0], whole=not arguments.partial)
        source, strict = "kafka", False
    print(f"{', '.join(moments)}: {rfc3339(span[0])} to {rfc3339(span[1])}", file=sys.stderr)
    whole = not arguments.events and not arguments.partial
    return work.restater.run(moments, *span, corrected, source=source, strict=strict, whole=whole)


def _print(done: "Replay") -> None:
    dead = done.dead.total()
    print(
        f"{done.read:,} events read: {done.counted.total():,} counted, {done.duplicate:,} duplicate, "
        f"{done.outside:,} outside, {dead:,} rejected" + (f"; {done.freed:,} dead letters freed" if done.freed else "")
    )
    for moment, (attempts, broken) in sorted(done.changed.items()):
        print(f"  {moment}: {done.counted[moment]:,} events, {attempts:+,} promises, {broken:+,} broken")
