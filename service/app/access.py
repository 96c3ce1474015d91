"""Builds the gate of the page from the settings: users, proxy, and the keys that it signs with."""

import ipaddress
import secrets
from collections.abc import Callable

from service.adapters.web.access.actor import OPEN, READER
from service.adapters.web.access.gate import Gate, Proxy
from service.adapters.web.access.oidc import Oidc, Service
from service.adapters.web.access.roles import Roles
from service.adapters.web.access.signing import Keys, Signer
from service.adapters.web.access.users import Users
from service.adapters.web.login import DONE
from service.settings import Settings
from service.settings.fields import Secret
from service.settings.web import Groups, OidcLogin, ProxyLogin


def gate(settings: Settings) -> Gate:
    """Who is asked to say who they are. Raises CatalogError where the users' file is wrong."""
    web = settings.web
    users = proxy = oidc = None
    if web.login is not None:
        if web.login.users_file is not None:
            users = Users(web.login.users_file)
            users.check()
        if web.login.proxy is not None:
            proxy = _proxy(web.login.proxy)
        if web.login.oidc is not None:
            oidc = _oidc(web.login.oidc, settings)
    return Gate(
        Signer(_keys(web.key)),
        users,
        proxy,
        oidc,
        anybody=READER if web.insecure_bind else OPEN,
        secure=settings.public_url.startswith("https://"),
    )


def _keys(secret: Secret | None) -> Callable[[], Keys]:
    """The keys of the settings as they are now; without any, sessions and links end with the process."""
    if secret is None:
        own = (secrets.token_bytes(32),)
        return lambda: own
    return lambda: tuple(line.encode() for line in secret.reveal().split())


def _proxy(login: ProxyLogin) -> Proxy:
    return Proxy(
        trusted=[ipaddress.ip_network(network) for network in login.trusted],
        user_header=login.user_header.lower(),
        groups_header=login.groups_header.lower(),
        roles=_roles(login),
    )


def _oidc(login: OidcLogin, settings: Settings) -> Oidc:
    return Oidc(
        Service(
            issuer=login.issuer,
            client_id=login.client_id,
            client_secret=login.client_secret.reveal,
            redirect_uri=settings.public_url.rstrip("/") + DONE,
            scopes=tuple(login.scopes),
            roles_claim=login.roles_claim,
            name_claim=login.name_claim,
            roles=_roles(login),
            allow_hosts=frozenset(settings.send.allow_hosts),
        )
    )


def _roles(groups: Groups) -> Roles:
    return Roles(
        admins=frozenset(groups.admins),
        responders=frozenset(groups.responders),
        teams={team: frozenset(owners) for team, owners in groups.teams.items()},
        viewers=frozenset(groups.viewers),
    )
