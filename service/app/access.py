"""Builds the gate of the page from the settings: users, proxy, and the keys that it signs with."""

import ipaddress
import secrets

from service.adapters.web.access.actor import OPEN, READER
from service.adapters.web.access.gate import Gate, Proxy
from service.adapters.web.access.signing import Signer
from service.adapters.web.access.users import Users
from service.settings import Settings
from service.settings.web import ProxyLogin


def gate(settings: Settings) -> Gate:
    """Who is asked to say who they are. Raises CatalogError where the users' file is wrong."""
    web = settings.web
    # Without a key in the settings sessions and links end with the process, and other replicas do not know them.
    keys = tuple(line.encode() for line in web.key.reveal().split()) if web.key is not None else ()
    users = proxy = None
    if web.login is not None:
        if web.login.users_file is not None:
            users = Users(web.login.users_file)
            users.check()
        if web.login.proxy is not None:
            proxy = _proxy(web.login.proxy)
    return Gate(
        Signer(keys or (secrets.token_bytes(32),)),
        users,
        proxy,
        anybody=READER if web.insecure_bind else OPEN,
        secure=settings.public_url.startswith("https://"),
    )


def _proxy(login: ProxyLogin) -> Proxy:
    return Proxy(
        trusted=[ipaddress.ip_network(network) for network in login.trusted],
        user_header=login.user_header.lower(),
        groups_header=login.groups_header.lower(),
        responders=frozenset(login.responders),
        admins=frozenset(login.admins),
    )
