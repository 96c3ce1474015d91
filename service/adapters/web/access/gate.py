"""Finds out who is asking, and refuses what that one may not: roles, CSRF, origin, and how often."""

import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request

from service.adapters.web.access.actor import OPEN, Actor
from service.adapters.web.access.oidc import Oidc
from service.adapters.web.access.roles import Roles
from service.adapters.web.access.signing import Signer
from service.adapters.web.access.throttle import Throttle
from service.adapters.web.access.users import Users

COOKIE = "momentwatch_session"
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that logs people in and says who they are; believed only when it asks from one of its addresses.

    `roles`: what the groups that it names come to.
    """

    trusted: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]
    user_header: str = "x-forwarded-user"
    groups_header: str = "x-forwarded-groups"
    roles: Roles = field(default_factory=Roles)

    def actor(self, request: Request) -> Actor | None:
        """Whom the proxy names; None where it is not the proxy that asks, or it names nobody."""
        peer = request.client.host if request.client is not None else ""
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return None
        if not any(address in network for network in self.trusted):
            return None
        names = request.headers.getlist(self.user_header)
        # Two of them: one came from outside and was passed on.
        if len(names) != 1 or not names[0].strip() or len(names[0]) > _LONGEST_NAME:
            return None
        name = names[0].strip()
        groups = {part.strip() for part in ",".join(request.headers.getlist(self.groups_header)).split(",")}
        found = self.roles.of(groups)
        return Actor(name, *found, session=f"proxy:{name}") if found is not None else None


@dataclass(slots=True)
class Gate:
    """What is asked of everybody. Without `users`, `proxy` and `oidc` everybody is `anybody`."""

    signer: Signer
    users: Users | None = None
    proxy: Proxy | None = None
    oidc: Oidc | None = None
    anybody: Actor = OPEN
    secure: bool = False
    """Pages are reached over https, so that the cookie is never sent without it."""
    logins: Throttle = field(default_factory=lambda: Throttle(5, 5))
    elsewhere: Throttle = field(default_factory=lambda: Throttle(20, 20))
    writes: Throttle = field(default_factory=lambda: Throttle(30, 60))

    @property
    def asks(self) -> bool:
        """Whether people have to say who they are."""
        return self.proxy is not None or self.has_login

    @property
    def has_login(self) -> bool:
        """Whether there is a page to log in on."""
        return self.users is not None or self.oidc is not None

    def actor(self, request: Request) -> Actor | None:
        """Who is asking; None: somebody who did not say."""
        if not self.asks:
            return Actor(self.anybody.name, self.anybody.role, session="open")
        if self.proxy is not None and (found := self.proxy.actor(request)) is not None:
            return found
        if self.users is not None:
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() == "bearer":
                return self.users.by_token(token.strip())
            known = self.signer.user_of(request.cookies.get(COOKIE, ""))
            if known is not None and (user := self.users.by_name(known[0])) is not None:
                return Actor(user.name, user.role, user.owners, session=f"{known[0]}:{known[1]}")
        if self.oidc is not None:
            return self.signer.guest_of(request.cookies.get(COOKIE, ""))
        return None

    def required(self, request: Request) -> Actor:
        """Who is asking, or 401."""
        found = self.actor(request)
        if found is None:
            raise HTTPException(401)
        return found

    def writer(self, request: Request, token: str | None) -> Actor:
        """Who wants to change something; refused where the request was made for that person by another page.

        `token`: the form's CSRF token, or the header's. A program with a token of its own needs none: no browser
        sends that by itself.
        """
        actor = self.required(request)
        if actor.kind != "program":
            if not same_origin(request):
                raise HTTPException(403, "the request comes from another page")
            if token is None or not self.signer.is_csrf(actor.session, token):
                raise HTTPException(403, "the form is too old; load the page again")
        if not self.writes.takes(actor.name):
            raise HTTPException(429, "too many changes in a minute")
        return actor

    def csrf(self, actor: Actor) -> str:
        """The token for this one's forms."""
        return self.signer.csrf(actor.session)

    def login(self, request: Request, name: str, password: str) -> str | None:
        """The cookie of a user; None where name and password do not go together. Raises 429, and 403 from elsewhere."""
        if self.users is None:
            raise HTTPException(404)
        if not same_origin(request):
            raise HTTPException(403, "the request comes from another page")
        peer = peer_of(request)
        # Both, so that neither one address tries many names nor many addresses one name.
        if not self.logins.takes(f"address {peer}") or not self.logins.takes(f"name {name[:_LONGEST_NAME]}"):
            raise HTTPException(429, "too many tries; wait a minute")
        user = self.users.by_password(name, password)
        return self.signer.session(user.name, secrets.token_hex(8)) if user is not None else None


def peer_of(request: Request) -> str:
    """The address that asks."""
    return request.client.host if request.client is not None else ""


def same_origin(request: Request) -> bool:
    """Whether a browser says that the request was made by a page of ours; what is no browser says nothing."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        return False
    origin = request.headers.get("origin")
    if origin is None:
        return True
    return urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower()
