"""Log-in by OpenID Connect: authorization code with PKCE, an ID token that is checked, groups that become a role."""

import contextvars
import json
import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from service.adapters.sender.address import Allowed
from service.adapters.sender.wire import Wire
from service.adapters.web.access.actor import Actor
from service.adapters.web.access.roles import Roles

_LOG = logging.getLogger(__name__)

_SIGNED_WITH = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
"""Never `none`, and never a key that both sides share."""
_LARGEST = 1 << 20
_DEADLINE_S = 10.0
_KEEP_S = 3600.0
_AGAIN_S = 30.0
"""Keys are not asked for anew more often than this, whatever key a token names."""
_LEEWAY_S = 60
_LONGEST_NAME = 200


class Away(Exception):  # noqa: N818  # a state of the world
    """The log-in service cannot be reached, or does not speak OpenID Connect; the text names no secret."""


class NotLetIn(Exception):  # noqa: N818  # an answer
    """What the log-in service sent is not to be believed, or does not let anybody in."""


@dataclass(frozen=True, slots=True)
class Service:
    """A log-in service as the settings name it. `redirect_uri`: where it sends people back to."""

    issuer: str
    client_id: str
    client_secret: Callable[[], str] = field(repr=False)
    redirect_uri: str
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    roles_claim: str = "groups"
    name_claim: str = "preferred_username"
    roles: Roles = field(default_factory=Roles)
    allow_hosts: frozenset[str] = frozenset()
    """Hosts that are not public and may be asked; that of the issuer always may."""


@dataclass(frozen=True, slots=True)
class Started:
    """A log-in that was begun: what its end is held against."""

    state: str
    nonce: str
    verifier: str


