"""What a store can do to make many short transactions cost as much as one."""

from contextlib import AbstractContextManager
from typing import Protocol


class JoiningStore(Protocol):
    """Transactions of one thread put together: each costs a wait for the disk, or for whoever waits for it."""

    def together(self) -> AbstractContextManager[None]:
        """This thread's transactions within it are one where commits cost, in SQLite; what fails takes all back."""
        ...

    def reading(self) -> AbstractContextManager[None]:
        """This thread's reads within it see one state and are one transaction; it must not write, and be short."""
        ...
