"""What every test can ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

pytest_plugins = ["tests.harness.fixtures"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """What the long proofs are asked by."""
    parser.addoption("--whole-year", action="store_true", help="all flights of the year through the broker")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, or all would wait for it in the end."""
    items.sort(key=lambda item: item.get_closest_marker("early") is None)
