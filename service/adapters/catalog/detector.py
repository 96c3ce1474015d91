"""Checks the name and the parameters of a detector that YAML names."""

from collections.abc import Mapping
from dataclasses import dataclass

from service.adapters.catalog.explain import suggest
from service.adapters.catalog.problem import Where, show


@dataclass(frozen=True, slots=True)
class Between:
    """The numbers that a parameter may have, both ends included."""

    least: float
    most: float
    whole: bool = True

    def wrong(self, value: object) -> str | None:
        """What is wrong with a value, or None."""
        fits = isinstance(value, int if self.whole else int | float) and not isinstance(value, bool)
        if fits and self.least <= float(str(value)) <= self.most:
            return None
        kind = "a whole number" if self.whole else "a number"
        return f"{show(value)} is not {kind} from {self.least:g} to {self.most:g}; write one"


# River's constructors take anything, fail at the first event, or never return: height 60 is 2^60 nodes.
_PARAMETERS: Mapping[str, Mapping[str, Between]] = {
    "half_space_trees": {
        "n_trees": Between(1, 200),
        "height": Between(1, 12),
        "window_size": Between(2, 100_000),
        "seed": Between(0, 2**32 - 1),
    },
    "gaussian_scorer": {"window_size": Between(2, 100_000), "grace_period": Between(1, 100_000)},
    "adwin": {
        "delta": Between(1e-9, 0.5, whole=False),
        "clock": Between(1, 100_000),
        "min_window_length": Between(1, 100_000),
        "grace_period": Between(1, 100_000),
    },
    "page_hinkley": {
        "min_instances": Between(1, 100_000),
        "delta": Between(0, 1_000, whole=False),
        "threshold": Between(1e-6, 1e6, whole=False),
        "alpha": Between(1e-3, 1, whole=False),
    },
}


def wrong_detector(name: str, parameters: Mapping[str, float | str]) -> tuple[Where, str] | None:
    """What is wrong with a named detector, and where under `volume`; None where it can be built."""
    from detectors.adapted import Adapted
    from detectors.replayed import ALLOWED

    if name not in ALLOWED:
        otherwise = f"write one of {', '.join(sorted(ALLOWED))}"
        return ("detector",), f"{show(name)} is not a detector; {suggest(name, ALLOWED, otherwise)}"
    known = ALLOWED[name][2]
    for key, value in parameters.items():
        where = ("parameters", key)
        if key not in known:
            otherwise = f"write one of {', '.join(sorted(known))}" if known else "remove it"
            return where, f"{name} has no such parameter; {suggest(key, known, otherwise)}"
        allowed = _PARAMETERS.get(name, {}).get(key)
        if allowed and (wrong := allowed.wrong(value)):
            return where, wrong
    try:
        Adapted(90.0, detector=name, parameters=parameters)
    except ValueError as error:
        return ("parameters",), f"{error}; mend it"
    return None
