"""One look at the service: whom to ask, what is declared, what time it is, and how to put the answers."""

from dataclasses import dataclass

from service.adapters.web.words import Words
from service.core.catalog import Catalog
from service.core.event import Micros
from service.core.ports import Reader


@dataclass(frozen=True, slots=True)
class Look:
    """What every page is made from; `now` stays the same all over a page."""

    reader: Reader
    catalog: Catalog
    now: Micros
    words: Words
