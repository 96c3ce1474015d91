"""The part of the settings that is about customers: under which names they are kept, and what is known of them."""

import logging
from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, model_validator

from service.adapters.catalog.fields import Line, Name, NotNegative, listed, wrong
from service.settings.fields import ReadableFile, Secret, SecretOfFile, SecretOfVariable, Section

_LOG = logging.getLogger(__name__)
_SHORTEST_KEY = 16


class Key(Section):
    """Keys for pseudonyms, one a line, oldest first; exactly one of the two."""

    file: SecretOfFile | None = None
    env: SecretOfVariable | None = None

    @model_validator(mode="after")
    def _one_of_some_length(self) -> Self:
        if (self.file is None) == (self.env is None):
            raise wrong("needs one of file and env; write {env: NAME_OF_THE_VARIABLE} or {file: PATH}")
        if any(len(key) < _SHORTEST_KEY for key in self.lines()):
            raise wrong(f"holds fewer than {_SHORTEST_KEY} characters in a line; make one with: openssl rand -hex 32")
        return self

    def lines(self) -> list[str]:
        """The keys as they are now."""
        return self.secret.reveal().splitlines()

    @property
    def secret(self) -> Secret:
        """The key, wherever it came from."""
        found = self.file or self.env
        if found is None:
            raise AssertionError("the model lets no key without a source through")
        return found


def _each_once(keys: list[Key]) -> list[Key]:
    known: list[str] = []
    for place, key in enumerate(keys):
        for line in key.lines():
            if line in known:
                raise wrong("is the same key again; make a new one with: openssl rand -hex 32", (place,))
            known.append(line)
    return keys


class Customers(Section):
    """Names, values and segments of customers, and who may join pseudonyms back to ids."""

    pseudonym_keys: Annotated[list[Key], AfterValidator(_each_once)] = Field(
        default_factory=list, examples=["[{file: /run/secrets/customer-key}]"]
    )
    table: ReadableFile | None = None
    identify_roles: Annotated[list[Name], listed()] = Field(default_factory=list, examples=["[care-lead]"])
    ideal: Annotated[list[Line], listed()] = Field(default_factory=list)
    contact_cost: NotNegative | None = None

    refused: ClassVar[Mapping[str, str]] = {
        "pseudonym_key": "is written as a list, oldest first: pseudonym_keys: [{file: PATH}]",
        "key": "is written as a list, oldest first: pseudonym_keys: [{file: PATH}]",
    }

    def keys(self) -> tuple[bytes, ...]:
        """The keys as they are now, oldest first; up to the first that a change of a file made unfit to be one."""
        found: list[str] = []
        for key in self.pseudonym_keys:
            for line in key.lines():
                if len(line) < _SHORTEST_KEY or line in found:
                    _LOG.error("customers.pseudonym_keys: a line is no new key of %d characters", _SHORTEST_KEY)
                    return tuple(each.encode() for each in found)
                found.append(line)
        return tuple(each.encode() for each in found)
