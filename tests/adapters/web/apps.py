"""The app over a world of tests, with a health that says what it is told to."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from fastapi import FastAPI

from service.adapters.metrics.collector import StoreCollector
from service.adapters.metrics.meter import Metrics, new_registry
from service.adapters.web.app import make_app
from service.adapters.web.settings import WebSettings
from tests.adapters.web.world import NOW, World


@dataclass
class Health:
    """Says what it is told to."""

    wrong: dict[str, str | None] = field(default_factory=lambda: {"database": None, "source": None, "catalogue": None})

    def parts(self) -> Mapping[str, str | None]:
        return self.wrong


def app_of(world: World, health: Health | None = None, settings: WebSettings | None = None) -> FastAPI:
    """The app over a world, with its metrics, at the world's time."""
    registry = new_registry()
    Metrics(registry).loaded(world.catalog)
    registry.register(StoreCollector(world.store, lambda: world.catalog, lambda: NOW, currency="BRL"))
    settings = settings or WebSettings(currency="BRL", clock="event", keep=0.0)
    return make_app(world.store, lambda: world.catalog, registry, health or Health(), settings, now=lambda: NOW)
