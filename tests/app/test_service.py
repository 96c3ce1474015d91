"""The service as a whole: what listens where."""

from contextlib import closing

import pytest
import requests

from service.adapters.clock import wall_clock
from service.adapters.memory_source import MemorySource
from service.adapters.store.memory import MemoryStore
from service.app.service import Options, Service
from service.core.catalog import Catalog, Moment, Owner
from service.core.outbox import Delivery
from service.core.telling.route import Message
from tests.harness.process import free_port

CATALOG = Catalog(owners={"ops": Owner("ops")}, moments={"m": Moment("m", "ops")})


class Nobody:
    """There is nobody to tell."""

    def send(self, target: str, message: Message) -> Delivery:
        """Nothing is routed here."""
        raise AssertionError((target, message))

    def keeps_incidents(self, target: str) -> bool:
        """Nobody does."""
        raise AssertionError(target)


@pytest.mark.parametrize("apart", [True, False])
def test_metrics_have_a_listener_of_their_own_on_request(*, apart: bool) -> None:
    port = free_port()
    options = Options(port=0, metrics_port=port if apart else None, live=False)
    service = Service(CATALOG, MemoryStore(CATALOG.moments), MemorySource({}, wall_clock), Nobody(), options)
    service.start()
    with closing(service):
        page = service.web.url
        assert requests.get(page, timeout=10).status_code == 200
        assert requests.get(f"{page}metrics", timeout=10).status_code == (404 if apart else 200)
        if apart:
            assert requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).status_code == 200
            assert requests.get(f"http://127.0.0.1:{port}/", timeout=10).status_code == 404, (
                "a scraper is shown no page"
            )
