"""The command line: `momentwatch COMMAND`, a module a command."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec

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


def parser() -> argparse.ArgumentParser:
    """Everything that the command line understands."""
    top = argparse.ArgumentParser(
        prog="momentwatch",
        description="Know before your customers tell you: watches the moments that matter to them.",
    )
    top.add_argument("--version", action="version", version=f"momentwatch {version('momentwatch')}")
    subparsers = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        module = f"service.cli.{command}"
        if find_spec(module) is not None:
            importlib.import_module(module).add(subparsers)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    parsed = parser().parse_args(arguments)
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
