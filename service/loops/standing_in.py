"""Who hears of a notice that was given up, while there is still somebody needed who hears of it."""

from collections.abc import Callable, Sequence

from service.core.catalog import Catalog
from service.core.ports import Reader
from service.core.telling.route import Notice
from service.core.telling.undelivered import undelivered
from service.loops.routing import Pages


class StandingIn:
    """Asked by the sender before it writes a notice off. `last`: targets for when nobody else is left in line."""

    def __init__(self, reader: Reader, catalog: Callable[[], Catalog], pages: Pages, last: Sequence[str] = ()) -> None:
        self._reader = reader
        self._catalog = catalog
        self._pages = pages
        self._last = last

    def __call__(self, notice: Notice, why: str) -> list[Notice]:
        """The notices that stand in for it. None where what it says is over, or somebody has it. Raises StoreAway."""
        identity = notice.interruption
        if identity is not None:
            it = self._reader.interruption(identity)
            handling = self._reader.handlings({identity}).get(identity)
            if it is None or not it.is_open or (handling is not None and handling.acknowledged_at is not None):
                return []
        return undelivered(notice, why, self._catalog(), last=self._last, link=self._link(identity))

    def _link(self, identity: str | None) -> Callable[[str], str] | None:
        sign, base = self._pages.sign, self._pages.url.rstrip("/")
        if sign is None or identity is None or not base:
            return None
        return lambda target: f"{base}/acknowledge/{sign(identity, target)}"
