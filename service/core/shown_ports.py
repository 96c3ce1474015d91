"""Pages that were made, kept beside what they were made from: whoever starts later shows them until it has its own."""

from typing import Protocol

import msgspec

from service.core.event import Micros


class Shown(msgspec.Struct, frozen=True, gc=False):
    """A page as it was made. `mark`: changes with whatever else a page depends on; another one's is of no use."""

    name: str
    mark: str
    made_at: Micros
    took: Micros
    body: bytes


class ShownReader(Protocol):
    """Reads them."""

    def shown(self, name: str) -> Shown | None:
        """The newest page of a name."""
        ...


class ShownStore(ShownReader, Protocol):
    """Keeps them."""

    def show(self, page: Shown) -> None:
        """Keep a page in the place of the one before it."""
        ...
