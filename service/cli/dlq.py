"""`momentwatch dlq`: the records that could not be taken; looked at, taken anew, or thrown away."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.cli.where import (
    BAD,
    FAILED,
    add_place,
    duration,
    harmless,
    harmless_bytes,
    moment_of,
    said_plainly,
    settings_of,
    url_in,
    url_of,
)

if TYPE_CHECKING:
    from service.core.keeping import Buried, Which

_SHORT = 70
_CHUNK = 1000


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "dlq",
        help="dead letters: list, show, replay, purge",
        description="Records that could not be taken, each with its place, its reason and its bytes. list and show "
        "read beside a running service. replay and purge write: with SQLite stop the service first.",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listed = actions.add_parser("list", help="how many by topic and reason, and the newest of them")
    listed.add_argument("--limit", type=_page, default=20, metavar="N", help="rows a page (default: 20; 0: counts)")
    listed.add_argument("--before", type=int, metavar="NUMBER", help="the page of those with a smaller number")
    show = actions.add_parser("show", help="one, whole")
    show.add_argument("number", type=int, metavar="NUMBER", help="as list names it")
    replay = actions.add_parser("replay", help="decode them anew, and count once what can be taken now")
    replay.add_argument("--rules", type=Path, metavar="DIR", help="with --url: the catalogue")
    replay.add_argument("--dry-run", action="store_true", help="say what could be taken, and change nothing")
    purge = actions.add_parser("purge", help="delete them; counts and totals stay")
    purge.add_argument("--older-than", type=duration, metavar="30d", help="only those buried so long ago")
    purge.add_argument("--yes", action="store_true", help="do it; without, only say how many it would be")
    for one in (listed, show, replay, purge):
        add_place(one)
    for one in (listed, replay, purge):
        one.add_argument("--reason", action="append", default=[], metavar="WORD", help="with this reason; repeatable")
        one.add_argument("--topic", action="append", default=[], metavar="TOPIC", help="of this topic; repeatable")
        one.add_argument("--since", type=moment_of, metavar="TIME", help="buried since: a time, or 2h for 2 h ago")
        one.add_argument("--until", type=moment_of, metavar="TIME", help="buried before")
    for one in (replay, purge):
        one.add_argument("--number", action="append", type=int, default=[], metavar="NUMBER", help="this one")
    for one in (listed, show):
        one.add_argument("--format", choices=("table", "json"), default="table", help="default: table")
    parser.set_defaults(run=run)


def _page(text: str) -> int:
    if not text.isdecimal() or int(text) > _CHUNK:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of rows from 0 to {_CHUNK}")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Do it; 0 when done, 1 when the store would not or something is left, 2 when it was asked for wrongly."""
    from service.core.event import REASONS

    for reason in getattr(arguments, "reason", ()):
        if reason not in REASONS:
            print(f"{harmless(reason)} is no reason; the reasons are {', '.join(REASONS)}", file=sys.stderr)
            return BAD
    actions = {"list": _list, "show": _show, "replay": _replay, "purge": _purge}
    with said_plainly(f"dlq {arguments.action}"):
        return actions[arguments.action](arguments)


def _which(arguments: argparse.Namespace) -> "Which":
    from service.core.keeping import Which

    return Which(
        tuple(arguments.reason),
        tuple(arguments.topic),
        tuple(getattr(arguments, "number", ())),
        arguments.since,
        arguments.until,
    )


def _list(arguments: argparse.Namespace) -> int:
    from service.adapters.store import open_graves

    which = _which(arguments)
    with open_graves(url_of(arguments)) as graves:
        groups = graves.groups(which)
        newest = arguments.before or sys.maxsize
        rows = graves.buried(which, before=newest, limit=arguments.limit) if arguments.limit else []
    if arguments.format == "json":
        for row in rows:
            _print_json(_plain(row))
        return 0
    if not groups:
        print("no dead letters")
        return 0
    _print_table(
        ("topic", "reason", "letters", "first", "last"),
        [(g.topic, g.reason, f"{g.letters:,}", _time(g.first_at), _time(g.last_at)) for g in groups],
    )
    if rows:
        print()
        heads = ("number", "buried", "place", "reason", "what is wrong", "begins with")
        _print_table(heads, [_line(row) for row in rows])
    if len(rows) == arguments.limit and rows:
        print(f"older ones: --before {rows[-1].number}")
    return 0


def _line(row: "Buried") -> tuple[str, ...]:
    letter = row.letter
    place = f"{letter.partition.topic}/{letter.partition.number}/{letter.offset}"
    begins = harmless_bytes(letter.payload[:_SHORT])
    return str(row.number), _time(row.buried_at), place, letter.reason, letter.detail, begins[:_SHORT]


def _show(arguments: argparse.Namespace) -> int:
    from service.adapters.store import open_graves
    from service.core.keeping import Which

    with open_graves(url_of(arguments)) as graves:
        found = graves.buried(Which(numbers=(arguments.number,)), limit=1)
    if not found:
        print(f"there is no dead letter {arguments.number}; dlq list names those that are there", file=sys.stderr)
        return FAILED
    row = found[0]
    if arguments.format == "json":
        _print_json(_plain(row))
        return 0
    letter, partition = row.letter, row.letter.partition
    print(f"number    {row.number}")
    print(f"buried    {_time(row.buried_at)}")
    print(f"topic     {harmless(partition.topic)}, partition {partition.number}, offset {letter.offset}")
    print(f"topic id  {harmless(partition.topic_id)}")
    print(f"reason    {letter.reason}")
    print(f"detail    {harmless(letter.detail)}")
    for name, value in sorted((letter.headers or {}).items()):
        print(f"header    {harmless(name)}: {harmless_bytes(value)}")
    print(f"payload   {len(letter.payload):,} bytes{_cut(letter.payload)}")
    print(harmless_bytes(letter.payload))
    return 0


def _cut(payload: bytes) -> str:
    from service.loops.writer import PAYLOAD_KEPT

    return ", as many as are kept" if len(payload) >= PAYLOAD_KEPT else ""


def _replay(arguments: argparse.Namespace) -> int:
    from service.adapters.catalog import load
    from service.app.customers import pseudonyms
    from service.app.dlq import exhuming

    if arguments.url is not None and arguments.rules is None:
        print("--url needs --rules DIR beside it: dead letters are decoded by a catalogue", file=sys.stderr)
        return BAD
    if arguments.url is not None:
        url, rules, digits, names = str(arguments.url), arguments.rules, 2, None
    else:
        settings = settings_of(arguments)
        url, rules, digits = url_in(settings), arguments.rules or settings.rules, settings.currency.minor_digits
        names = pseudonyms(settings)
    with exhuming(url, load(rules).catalog, digits, names) as exhumation:
        done = exhumation.run(_which(arguments), dry=arguments.dry_run)
    verb = "could be taken" if arguments.dry_run else "taken"
    print(f"{done.read:,} dead letters: {done.accepted.total():,} {verb}", end="")
    if done.late:
        print(f" ({done.late:,} amend windows that are closed)", end="")
    print(f", {done.duplicate:,} duplicate, {done.still.total():,} still cannot be taken")
    for moment, n in sorted(done.accepted.items()):
        print(f"  taken      {n:>9,}  {moment or '(no moment)'}")
    for reason, n in sorted(done.still.items()):
        print(f"  still dead {n:>9,}  {reason}")
    return FAILED if done.still else 0


def _purge(arguments: argparse.Namespace) -> int:
    import time
    from collections import Counter

    from service.adapters.store import open_graves, open_sql_store

    if arguments.older_than is not None:
        bound = time.time_ns() // 1000 - arguments.older_than
        arguments.until = bound if arguments.until is None else min(bound, arguments.until)
    which = _which(arguments)
    if not arguments.yes:
        with open_graves(url_of(arguments)) as graves:
            groups = graves.groups(which)
        for group in groups:
            print(f"  {group.letters:>9,}  {group.reason:<16} {harmless(group.topic)}")
        print(f"{sum(g.letters for g in groups):,} dead letters would be deleted; say --yes to do it")
        return 0
    gone: Counter[str] = Counter()
    store = open_sql_store(url_of(arguments), {}, make=False)
    try:
        while some := store.graves().purge(which, _CHUNK):
            gone.update(some)
    finally:
        store.close()
    for reason, n in sorted(gone.items()):
        print(f"  {n:>9,}  {reason}")
    print(f"{gone.total():,} dead letters deleted; the counts keep them")
    return 0


def _plain(row: "Buried") -> dict[str, Any]:
    letter = row.letter
    return {
        "number": row.number,
        "buried_at": _time(row.buried_at) or None,
        "topic": letter.partition.topic,
        "partition": letter.partition.number,
        "offset": letter.offset,
        "reason": letter.reason,
        "detail": letter.detail,
        "headers": {name: harmless_bytes(value) for name, value in (letter.headers or {}).items()},
        "payload": harmless_bytes(letter.payload),
    }


def _print_json(row: dict[str, Any]) -> None:
    import json

    # Escaped throughout: no byte of an event reaches the terminal as it is.
    print(json.dumps(row))


def _time(at: int | None) -> str:
    from service.core.event import rfc3339

    return "" if at is None else rfc3339(at - at % 1_000_000)


def _print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(show_edge=False, pad_edge=False, header_style="bold")
    for head in heads:
        right = head in {"letters", "number"}
        table.add_column(head, justify="right" if right else "left", no_wrap=right, overflow="fold")
    for row in rows:
        # As text, not as markup: what stands in an event colours nothing and links nowhere.
        table.add_row(*(Text(harmless(cell)) for cell in row))
    console = Console()
    if not console.is_terminal:
        console.width = 220
    console.print(table)
