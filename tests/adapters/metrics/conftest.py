"""The made-up marketplace, built once."""

import pytest

from tests.adapters.web.world import World, marketplace


@pytest.fixture(scope="session")
def market() -> World:
    """Read only."""
    return marketplace()
