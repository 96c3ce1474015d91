"""What every answer carries and every request must: the security headers, and a host that is ours."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY = (
    b"default-src 'none'",
    b"script-src 'self'",
    b"connect-src 'self'",
    b"style-src 'self'",
    b"img-src 'self'",
    b"base-uri 'none'",
    b"form-action 'self'",
    b"frame-ancestors 'none'",
)

HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", b"; ".join(_POLICY)),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # With none at all browsers would send forms with an Origin of null, which is as good as another page's.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)

PROBES = frozenset({"/healthz", "/readyz"})
"""An orchestrator asks these by address; they say nothing of customers."""


class Guard:
    """Refuses names that are not ours, so that a page elsewhere cannot rebind its name to this machine."""

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.setdefault("headers", [])
                headers.extend(HEADERS)
                if not any(name.lower() == b"cache-control" for name, _ in headers):
                    headers.append((b"cache-control", b"no-store"))
            await send(message)

        if scope["path"] not in PROBES and not self._is_ours(scope):
            await _refuse(guarded)
            return
        await self._app(scope, receive, guarded)

    def _is_ours(self, scope: Scope) -> bool:
        if "*" in self._hosts:
            return True
        given = [value for name, value in scope["headers"] if name == b"host"]
        return len(given) == 1 and host_of(given[0].decode("latin-1")) in self._hosts


def host_of(header: str) -> str:
    """The name in a Host header, without its port; an IPv6 address keeps its brackets."""
    header = header.strip().lower()
    if header.startswith("["):
        return header[: header.find("]") + 1]
    return header.partition(":")[0]


async def _refuse(send: Send) -> None:
    body = b"This name is not one of this service's. Add it to the hosts that it answers.\n"
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 421, "headers": headers})
    await send({"type": "http.response.body", "body": body})
