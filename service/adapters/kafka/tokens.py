"""Bearer tokens for Kafka: from a file that something else renews, or from an endpoint until they expire."""

import base64
import binascii
import json
import ssl
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from kafka.net.sasl.oauth import AbstractTokenProvider

LARGEST = 64 * 1024
"""Bytes of a token or of an endpoint's answer."""
RENEW_BEFORE = 60.0
"""Seconds before its end at which a token is renewed, or a fifth of its life where that is less."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class TokenFile:
    """A file that holds the token alone; read again for every connection."""

    path: Path


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """OAuth 2.0 client credentials (RFC 6749, 4.4) at an HTTPS endpoint; plain HTTP only on loopback."""

    token_url: str
    client_id: str
    client_secret: Callable[[], str] = field(repr=False)
    scope: str | None = None
    ca_file: Path | None = None
    timeout: float = 10.0

    def __post_init__(self) -> None:
        parts = urlsplit(self.token_url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
            raise ValueError("token_url: would send the client's secret in the clear: write an https:// address")


class TokenError(OSError):
    """No token could be had; the message holds no secret."""


def token_provider(way: TokenFile | ClientCredentials) -> "FileTokens | EndpointTokens":
    """What a client asks for a token whenever it connects, or the last one has grown old."""
    return FileTokens(way) if isinstance(way, TokenFile) else EndpointTokens(way)


class FileTokens(AbstractTokenProvider):  # type: ignore[misc]  # the base is untyped
    """Tokens from a file."""

    def __init__(self, way: TokenFile) -> None:
        super().__init__()
        self._way = way
        self._life = 0.0

    def token(self) -> str:
        """The token that the file holds now. Raises TokenError."""
        try:
            with self._way.path.open("rb") as stream:
                token = stream.read(LARGEST).strip().decode("ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise TokenError(f"{self._way.path}: no token can be read: {type(error).__name__}") from None
        if not token:
            raise TokenError(f"{self._way.path}: holds no token: write the token alone into it")
        self._life = _life({}, token)
        return token

    def life(self) -> float:
        """Seconds that the token given last was good for when it was given."""
        return self._life


class EndpointTokens(AbstractTokenProvider):  # type: ignore[misc]  # the base is untyped
    """Tokens from an endpoint; one serves every connection until shortly before it expires."""

    def __init__(self, way: ClientCredentials, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._way = way
        self._clock = clock
        self._token: str | None = None
        self._renew_at = 0.0
        self._ends_at = 0.0

    def token(self) -> str:
        """A token that is good for a while. Raises TokenError."""
        if self._token is None or self._clock() >= self._renew_at:
            asked_at = self._clock()
            answer = self._ask()
            self._token = _text(answer, "access_token")
            life = _life(answer, self._token)
            self._renew_at = asked_at + max(0.0, life - min(RENEW_BEFORE, life / 5))
            self._ends_at = asked_at + life
        return self._token

    def life(self) -> float:
        """Seconds that the token given last is still good for."""
        return max(0.0, self._ends_at - self._clock())

    def _ask(self) -> dict[str, Any]:
        way = self._way
        form = {"grant_type": "client_credentials"}
        if way.scope:
            form["scope"] = way.scope
        basic = base64.b64encode(f"{way.client_id}:{way.client_secret()}".encode()).decode()
        request = urllib.request.Request(  # noqa: S310  # https, or loopback: checked when the settings were made
            way.token_url,
            data=urlencode(form).encode(),
            headers={"Authorization": f"Basic {basic}", "Accept": "application/json"},
        )
        https = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=way.ca_file))
        opener = urllib.request.build_opener(https, _NoRedirects())
        try:
            with opener.open(request, timeout=way.timeout) as response:
                answer = json.loads(response.read(LARGEST))
        except (OSError, ValueError) as error:
            # The request, and so the secret, must not come along.
            raise TokenError(f"{way.token_url}: gave no token: {error}") from None
        if not isinstance(answer, dict):
            raise TokenError(f"{way.token_url}: answered no JSON object")
        return answer


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirected request would carry the secret elsewhere."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _text(answer: dict[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise TokenError(f"the token endpoint's answer has no {name}")
    return value


def _life(answer: dict[str, Any], token: str) -> float:
    """Seconds that a token is good for: as the endpoint says, else as the token does, else five minutes."""
    stated = answer.get("expires_in")
    if isinstance(stated, int | float) and not isinstance(stated, bool) and stated > 0:
        return float(stated)
    expires = _claims(token).get("exp")
    if isinstance(expires, int | float) and not isinstance(expires, bool):
        return max(0.0, float(expires) - time.time())
    return 300.0


def _claims(token: str) -> dict[str, Any]:
    """What a JSON web token says of itself; its signature is the broker's business."""
    parts = token.split(".")
    if len(parts) < 2:  # noqa: PLR2004  # header and claims
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error):
        return {}
    return claims if isinstance(claims, dict) else {}
