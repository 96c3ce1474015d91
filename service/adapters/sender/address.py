"""Where a target's URL comes from, and which schemes and addresses a notice may go to."""

import os
from collections.abc import Collection, Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path

from service.core.catalog import Target

SCHEMES = frozenset(
  {
    "discord", "dingtalk", "feishu", "flock", "form", "forms", "gchat", "gotify", "gotifys", "guilded",
    "hassio", "hassios", "json", "jsons", "lark", "line", "mailto", "mailtos", "matrix", "matrixs",
    "mmost", "mmosts", "ntfy", "ntfys", "opsgenie", "pagerduty", "pagertree", "pbul", "pover", "prowl",
    "rocket", "rockets", "ryver", "signl4", "slack", "splunk", "tgram", "twilio", "victorops", "webex",
    "workflow", "workflows", "wxteams", "xml", "xmls", "zulip",
  }
)  # fmt: skip
"""What goes over HTTP or SMTP to one named place; nothing that writes files or starts programs."""

_NAT64 = IPv6Network("64:ff9b::/96")
_LONGEST_URL = 8192


class BadTarget(Exception):  # noqa: N818  # the target's state, told to whoever mends it
    """A target cannot be used as it stands; the text names no secret."""


def url_of(target: Target, schemes: Collection[str] = SCHEMES) -> str:
    """The URL of a target, read anew for each send, so that a changed secret needs no restart."""
    if target.url_env:
        url = os.environ.get(target.url_env, "").strip()
        place = f"environment variable {target.url_env}"
    elif target.url_file:
        place = f"file {target.url_file}"
        try:
            url = Path(target.url_file).read_text(encoding="utf-8")[: _LONGEST_URL + 1].strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise BadTarget(f'target "{target.name}": {place} cannot be read: {reason}') from None
    else:
        raise BadTarget(f'target "{target.name}" has no URL; write url: {{env: NAME}} or url: {{file: PATH}}')
    if not url:
        raise BadTarget(f'target "{target.name}": {place} is empty; put the apprise URL there')
    if len(url) > _LONGEST_URL or "\n" in url or "\r" in url:
        raise BadTarget(f'target "{target.name}": {place} holds more than one URL')
    scheme = url.partition("://")[0].lower()
    if scheme not in schemes:
        # A URL without a scheme is all secret; a scheme is a word.
        named = f"scheme {scheme}://" if "://" in url and scheme.isalnum() else "what it holds"
        raise BadTarget(f'target "{target.name}": {named} is not allowed; allowed are {", ".join(sorted(schemes))}')
    return url


class Allowed:
    """Which addresses may be connected to: public ones, and those that `hosts` names."""

    def __init__(self, hosts: Iterable[str] = ()) -> None:
        self._names: set[str] = set()
        self._networks = []
        for host in hosts:
            try:
                self._networks.append(ip_network(host, strict=False))
            except ValueError:
                self._names.add(host.lower().rstrip("."))

    def admits(self, address: str, name: str | None) -> bool:
        """Whether a connection to an address is allowed; `name`: what it was resolved from."""
        if name is not None and name.lower().rstrip(".") in self._names:
            return True
        try:
            ip = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        forms = [ip, *_embedded(ip)]
        if any(form in network for form in forms for network in self._networks):
            return True
        return all(form.is_global and not form.is_multicast for form in forms)


def _embedded(ip: IPv4Address | IPv6Address) -> list[IPv4Address]:
    """The IPv4 addresses that an IPv6 address leads to: 127.0.0.1 has many spellings."""
    if isinstance(ip, IPv4Address):
        return []
    found = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
    if ip in _NAT64:
        found.append(IPv4Address(int(ip) & 0xFFFFFFFF))
    return [form for form in found if form is not None]
