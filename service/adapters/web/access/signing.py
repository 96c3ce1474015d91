"""What this service has signed: sessions, CSRF tokens, and links that acknowledge; all expire."""

import hashlib
import hmac
from dataclasses import dataclass

from itsdangerous import BadSignature, URLSafeTimedSerializer

SESSION_S = 12 * 3600
LINK_S = 24 * 3600
"""A page at three in the morning may be read at breakfast, not next week."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a link from a notice stands for: an interruption, and the target that it was sent to."""

    interruption: str
    target: str


class Signer:
    """Signs with one key, each purpose apart. `keys`: the newest last; older ones are still accepted."""

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        if not keys or any(len(key) < 16 for key in keys):  # noqa: PLR2004  # bytes
            raise ValueError("a signing key has at least 16 bytes")
        self._newest = keys[-1]
        self._sessions = URLSafeTimedSerializer(list(keys), salt="session")
        self._links = URLSafeTimedSerializer(list(keys), salt="acknowledge")

    def session(self, name: str, nonce: str) -> str:
        """A cookie's value for a user."""
        return str(self._sessions.dumps([name, nonce]))

    def user_of(self, cookie: str) -> tuple[str, str] | None:
        """(name, nonce) of a cookie that is ours and not too old."""
        found = _loaded(self._sessions, cookie, SESSION_S)
        return (found[0], found[1]) if found is not None else None

    def csrf(self, session: str) -> str:
        """The token that a form of a session carries."""
        return hmac.new(self._newest, b"csrf\x1f" + session.encode(), hashlib.sha256).hexdigest()

    def is_csrf(self, session: str, token: str) -> bool:
        """Whether a form's token is that of its session."""
        return hmac.compare_digest(self.csrf(session).encode(), token.encode("utf-8", "replace"))

    def link(self, interruption: str, target: str) -> str:
        """A token for a link in a notice."""
        return str(self._links.dumps([interruption, target]))

    def link_of(self, token: str) -> Link | None:
        """What a link stands for, where it is ours and not too old."""
        found = _loaded(self._links, token, LINK_S)
        return Link(found[0], found[1]) if found is not None else None


def _loaded(serializer: URLSafeTimedSerializer, text: str, age: int) -> list[str] | None:
    try:
        found = serializer.loads(text, max_age=age)
    except BadSignature:
        return None
    if isinstance(found, list) and len(found) == 2 and all(isinstance(part, str) for part in found):  # noqa: PLR2004
        return found
    return None
