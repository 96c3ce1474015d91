"""`momentwatch digest`: one week for whoever answers for the customers, on one page."""

import argparse
from pathlib import Path


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
    raise NotImplementedError
