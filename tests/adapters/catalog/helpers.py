"""Writes catalogues for a test and reads back what is said of them."""

from pathlib import Path
from textwrap import dedent

from service.adapters.catalog import CatalogError, Loaded, load
from service.adapters.catalog.problem import Problem

OPS = "{apiVersion: momentwatch/v1, kind: Owner, metadata: {name: ops}, spec: {targets: [chat]}}"
CHAT = "{apiVersion: momentwatch/v1, kind: Target, metadata: {name: chat}, spec: {url: {env: CHAT_URL}}}"


def document(kind: str, spec: str, *, name: str = "it") -> str:
    """A document whose spec starts on line 5."""
    head = f"apiVersion: momentwatch/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n"
    body = dedent(spec).strip("\n")
    return head + "\n".join(f"  {line}" for line in body.splitlines()) + "\n"


def loaded(folder: Path, *documents: str) -> Loaded:
    """The catalogue of one file with these documents."""
    path = folder / "rules.yaml"
    path.write_text("\n---\n".join(documents), encoding="utf-8")
    return load(path)


def problems(folder: Path, *documents: str) -> list[str]:
    """What is wrong with it, a line each, without the folder; empty where it loads."""
    try:
        loaded(folder, *documents)
    except CatalogError as error:
        return lines(folder, error.problems)
    return []


def lines(folder: Path, found: list[Problem]) -> list[str]:
    """Problems as they are printed, without the folder."""
    return [str(problem).removeprefix(f"{folder}/") for problem in found]
