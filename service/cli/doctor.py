"""`momentwatch doctor`: looks at everything that the service stands on, on one page."""

import argparse
import logging
from pathlib import Path

from service.cli.where import FAILED, harmless


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "doctor",
        help="look at brokers, rights, topics, database, clock, catalogue and targets",
        description="Try out everything that the service stands on, and say what to do about what does not work. "
        "Nothing is changed, nothing is sent. Exit 1 when something fails, 0 when all works or is only doubtful.",
    )
    parser.add_argument("--config", required=True, type=Path, metavar="FILE", help="the settings that serve reads")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Look; 1 when something fails."""
    from service.app.doctor import examine

    # What the clients say of it stands in the lines below.
    logging.disable(logging.CRITICAL)
    try:
        failed = 0
        for finding in examine(arguments.config):
            failed += finding.status == "fail"
            print(f"{finding.status:<5} {harmless(finding.what)}: {harmless(finding.seen)}", flush=True)
            if finding.remedy:
                print(f"      → {harmless(finding.remedy)}")
    finally:
        logging.disable(logging.NOTSET)
    print(f"\n{failed} thing{'s' * (failed != 1)} to mend" if failed else "\nnothing to mend")
    return FAILED if failed else 0
