"""`momentwatch reconcile`: recounts the books, and says where they do not balance."""

import argparse
import sys

from service.cli.where import FAILED, add_place, harmless, said_plainly, url_of


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "reconcile",
        help="recount the books: what was read against what became of it",
        description="For every partition: read = accepted + duplicate + dead letters, dead letters that lie there, and "
        "offsets. For every moment: events and broken promises in the windows against records and rows. Reads beside "
        "a running service. Exit 1 when anything differs: that is a bug, keep the database and the log.",
    )
    add_place(parser)
    parser.add_argument("--format", choices=("table", "json"), default="table", help="default: table")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Recount; 1 when anything differs."""
    from service.adapters.store import recounted

    with said_plainly("reconcile"):
        rows = recounted(url_of(arguments))
    wrong = [row for row in rows if row.difference]
    if arguments.format == "json":
        import json

        for row in rows:
            fields = {"of": row.of, "what": row.what, "left": row.left, "right": row.right}
            print(json.dumps(fields | {"difference": row.difference}))
        return FAILED if wrong else 0
    if not rows:
        print("nothing was read yet")
        return 0
    width = max(len(harmless(row.of)) for row in rows)
    for row in rows:
        mark = "DIFFERS" if row.difference else "ok"
        tail = row.note or (f"{row.left:,}" if not row.difference else f"{row.left:,} is not {row.right:,}")
        print(f"{mark:<8}{harmless(row.of):<{width}}  {row.what:<36} {tail}")
    if wrong:
        print(f"{len(wrong)} of {len(rows)} lines differ; keep the database and the log", file=sys.stderr)
        return FAILED
    print(f"{len(rows)} lines, no difference")
    return 0
