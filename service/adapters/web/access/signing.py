"""What this service has signed: sessions, CSRF tokens, and links that acknowledge; all expire."""

import hashlib
import hmac
import logging
from collections.abc import Callable
from dataclasses import dataclass

from itsdangerous import BadSignature, URLSafeTimedSerializer

from service.adapters.web.access.actor import Actor
from service.adapters.web.access.role import ROLES

_LOG = logging.getLogger(__name__)

SHORTEST = 16
"""Bytes."""
SESSION_S = 12 * 3600
STARTED_S = 600
LINK_S = 24 * 3600
"""A page at three in the morning may be read at breakfast, not next week."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a link from a notice stands for: an interruption, and the target that it was sent to."""

    interruption: str
    target: str


Keys = tuple[bytes, ...]
"""The newest last; older ones are still accepted."""


class _Kept:
    """What is made of some keys."""

    def __init__(self, keys: Keys) -> None:
        if not keys or any(len(key) < SHORTEST for key in keys):
            raise ValueError(f"a signing key has at least {SHORTEST} bytes")
        self.keys = keys
        self.sessions = URLSafeTimedSerializer(list(keys), salt="session")
        self.guests = URLSafeTimedSerializer(list(keys), salt="guest")
        self.started = URLSafeTimedSerializer(list(keys), salt="started")
        self.links = URLSafeTimedSerializer(list(keys), salt="acknowledge")


class Signer:
    """Signs with one key, each purpose apart. `keys` may be asked each time, so that one is added while it runs."""

    def __init__(self, keys: Keys | Callable[[], Keys]) -> None:
        self._ask = keys if callable(keys) else lambda: keys
        self._last = _Kept(self._ask())

    def _now(self) -> _Kept:
        keys = self._ask()
        if keys != self._last.keys:
            try:
                self._last = _Kept(keys)
            except ValueError as error:
                _LOG.error("the changed keys for links and sessions are not taken: %s", error)  # all
        return self._last

    def session(self, name: str, nonce: str) -> str:
        """A cookie's value for a user."""
        return str(self._now().sessions.dumps([name, nonce]))

    def user_of(self, cookie: str) -> tuple[str, str] | None:
        """(name, nonce) of a cookie that is ours and not too old."""
        found = _loaded(self._now().sessions, cookie, SESSION_S)
        return (found[0], found[1]) if found is not None else None

    def guest(self, actor: Actor, nonce: str) -> str:
        """A cookie's value for somebody whom a log-in service knows: the role as it was then, for a session's time."""
        owners = None if actor.owners is None else sorted(actor.owners)
        return str(self._now().guests.dumps([actor.name, actor.role, owners, nonce]))

    def guest_of(self, cookie: str) -> Actor | None:
        """Whom a cookie of ours that is not too old was made for."""
        try:
            name, role, owners, nonce = self._now().guests.loads(cookie, max_age=SESSION_S)
        except (BadSignature, ValueError, TypeError):
            return None
        if role not in ROLES:
            return None
        mine = None if owners is None else frozenset(owners)
        return Actor(name, role, mine, session=f"guest:{name}:{nonce}")

    def started(self, *parts: str) -> str:
        """A cookie's value for a log-in that was begun."""
        return str(self._now().started.dumps(list(parts)))

    def started_of(self, cookie: str, count: int) -> list[str] | None:
        """The parts of a log-in that was begun, not too long ago."""
        return _loaded(self._now().started, cookie, STARTED_S, count)

    def csrf(self, session: str) -> str:
        """The token that a form of a session carries."""
        return _csrf(self._now().keys[-1], session)

    def is_csrf(self, session: str, token: str) -> bool:
        """Whether a form's token is that of its session."""
        given = token.encode("utf-8", "replace")
        # A form that was open while a key was added is still good.
        return any(hmac.compare_digest(_csrf(key, session).encode(), given) for key in self._now().keys)

    def link(self, interruption: str, target: str) -> str:
        """A token for a link in a notice."""
        return str(self._now().links.dumps([interruption, target]))

    def link_of(self, token: str) -> Link | None:
        """What a link stands for, where it is ours and not too old."""
        found = _loaded(self._now().links, token, LINK_S)
        return Link(found[0], found[1]) if found is not None else None


def _csrf(key: bytes, session: str) -> str:
    return hmac.new(key, b"csrf\x1f" + session.encode(), hashlib.sha256).hexdigest()


def _loaded(serializer: URLSafeTimedSerializer, text: str, age: int, count: int = 2) -> list[str] | None:
    try:
        found = serializer.loads(text, max_age=age)
    except BadSignature:
        return None
    if isinstance(found, list) and len(found) == count and all(isinstance(part, str) for part in found):
        return found
    return None
