"""Pages that were made: the newest of each name, byte by byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.shown_ports import Shown

if TYPE_CHECKING:
    from service.core.ports import Store


def test_the_newest_page_of_a_name_is_kept_byte_by_byte(store: Store) -> None:
    assert store.shown("wall") is None
    first = Shown("wall", "one", 1_000_000, 5, bytes(range(256)))
    other = Shown("another", "one", 2_000_000, 7, b"")
    newest = Shown("wall", "two", 3_000_000, 6, b"\x00newer")
    for page in (first, other, newest):
        store.show(page)
    assert store.shown("wall") == newest
    assert store.shown("another") == other
