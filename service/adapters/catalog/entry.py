"""One declared object: its document, its name, and its parts once they were checked."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError

from service.adapters.catalog.explain import explain, suggest
from service.adapters.catalog.fields import Strict, not_yet, wrong
from service.adapters.catalog.models import API_VERSION, NOT_YET, SPECS, Metadata
from service.adapters.catalog.problem import Problem, Where, show
from service.adapters.catalog.reader import Document


def _kind(value: str) -> str:
    if value in SPECS:
        return value
    if value in NOT_YET:
        raise wrong(f"kind {value} is {not_yet(NOT_YET[value])}")
    kinds = ", ".join(SPECS)
    raise wrong(f"{show(value)} is not a kind; {suggest(value, [*SPECS, *NOT_YET], f'write one of {kinds}')}")


class Envelope(Strict):
    """What every document has, whatever its kind."""

    apiVersion: Literal["momentwatch/v1"] = Field(examples=[API_VERSION])  # noqa: N815 (the field's spelling)
    kind: Annotated[str, AfterValidator(_kind)] = Field(examples=["Moment"])
    metadata: Metadata = Field(examples=["{name: departs-on-time}"])
    spec: dict[str, Any] = Field(examples=["{}"])


@dataclass(frozen=True, slots=True)
class Entry:
    """A sound object; `spec` is an instance of the model of its kind."""

    kind: str
    metadata: Metadata
    spec: Strict
    document: Document

    @property
    def name(self) -> str:
        """The object's name, unique among its kind."""
        return self.metadata.name

    def problem(self, where: Where, message: str) -> Problem:
        """A problem at a value of the spec."""
        return self.document.problem(("spec", *where), message)


def entry_of(document: Document) -> tuple[Entry | None, list[Problem]]:
    """The object of a document, or what is wrong with it."""
    if not isinstance(document.value, dict):
        message = "is not a mapping; write apiVersion, kind, metadata and spec, one a line"
        return None, [document.problem((), message)]
    try:
        envelope = Envelope.model_validate(document.value)
        problems = []
    except ValidationError as error:
        envelope, problems = None, explain(error, Envelope, document)
    spec, wrong_spec = _spec_of(document, document.value)
    problems += wrong_spec
    if problems or envelope is None or spec is None:
        return None, problems
    return Entry(envelope.kind, envelope.metadata, spec, document), []


def _spec_of(document: Document, value: dict[str, Any]) -> tuple[Strict | None, list[Problem]]:
    """The spec is checked even where the rest is wrong, so that everything is said at once."""
    kind, spec = value.get("kind"), value.get("spec")
    model = SPECS.get(kind) if isinstance(kind, str) else None
    if model is None or not isinstance(spec, dict):
        return None, []
    try:
        return model.model_validate(spec), []
    except ValidationError as error:
        return None, explain(error, model, document, ("spec",))


def declared_name(document: Document) -> tuple[str, str] | None:
    """Kind and name of a document however broken, so that references to it are not called wrong as well."""
    value = document.value
    if not isinstance(value, dict):
        return None
    kind, metadata = value.get("kind"), value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return (kind, name) if isinstance(kind, str) and isinstance(name, str) else None
