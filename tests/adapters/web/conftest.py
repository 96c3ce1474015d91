"""The made-up marketplace, built once, and a page that asks who it is."""

from pathlib import Path

import pytest

from service.adapters.web.access.gate import Gate
from service.adapters.web.access.signing import Signer
from tests.adapters.web.office import KEY, Office, users
from tests.adapters.web.world import World, marketplace


@pytest.fixture(scope="session")
def market() -> World:
    """Read only."""
    return marketplace()


@pytest.fixture
def asking(tmp_path: Path) -> Office:
    """A page that asks who it is."""
    return Office(Gate(Signer((KEY,)), users(tmp_path)))
