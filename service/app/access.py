"""Builds the gate of the page from the settings: users, proxy, and the keys that it signs with."""

import ipaddress
import secrets
from collections.abc import Callable

from service.adapters.web.access.actor import OPEN, READER
from service.adapters.web.access.gate import Gate, Proxy
from service.adapters.web.access.signing import Keys, Signer
from service.adapters.web.access.users import Users
from service.settings import Settings
from service.settings.fields import Secret
from service.settings.web import ProxyLogin


def gate(settings: Settings) -> Gate:
    """Who is asked to say who they are. Raises CatalogError where the users' file is wrong."""
    web = settings.web
    users = proxy = None
    if web.login is not None:
        if web.login.users_file is not None:
            users = Users(web.login.users_file)
            users.check()
        if web.login.proxy is not None:
            proxy = _proxy(web.login.proxy)
    return Gate(
        Signer(_keys(web.key)),
        users,
        proxy,
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
        responders=frozenset(login.responders),
        admins=frozenset(login.admins),
    )
