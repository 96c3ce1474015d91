"""Local users with argon2 hashes, and programs with tokens, from a file that is read anew when it changes."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Self

import argon2
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from service.adapters.catalog.problem import CatalogError, Problem
from service.adapters.catalog.reader import read
from service.adapters.web.access.actor import Actor
from service.adapters.web.access.role import Role

_HASHER = argon2.PasswordHasher()


@cache
def _nobody() -> str:
    """Verified where there is no such user, so that the answer takes as long; made when first needed, as it is slow."""
    return _HASHER.hash("nobody has this password")


class UserSpec(BaseModel):
    """One user: a password's hash or a token's, a role, and the Owners of the moments to act on."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    password: Annotated[str, Field(pattern=r"^\$argon2")] | None = None
    token_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    role: Role = "viewer"
    owners: list[str] | None = None

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if (self.password is None) == (self.token_sha256 is None):
            raise ValueError("needs one of password (an argon2 hash) and token_sha256")
        return self


@dataclass(slots=True)
class Users:
    """Those of one file: a mapping of names to `UserSpec`."""

    path: Path
    _stamp: tuple[int, int] = (0, 0)
    _users: dict[str, UserSpec] | None = None

    def check(self) -> None:
        """Read the file. Raises CatalogError with every problem."""
        self._read()

    def by_password(self, name: str, password: str) -> Actor | None:
        """The user of a name and a password."""
        user = self._read().get(name)
        stored = user.password if user is not None and user.password is not None else _nobody()
        try:
            _HASHER.verify(stored, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return None
        return self._actor(name) if user is not None and user.password is not None else None

    def by_token(self, token: str) -> Actor | None:
        """The program of a token."""
        digest = hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
        found = None
        for name, user in self._read().items():
            if user.token_sha256 is not None and hmac.compare_digest(user.token_sha256, digest):
                found = name
        return self._actor(found, kind_is_program=True) if found is not None else None

    def by_name(self, name: str) -> Actor | None:
        """The user of a session, as the file has it now: who was removed is nobody any more."""
        user = self._read().get(name)
        return self._actor(name) if user is not None and user.password is not None else None

    def _actor(self, name: str, *, kind_is_program: bool = False) -> Actor:
        user = self._read()[name]
        owners = None if user.owners is None else frozenset(user.owners)
        return Actor(name, user.role, owners, kind="program" if kind_is_program else "person")

    def _read(self) -> dict[str, UserSpec]:
        try:
            status = self.path.stat()
        except OSError as error:
            text = f"cannot be read: {error.strerror or error}; check the path and its rights"
            raise CatalogError([Problem(str(self.path), 0, "", text)]) from None
        stamp = (status.st_mtime_ns, status.st_size)
        if self._users is None or stamp != self._stamp:
            self._users, self._stamp = _load(self.path), stamp
        return self._users


def _load(path: Path) -> dict[str, UserSpec]:
    contents = read(path)
    if contents.problems:
        raise CatalogError(contents.problems)
    value = contents.documents[0].value if contents.documents else {}
    if not isinstance(value, dict):
        raise CatalogError([Problem(str(path), 1, "", "is not a mapping; write NAME: {password: …, role: …}")])
    users, problems = {}, []
    for name, spec in value.items():
        try:
            users[name] = UserSpec.model_validate_json(json.dumps(spec))
        except ValidationError as error:
            # The value may be a password in plain: it is not repeated.
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(str(step) for step in (name, *first["loc"]))
            line = contents.documents[0].line_of((name,))
            problems.append(Problem(str(path), line, where, f"{first['msg']}; see `momentwatch user --help`"))
    if problems:
        raise CatalogError(problems)
    return users


def hashed(password: str) -> str:
    """What stands in the file for a password."""
    return _HASHER.hash(password)
