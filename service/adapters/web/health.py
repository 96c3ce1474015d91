"""Whether the service can do its work: what the readiness probe asks."""

from collections.abc import Mapping
from typing import Protocol


class HealthSource(Protocol):
    """Knows the parts that must work; quick, for a probe waits for it."""

    def parts(self) -> Mapping[str, str | None]:
        """`database`, `source` and `catalogue`, each None while it is well, else what is wrong with it."""
        ...