class Oidc:
    """One log-in service. Every request goes to an address that was checked, follows no redirect and ends in time."""

    def __init__(self, service: Service, clock: Callable[[], float] = time.time) -> None:
        self.service = service
        self._clock = clock
        self._lock = threading.Lock()
        self._found: tuple[float, Mapping[str, Any]] | None = None
        self._keys: tuple[float, Any] | None = None
        host = urlsplit(service.issuer).hostname or ""
        self._allowed = Allowed({host, *service.allow_hosts})

    @property
    def name(self) -> str:
        """What people know it by."""
        return urlsplit(self.service.issuer).hostname or "the log-in service"

    def begin(self) -> tuple[str, Started]:
        """Where to send the browser, and what to remember. Raises Away."""
        started = Started(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48))
        url, _ = self._client().create_authorization_url(
            self._endpoint("authorization_endpoint"),
            state=started.state,
            nonce=started.nonce,
            code_verifier=started.verifier,
        )
        return str(url), started

    def finish(self, started: Started, query: Mapping[str, str]) -> Actor:
        """Who came back. Raises NotLetIn and Away."""
        if not secrets.compare_digest(query.get("state", "").encode(), started.state.encode()):
            raise NotLetIn("this log-in was begun elsewhere, or too long ago; begin it again")
        # A service that says who it is must be the one that was asked (RFC 9207).
        if query.get("iss", self.service.issuer) != self.service.issuer:
            raise NotLetIn("another log-in service answered")
        if "code" not in query:
            raise NotLetIn("the log-in service let nobody in")
        return self._actor(self._claims(self._token(query["code"], started), started.nonce))

    def _token(self, code: str, started: Started) -> str:
        from authlib.integrations.base_client import OAuthError  # loaded by whoever logs in so, and by nobody else

        endpoint = self._endpoint("token_endpoint")
        try:
            token = self._reach(
                lambda: self._client().fetch_token(
                    endpoint, code=code, code_verifier=started.verifier, grant_type="authorization_code"
                )
            )
        except OAuthError as error:
            raise NotLetIn(f"the log-in service refused the code: {str(error.error)[:60]}") from None
        found = token.get("id_token")
        if not isinstance(found, str):
            raise NotLetIn("the log-in service sent no ID token; the scopes need openid")
        return found

    def _claims(self, token: str, nonce: str) -> Mapping[str, Any]:
        """What an ID token says, its signature and its claims checked."""
        from joserfc import jwt
        from joserfc.errors import JoseError

        must: dict[str, Any] = {
            "iss": {"essential": True, "value": self.service.issuer},
            "aud": {"essential": True, "value": self.service.client_id},
            "nonce": {"essential": True, "value": nonce},
            "sub": {"essential": True},
            "exp": {"essential": True},
            "iat": {"essential": True},
        }
        registry = jwt.JWTClaimsRegistry(now=lambda: int(self._clock()), leeway=_LEEWAY_S, **must)
        try:
            try:
                claims = jwt.decode(token, self._key_set(), algorithms=_SIGNED_WITH).claims
            except (JoseError, ValueError):
                # The keys may have been changed since they were read.
                claims = jwt.decode(token, self._key_set(anew=True), algorithms=_SIGNED_WITH).claims
            registry.validate(claims)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise NotLetIn(f"the ID token is not to be believed: {type(error).__name__}") from None
        if claims.get("azp", self.service.client_id) != self.service.client_id:
            raise NotLetIn("the ID token was made for another client")
        return claims

    def _actor(self, claims: Mapping[str, Any]) -> Actor:
        service = self.service
        found = service.roles.of(groups_of(claims, service.roles_claim))
        if found is None:
            raise NotLetIn("you are known, but in no group that may read this")
        for claim in (service.name_claim, "email", "sub"):
            name = claims.get(claim)
            if isinstance(name, str) and name.strip() and name.isprintable() and len(name) <= _LONGEST_NAME:
                return Actor(name.strip(), *found)
        raise NotLetIn("the ID token holds no name that can be shown")

    # --- what is asked of the service ---

    def _endpoint(self, name: str) -> str:
        url = self._metadata().get(name)
        if not isinstance(url, str) or not may_be_asked(url):
            raise Away(f"{self.name} names no {name} that can be used; it needs an https:// address")
        return url

    def _metadata(self) -> Mapping[str, Any]:
        with self._lock:
            if self._found is None or self._clock() - self._found[0] > _KEEP_S:
                found = self._json(f"{self.service.issuer.rstrip('/')}/.well-known/openid-configuration")
                if found.get("issuer") != self.service.issuer:
                    raise Away(f"{self.name} says that it is another issuer; write it exactly so in the settings")
                self._found = (self._clock(), found)
            return self._found[1]

    def _key_set(self, *, anew: bool = False) -> Any:
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        url = self._endpoint("jwks_uri")
        with self._lock:
            age = None if self._keys is None else self._clock() - self._keys[0]
            if self._keys is None or age is None or age > (_AGAIN_S if anew else _KEEP_S):
                try:
                    self._keys = (self._clock(), KeySet.import_key_set(self._json(url)))  # type: ignore[arg-type]  # checked there
                except (JoseError, ValueError, KeyError, TypeError):
                    raise Away(f"{self.name} has no keys that can be used") from None
            return self._keys[1]

    def _json(self, url: str) -> dict[str, Any]:
        answer = self._reach(lambda: self._client().request("GET", url, withhold_token=True))
        try:
            found = json.loads(answer.content)
        except (ValueError, RecursionError):
            raise Away(f"{self.name} answered with something that is no JSON") from None
        if answer.status_code != 200 or not isinstance(found, dict):  # noqa: PLR2004  # HTTP's
            raise Away(f"{self.name} answered {answer.status_code}")
        return found

    def _client(self) -> Any:
        from service.adapters.web.access.oidc_client import Client

        service = self.service
        return Client(
            service.client_id,
            service.client_secret(),
            scope=" ".join(service.scopes),
            redirect_uri=service.redirect_uri,
            largest=_LARGEST,
            timeout=_DEADLINE_S,
        )

    def _reach(self, work: Callable[[], Any]) -> Any:
        """Do something on the network, watched, and cut when it takes too long. Raises Away."""
        import requests

        wire = Wire(self._allowed)
        timer = threading.Timer(_DEADLINE_S, wire.cancel)
        timer.daemon = True

        def watched() -> Any:
            wire.watch()
            return work()

        timer.start()
        try:
            return contextvars.copy_context().run(watched)
        except (requests.RequestException, OSError, ValueError, RecursionError) as error:
            _LOG.warning("%s cannot be used to log in: %s", self.name, wire.refused or type(error).__name__)
            raise Away(f"{self.name} does not answer as it should; try again in a moment") from None
        finally:
            timer.cancel()
            wire.close()


def may_be_asked(url: str) -> bool:
    """Whether secrets may travel to an address: encrypted, or on this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.username is not None or not host:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in {"localhost", "127.0.0.1", "::1"})


def groups_of(claims: Mapping[str, Any], claim: str) -> list[str]:
    """The groups of a claim, which may lie deeper: `realm_access.roles`.

    >>> groups_of({"realm_access": {"roles": ["ops"]}}, "realm_access.roles")
    ['ops']
    >>> groups_of({"https://example.com/groups": "ops"}, "https://example.com/groups")
    ['ops']
    """
    found: Any = claims.get(claim)
    if found is None:
        found = claims
        for step in claim.split("."):
            found = found.get(step) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        return [found]
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []
