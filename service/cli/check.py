"""`momentwatch check`: says whether a catalogue can be used, and what it will cost in false alarms."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # What it takes to run should not be loaded to print the help.
    from service.adapters.catalog import FalseAlarms, Loaded, Problem
    from service.core.catalog import Catalog

_KINDS = ("owners", "targets", "moments", "journeys", "sources", "rules", "routes")
_DEFAULT = Path("rules")
_BAD_CATALOGUE = 2


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "check",
        help="check a catalogue and print its false-alarm arithmetic",
        description="Name every problem with file, line and remedy. Exit 2 when the catalogue is bad.",
    )
    place = parser.add_mutually_exclusive_group()
    place.add_argument("path", nargs="?", type=Path, metavar="PATH", help="a folder or a file (default: rules)")
    place.add_argument("--rules", type=Path, metavar="DIR", help="the same, spelt as the other commands do")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="for people or for programs")
    parser.add_argument("--schema", type=_schema, metavar="KIND", help="print a kind's JSON Schema instead")
    parser.set_defaults(run=run)


def _schema(kind: str) -> dict[str, object]:
    from service.adapters.catalog import schemas

    known = schemas()
    if kind not in known:
        raise argparse.ArgumentTypeError(f"{kind!r} is no kind; take one of {', '.join(sorted(known))}")
    return known[kind]


def run(arguments: argparse.Namespace) -> int:
    """Check; 0 when the catalogue can be used, 2 when not."""
    from service.adapters.catalog import CatalogError, load

    if arguments.schema:
        _print_json(arguments.schema)
        return 0
    path: Path = arguments.path or arguments.rules or _DEFAULT
    try:
        loaded = load(path)
    except CatalogError as error:
        if arguments.format == "json":
            _print_json({"ok": False, "problems": [asdict(problem) for problem in error.problems]})
        _to_stderr("", error.problems)
        return _BAD_CATALOGUE
    if arguments.format == "json":
        _print_json(_report(loaded))
    else:
        _print_text(loaded.catalog)
        _to_stderr("warning: ", loaded.warnings)
    return 0


def _to_stderr(prefix: str, problems: "list[Problem]") -> None:
    for problem in problems:
        print(f"{prefix}{problem}", file=sys.stderr)


def _print_json(value: object) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def _report(loaded: "Loaded") -> dict[str, object]:
    from service.adapters.catalog import false_alarms

    catalog = loaded.catalog
    return {
        "ok": True,
        "objects": _counts(catalog),
        "moments": [
            {"name": moment.name, "title": moment.title, "owner": moment.owner} for moment in catalog.moments.values()
        ],
        "owners": [
            {
                "name": row.owner,
                "moments": row.moments,
                "expected_false_interruptions_30d": row.expected,
                "page_budget": row.page_budget,
            }
            for row in false_alarms(catalog)
        ],
        "warnings": [asdict(warning) for warning in loaded.warnings],
    }


def _counts(catalog: "Catalog") -> dict[str, int]:
    return {kind: len(getattr(catalog, kind)) for kind in _KINDS}


def _print_text(catalog: "Catalog") -> None:
    from service.adapters.catalog import false_alarms

    counts = _counts(catalog)
    print(", ".join(_count(number, kind) for kind, number in counts.items() if number) or "nothing declared")
    if catalog.moments:
        print("\nMoments")
        rows = [(m.name, m.owner, m.title) for m in catalog.moments.values()]
        names, owners = (max(len(row[i]) for row in rows) for i in (0, 1))
        for name, owner, title in rows:
            print(f"  {name:<{names}}  owner {owner:<{owners}}  {title}".rstrip())
    alarms = false_alarms(catalog)
    if alarms:
        print("\nFalse interruptions expected in 30 days, while every moment stays reliable")
        width = max(len(row.owner) for row in alarms)
        for row in alarms:
            print(f"  {row.owner:<{width}}  {_alarms(row)}")


def _alarms(row: "FalseAlarms") -> str:
    budget = "no page_budget" if row.page_budget is None else f"page_budget {row.page_budget:g}"
    over = ", over it" if row.too_many else ""
    return f"{row.expected:.2f} from {_count(row.moments, 'moments')}; {budget}{over}"


def _count(number: int, kind: str) -> str:
    return f"{number} {kind.removesuffix('s') if number == 1 else kind}"
