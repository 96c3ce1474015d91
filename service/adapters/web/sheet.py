"""A page of tables: cells with links and figures, for whatever is best read line by line."""

import msgspec


class Cell(msgspec.Struct, frozen=True, gc=False):
    """A cell of a table; `number`: laid out as one; `href`: where it leads."""

    text: str
    number: bool = False
    href: str = ""


class Table(msgspec.Struct, frozen=True, gc=False):
    """A table with a title and, below it, what to know about its figures."""

    title: str
    heads: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


class Sheet(msgspec.Struct, frozen=True, gc=False):
    """A page of tables under a headline."""

    title: str
    lead: str
    summary: str
    tables: tuple[Table, ...]
    here: str = ""
    """Which entry of the navigation it is."""


def heads(*names: str) -> tuple[Cell, ...]:
    """Column heads; a `#` in front says that numbers stand below."""
    return tuple(Cell(name.removeprefix("#"), number=name.startswith("#")) for name in names)
