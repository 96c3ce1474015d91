"""The catalogue of YAML files: owners, moments and the rest, read, checked and frozen.

Problem         one thing wrong, with file, line, field, value and remedy
CatalogError    all of them, raised by `load`
"""

from dataclasses import dataclass
from pathlib import Path

from service.adapters.catalog.build import build
from service.adapters.catalog.crosscheck import crosscheck
from service.adapters.catalog.entry import declared_name, entry_of
from service.adapters.catalog.folder import files_of
from service.adapters.catalog.problem import CatalogError, Problem, name_of
from service.adapters.catalog.reader import Document, read
from service.adapters.catalog.schema import schemas
from service.adapters.catalog.warnings import FalseAlarms, false_alarms, warnings_of
from service.core.catalog import Catalog

__all__ = ["CatalogError", "FalseAlarms", "Loaded", "Problem", "false_alarms", "load", "schemas"]

_MAY_BE_EMPTY = frozenset({("spec",)})


@dataclass(frozen=True, slots=True)
class Loaded:
    """A catalogue that can be used, with what its operators should know."""

    catalog: Catalog
    warnings: list[Problem]


def load(path: Path) -> Loaded:
    """The catalogue of a folder (hidden files left out, subfolders too) or of one file.

    Raises CatalogError with every problem of every file.
    """
    files, problems = files_of(path)
    documents: list[Document] = []
    whole = not problems
    for file in files:
        contents = read(file, _MAY_BE_EMPTY)
        documents += contents.documents
        problems += contents.problems
        whole = whole and contents.whole
    if not documents and not problems:
        problem = Problem(name_of(path), 0, "", "declares nothing; add an Owner and a Moment")
        raise CatalogError([problem])
    names: dict[str, set[str]] = {}
    for kind, name in filter(None, map(declared_name, documents)):
        names.setdefault(kind, set()).add(name)
    entries = []
    for document in documents:
        if document.sound:
            entry, wrong = entry_of(document)
            problems += wrong
            if entry is not None:
                entries.append(entry)
    problems += crosscheck(entries, documents, names, whole=whole)
    if problems:
        raise CatalogError(problems)
    catalog = build(entries)
    return Loaded(catalog, warnings_of(entries, catalog))
