"""What `serve --config FILE` reads: where things are, who may be reached, where each secret comes from."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr, ValidationError, model_validator

from service.adapters.catalog.explain import explain, suggest
from service.adapters.catalog.fields import Url, wrong
from service.adapters.catalog.problem import CatalogError, Problem, name_of, show
from service.adapters.catalog.reader import Document, read
from service.core.catalog import Catalog
from service.settings.customers import Customers
from service.settings.fields import LocalPath, Secret, Section
from service.settings.guard import Guard, Retention
from service.settings.kafka import Kafka, OAuth, Security
from service.settings.sections import Currency, Database, Digest, Send
from service.settings.web import Web

__all__ = [
    "CatalogError",
    "Currency",
    "Customers",
    "Database",
    "Digest",
    "Kafka",
    "OAuth",
    "Secret",
    "Security",
    "Send",
    "Settings",
    "Web",
    "load_settings",
]


class Settings(Section):
    """The whole file."""

    rules: LocalPath = Field(Path("rules"), validate_default=True)
    database: Database = Field(default_factory=Database)
    kafka: Kafka | None = Field(None, description="required in a file; a service over files has none")
    web: Web = Field(default_factory=Web)
    currency: Currency = Field(default_factory=Currency)
    customers: Customers = Field(default_factory=Customers)
    public_url: Url = ""
    send: Send = Field(default_factory=Send)
    digest: Digest | None = None
    guard: Guard = Field(default_factory=Guard)
    retention: Retention = Field(default_factory=Retention)
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    refused: ClassVar[Mapping[str, str]] = {
        "metrics": "are served with the page at /metrics; set web.host and web.port instead",
        "targets": "belong to the rules; declare a document of kind Target there",
    }
    _document: Document | None = PrivateAttr(None)

    @model_validator(mode="after")
    def _people_come_back(self) -> Self:
        if self.web.login is not None and self.web.login.oidc is not None and not self.public_url:
            raise wrong("needs public_url, where people come back to; add it", ("web", "login", "oidc"))
        return self

    def problems_with(self, catalog: Catalog) -> list[Problem]:
        """Targets and Owners that the file names and the catalogue does not have."""
        document = self._document or Document("settings", 0)
        emergency = self.guard.emergency
        return [
            document.problem(
                (*place, i),
                f"there is no Target {show(name)}; {suggest(name, catalog.targets, 'add it to the rules')}",
            )
            for place, names in [
                (("digest", "to"), self.digest.to if self.digest else []),
                (("guard", "emergency", "to"), emergency.to if emergency else []),
            ]
            for i, name in enumerate(names)
            if name not in catalog.targets
        ] + [
            document.problem(place, f"there is no Owner {show(name)}; {suggest(name, catalog.owners, 'see the rules')}")
            for place, name in self.web.owners()
            if name not in catalog.owners
        ]


def load_settings(path: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of a file, secrets resolved. Raises CatalogError with every problem."""
    contents = read(path)
    if contents.problems:
        raise CatalogError(contents.problems)
    if len(contents.documents) > 1:
        raise CatalogError([contents.documents[1].problem((), "is a second document; keep one")])
    document = contents.documents[0] if contents.documents else Document(name_of(path), 0, path.parent, {})
    if not isinstance(document.value, dict):
        raise CatalogError([document.problem((), "is not a mapping; write key: value, one a line")])
    context: dict[str, Any] = {
        "folder": path.absolute().parent,
        "environ": os.environ if environ is None else environ,
    }
    problems = []
    if "kafka" not in document.value:
        text = "is missing; add one such as kafka: {bootstrap_servers: [localhost:9092]}"
        problems.append(document.problem(("kafka",), text))
    # A default that stays away is not validated, and so would not be relative to the file.
    value = {"database": {}, **document.value}
    try:
        settings = Settings.model_validate(value, context=context)
    except ValidationError as error:
        raise CatalogError([*problems, *explain(error, Settings, document)]) from None
    if problems:
        raise CatalogError(problems)
    settings._document = document  # noqa: SLF001 (ours: it remembers the lines)
    return settings
