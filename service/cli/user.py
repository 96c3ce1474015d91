"""`momentwatch user`: what stands in the users' file for a person or a program."""

import argparse
import getpass
import hashlib
import json
import secrets
import sys

from service.adapters.web.access.role import ROLES

_SHORTEST = 10


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "user",
        help="print a line for the users' file",
        description="Ask for a password (or read a line of stdin) and print the line for web.login.users_file.",
    )
    parser.add_argument("name", metavar="NAME", help="who it is")
    parser.add_argument("--role", choices=ROLES, default="viewer", help="what this one may do (default: viewer)")
    parser.add_argument(
        "--owner", action="append", metavar="OWNER", help="act on this Owner's moments only; repeatable"
    )
    parser.add_argument("--token", action="store_true", help="a program: make a token, and print it on stderr once")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the line; 0, or 1 where the password is too short."""
    from service.adapters.web.access.users import hashed

    spec: dict[str, object] = {}
    if arguments.token:
        token = secrets.token_urlsafe(32)
        print(f"token, shown this once: {token}", file=sys.stderr)
        spec["token_sha256"] = hashlib.sha256(token.encode()).hexdigest()
    else:
        password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
        if len(password) < _SHORTEST:
            print(f"the password has {len(password)} characters; take {_SHORTEST} or more", file=sys.stderr)
            return 1
        spec["password"] = hashed(password)
    spec["role"] = arguments.role
    if arguments.owner:
        spec["owners"] = arguments.owner
    print(f"{json.dumps(arguments.name, ensure_ascii=False)}: {json.dumps(spec, ensure_ascii=False)}")
    return 0
