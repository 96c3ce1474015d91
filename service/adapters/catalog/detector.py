"""Checks the name and the parameters of a detector that YAML names."""

from collections.abc import Mapping

from service.adapters.catalog.explain import suggest
from service.adapters.catalog.problem import Where, show

ALLOWED = ("half_space_trees",)


def wrong_detector(name: str, parameters: Mapping[str, object]) -> tuple[Where, str] | None:
    """What is wrong with a named detector, and where under `volume`; None where it can be built."""
    if name not in ALLOWED:
        known = ", ".join(sorted(ALLOWED))
        return (
            "detector",
        ), f"{show(name)} is not a detector; {suggest(name, ALLOWED, f'write one of {known}')}"
    return None
