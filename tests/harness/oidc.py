"""A small OpenID Connect provider on the loopback: discovery, consent without asking, PKCE, signed ID tokens.

It does by the book what a provider does, and what a broken or hostile one does when told so.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet


class OidcProvider:
    """Lets `person` in for one client. `spoil`: changes the claims; `answers`: paths with an answer of their own."""

    def __init__(self, client_id: str = "watch", secret: str = "sesame") -> None:  # of the tests
        self.client_id = client_id
        self.secret = secret
        self.person: dict[str, Any] = {"sub": "4711", "preferred_username": "ann", "groups": ["care"]}
        self.spoil: Callable[[dict[str, Any]], dict[str, Any]] = lambda claims: claims
        self.sign: Callable[[dict[str, Any]], str] = self._sign
        self.answers: dict[str, Answered] = {}
        self.issuer = ""
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}
        self.rotate()

    def rotate(self) -> None:
        """A new key; what the old one signed is worth nothing any more."""
        self.key = ECKey.generate_key("P-256", {"kid": secrets.token_hex(4), "use": "sig", "alg": "ES256"})

    def _sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "ES256", "kid": self.key.kid}, claims, self.key)

    # --- what is asked ---

    def discovery(self) -> dict[str, Any]:
        """Where everything is."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
        }

    def authorize(self, query: Mapping[str, str]) -> str:
        """Where a browser goes after the person was let in."""
        assert query["response_type"] == "code"
        assert query["client_id"] == self.client_id
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"].split()
        code = secrets.token_urlsafe(16)
        self._codes[code] = dict(query)
        back = urlencode({"code": code, "state": query["state"], "iss": self.issuer})
        return f"{query['redirect_uri']}?{back}"

    def token(self, form: Mapping[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """The answer to a code: once, to the client, with the verifier of the challenge."""
        user, _, password = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        if (unquote(user), unquote(password)) != (self.client_id, self.secret):
            return 401, {"error": "invalid_client"}
        asked = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form.get("redirect_uri"):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": self.client_id,
            "nonce": asked["nonce"],
            "iat": now,
            "exp": now + 300,
            **self.person,
        }
        return 200, {"access_token": "a", "token_type": "Bearer", "id_token": self.sign(self.spoil(claims))}

    # --- the server ---

    def get(self, path: str, query: Mapping[str, str]) -> "Answered":
        """What a GET is answered with."""
        if path == "/.well-known/openid-configuration":
            return _json(200, self.discovery())
        if path == "/keys":
            return _json(200, KeySet([self.key]).as_dict(private=False))
        if path == "/authorize":
            return 302, {"location": self.authorize(query)}, b""
        return 404, {}, b""

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.issuer = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


Answered = tuple[int, Mapping[str, str], bytes]
"""Status, headers and body."""


def _json(status: int, value: Any) -> Answered:
    return status, {"content-type": "application/json"}, json.dumps(value).encode()


def _handler(provider: OidcProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            provider.asked.append(parts.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            self._answer(*(provider.answers.get(parts.path) or provider.get(parts.path, query)))

        def do_POST(self) -> None:
            provider.asked.append(self.path)
            body = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            token = self.headers.get("authorization", "")
            self._answer(*(provider.answers.get(self.path) or _json(*provider.token(form, token))))

        def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Be quiet."""

    return Handler
