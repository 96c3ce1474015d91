"""The command line: `momentwatch COMMAND`, a module a command."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from importlib.metadata import version

COMMANDS = (
    "demo",
    "serve",
    "check",
    "backtest",
    "explain",
    "replay",
    "score",
    "digest",
    "notify",
    "dlq",
    "export",
    "forget",
    "user",
    "reconcile",
    "db",
    "doctor",
)


def parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """What the command line understands; where a command is named, no other is loaded."""
    top = argparse.ArgumentParser(
        prog="momentwatch",
        description="Know before your customers tell you: watches the moments that matter to them.",
    )
    top.add_argument("--version", action="version", version=f"momentwatch {version('momentwatch')}")
    subparsers = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    named = [argument for argument in arguments[:1] if argument in COMMANDS]
    for command in named or COMMANDS:
        importlib.import_module(f"service.cli.{command}").add(subparsers)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    parsed = parser(given).parse_args(given)
    try:
        code: int = parsed.run(parsed)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has had enough.
        sys.stderr.close()
        return 0
    return code


if __name__ == "__main__":
    sys.exit(main())
