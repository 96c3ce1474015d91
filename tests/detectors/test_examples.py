"""The examples in the detectors' docstrings run and give what they show."""

import doctest
import importlib
import pkgutil

import pytest

import detectors

MODULES = sorted(f"detectors.{one.name}" for one in pkgutil.iter_modules(detectors.__path__))


@pytest.mark.parametrize("name", MODULES)
def test_an_example_gives_what_it_shows(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_every_detector_has_an_example() -> None:
    lacking = []
    for name in MODULES:
        module = importlib.import_module(name)
        for one in vars(module).values():
            if isinstance(one, type) and one.__module__ == name and "kind" in vars(one):
                lacking += [] if ">>>" in (one.__doc__ or "") else [one.__name__]
    assert lacking == []
