"""One process a SQLite database: a lock on a file beside it, which the system gives back when it ends."""

import fcntl
import os
from pathlib import Path

from service.core.ports import StoreRefused


class LockFile:
    """Held from its making until `release`."""

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(database.name + ".lock")
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(self._descriptor, 32).decode(errors="replace").strip() or "unknown"
            os.close(self._descriptor)
            raise StoreRefused(
                f"{database} is in use by another process (pid {holder}, lock {self.path}): "
                "SQLite serves one momentwatch at a time; stop the other one, or use PostgreSQL for several"
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let another process in. The file stays: removing it would let two hold one path."""
        os.close(self._descriptor)
