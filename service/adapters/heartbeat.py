"""The heartbeat that an outside dead man's switch waits for: a GET, made anew with the address as it is now."""

import logging
import urllib.request
from collections.abc import Callable
from urllib.error import URLError
from urllib.parse import urlsplit

_LOG = logging.getLogger(__name__)
_TIMEOUT_S = 10.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A heartbeat is heard where it was sent, or nowhere: a redirect is an error."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Go nowhere else."""


class Heartbeat:
    """Sends one when called; never raises. `address`: read at each call, for it may hold a secret that is rotated."""

    def __init__(self, address: Callable[[], str]) -> None:
        self._address = address
        self._opener = urllib.request.build_opener(_NoRedirect)
        self._failing = False

    def __call__(self) -> None:
        """Send it, and say once when it does not arrive, and once when it does again."""
        trouble = self._send()
        if trouble and not self._failing:
            _LOG.warning("the heartbeat does not arrive: %s", trouble)
        elif not trouble and self._failing:
            _LOG.warning("the heartbeat arrives again")
        self._failing = bool(trouble)

    def _send(self) -> str:
        try:
            url = self._address()
            if urlsplit(url).scheme not in {"http", "https"}:
                return "its address is no http:// or https:// one; mend guard.heartbeat"
            # The scheme was checked above.
            with self._opener.open(url, timeout=_TIMEOUT_S):
                return ""
        except (URLError, OSError, ValueError) as error:
            # Not the address: it is a secret as a rule.
            return f"{type(error).__name__} {getattr(error, 'code', '')}".strip()
