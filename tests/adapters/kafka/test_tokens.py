from __future__ import annotations

import base64
import json
import ssl
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from service.adapters.kafka.tokens import (
    ClientCredentials,
    EndpointTokens,
    FileTokens,
    TokenError,
    TokenFile,
)
from tests.harness.kafka_security import make_certificates

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "very-secret"


class Endpoint:
    """A token endpoint that answers as it is told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.status = 200
        self.answer: Any = {"access_token": "t1", "expires_in": 300}
        self.location: str | None = None
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
        self.url = ""


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[Endpoint]:
    endpoint = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            endpoint.asked.append((self.headers["Authorization"], parse_qs(body)))
            self.send_response(endpoint.status)
            if endpoint.location:
                self.send_header("Location", endpoint.location)
            self.end_headers()
            answer = endpoint.answer
            self.wfile.write(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    endpoint.url = f"{'https' if context else 'http'}://127.0.0.1:{server.server_address[1]}/token"
    try:
        yield endpoint
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with serving() as started:
        yield started


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def tokens(endpoint: Endpoint, clock: Clock | None = None, **options: Any) -> EndpointTokens:
    way = ClientCredentials(endpoint.url, "me", lambda: SECRET, timeout=2.0, **options)
    return EndpointTokens(way, clock or Clock())


def test_an_endpoint_is_asked_with_the_clients_credentials(endpoint: Endpoint) -> None:
    assert tokens(endpoint, scope="kafka").token() == "t1"

    [(authorization, form)] = endpoint.asked
    assert base64.b64decode(authorization.removeprefix("Basic ")).decode() == f"me:{SECRET}"
    assert form == {"grant_type": ["client_credentials"], "scope": ["kafka"]}


def test_one_token_serves_until_shortly_before_it_expires(endpoint: Endpoint) -> None:
    clock = Clock()
    provider = tokens(endpoint, clock)
    provider.token()
    clock.now += 239
    assert provider.token() == "t1"
    assert len(endpoint.asked) == 1

    endpoint.answer = {"access_token": "t2", "expires_in": 300}
    clock.now += 2

    assert provider.token() == "t2"


def test_the_tokens_own_end_counts_where_the_endpoint_says_none(endpoint: Endpoint) -> None:
    clock = Clock()
    claims = base64.urlsafe_b64encode(json.dumps({"exp": time.time() + 1_000}).encode()).decode().rstrip("=")
    endpoint.answer = {"access_token": f"h.{claims}.s"}
    provider = tokens(endpoint, clock)
    provider.token()

    clock.now += 900
    provider.token()
    assert len(endpoint.asked) == 1
    clock.now += 100
    provider.token()
    assert len(endpoint.asked) == 2


@pytest.mark.parametrize(
    ("status", "answer", "why"),
    [
        (401, {"error": "invalid_client"}, "HTTP Error 401"),
        (200, b"<html>", "gave no token"),
        (200, [], "answered no JSON object"),
        (200, {"token": "x"}, "has no access_token"),
        (302, b"", "HTTP Error 302"),
    ],
)
def test_a_failing_endpoint_is_said_without_the_secret(endpoint: Endpoint, status: int, answer: Any, why: str) -> None:
    endpoint.status, endpoint.answer, endpoint.location = status, answer, "http://127.0.0.1:1/"

    with pytest.raises(TokenError, match=why) as failed:
        tokens(endpoint).token()

    assert SECRET not in str(failed.value)
    assert failed.value.__cause__ is None


def test_an_https_endpoint_must_be_vouched_for(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.broker)
    with serving(context) as endpoint:
        assert tokens(endpoint, ca_file=certificates.authority).token() == "t1"
        with pytest.raises(TokenError, match="certificate verify failed"):
            tokens(endpoint).token()


def test_a_secret_is_not_sent_in_the_clear() -> None:
    with pytest.raises(ValueError, match="write an https:// address"):
        ClientCredentials("http://idp.example/token", "me", lambda: SECRET)


def test_a_secret_is_not_shown(endpoint: Endpoint) -> None:
    assert SECRET not in repr(ClientCredentials(endpoint.url, "me", lambda: SECRET))


def test_a_file_is_read_anew_for_every_connection(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one\n")
    provider = FileTokens(TokenFile(file))
    assert provider.token() == "one"

    file.write_text("two")

    assert provider.token() == "two"


@pytest.mark.parametrize("content", [None, b"", b" \n", "sécret".encode()])
def test_a_file_without_a_token_is_said(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(TokenError, match="token"):
        FileTokens(TokenFile(file)).token()
