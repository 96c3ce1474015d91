"""Logging in at a log-in service: who comes out of it, and what of its answers is not believed."""

import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from json import dumps
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from service.adapters.web.access.gate import Gate
from service.adapters.web.access.oidc import Away, Oidc, Service, may_be_asked
from service.adapters.web.access.roles import Roles
from service.adapters.web.access.signing import Signer
from service.adapters.web.access.throttle import Throttle
from service.app.access import gate
from service.core.catalog import Catalog, Owner
from service.settings import CatalogError, load_settings
from tests.adapters.web.office import BROWSER, KEY, Office
from tests.harness.oidc import OidcProvider

ROLES = Roles(
    admins=frozenset({"it"}),
    responders=frozenset({"care"}),
    teams={"rio": frozenset({"rio"})},
    viewers=frozenset({"everybody"}),
)
BACK = "http://127.0.0.1/login/elsewhere/done"


@pytest.fixture
def provider() -> Iterator[OidcProvider]:
    with OidcProvider() as one:
        yield one


def oidc_of(provider: OidcProvider, **more: Any) -> Oidc:
    known = {"roles": ROLES} | more
    return Oidc(Service(provider.issuer, provider.client_id, lambda: provider.secret, BACK, **known))


def office_of(provider: OidcProvider, **more: Any) -> Office:
    return Office(Gate(Signer((KEY,)), oidc=oidc_of(provider, **more), elsewhere=Throttle(100, 100)))


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Where to is what is asked."""


def consent(url: str) -> str:
    """What a browser does at the provider: the address that it is sent back to."""
    try:
        build_opener(_Stay).open(Request(url), timeout=5)  # noqa: S310  # our own loopback
    except HTTPError as answer:
        with answer:
            return str(answer.headers["location"])
    raise AssertionError("the provider did not send back")


def log_in(office: Office, to: str = "/", change: Callable[[str], str] = lambda url: url) -> Any:
    """The whole way; the last answer of ours."""
    begun = office.client.get(f"/login/elsewhere?to={to}", headers=BROWSER)
    assert begun.status_code == 303, begun.text
    back = change(consent(begun.headers["location"]))
    return office.client.get(back[len("http://127.0.0.1") :], headers={"accept": "text/html"})


def role(office: Office) -> str:
    """What the page lets this browser do."""
    page = office.client.get("/settings", headers=BROWSER)
    if page.status_code == 200:
        return "admin"
    acts = [name for name in ("arrives", "leaves") if office.act("annotate", name, note="x").status_code == 303]
    return " ".join(acts) or "viewer"


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (["it"], "admin"),
        (["care"], "arrives leaves"),
        (["rio"], "leaves"),
        (["everybody"], "viewer"),
        (["rio", "care"], "arrives leaves"),
    ],
)
def test_a_log_in_elsewhere_gives_the_role_of_the_groups(
    provider: OidcProvider, groups: list[str], expected: str
) -> None:
    provider.person["groups"] = groups
    office = office_of(provider)
    assert office.client.get("/", headers=BROWSER).headers["location"] == "/login?to=/"
    assert "Log in at 127.0.0.1" in office.client.get("/login", headers=BROWSER).text
    answer = log_in(office, "/silences")
    assert (answer.status_code, answer.headers["location"]) == (303, "/silences")
    cookies = answer.headers.get_list("set-cookie")
    assert all("httponly" in cookie.lower() and "samesite=lax" in cookie.lower() for cookie in cookies[:1])
    assert "ann" in office.client.get("/", headers=BROWSER).text
    assert role(office) == expected


def test_who_is_in_no_group_that_may_read_is_not_let_in(provider: OidcProvider) -> None:
    provider.person["groups"] = ["sales"]
    answer = log_in(office_of(provider))
    assert answer.status_code == 403
    assert "in no group that may read this" in answer.text


def test_what_was_done_carries_the_name_and_a_log_out_ends_it(provider: OidcProvider) -> None:
    office = office_of(provider)
    log_in(office)
    assert office.act("acknowledge").status_code == 303
    assert office.done == [("acknowledge", "ann")]
    office.client.post("/logout", data={"csrf": office.csrf()}, headers=BROWSER)
    assert office.client.get("/", headers=BROWSER).status_code == 303


def test_groups_may_lie_deeper_and_a_name_elsewhere(provider: OidcProvider) -> None:
    provider.person = {"sub": "1", "email": "ann@example.com", "realm_access": {"roles": ["it"]}}
    office = office_of(provider, roles_claim="realm_access.roles")
    log_in(office)
    assert "ann@example.com" in office.client.get("/", headers=BROWSER).text
    assert role(office) == "admin"


NOT_BELIEVED: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "another issuer": lambda claims: claims | {"iss": "https://evil.example"},
    "for another client": lambda claims: claims | {"aud": "other"},
    "by another client": lambda claims: claims | {"aud": ["watch", "other"], "azp": "other"},
    "of another log-in": lambda claims: claims | {"nonce": "other"},
    "too old": lambda claims: claims | {"exp": int(time.time()) - 3600},
    "from tomorrow": lambda claims: claims | {"iat": int(time.time()) + 86_400},
    "for ever": lambda claims: {name: value for name, value in claims.items() if name != "exp"},
    "without a nonce": lambda claims: {name: value for name, value in claims.items() if name != "nonce"},
    "of nobody": lambda claims: {name: value for name, value in claims.items() if name != "sub"},
}


@pytest.mark.parametrize("what", NOT_BELIEVED)
def test_a_token_that_is_wrong_lets_nobody_in(provider: OidcProvider, what: str) -> None:
    provider.spoil = NOT_BELIEVED[what]
    office = office_of(provider)
    assert log_in(office).status_code == 403
    assert office.client.get("/", headers=BROWSER).status_code == 303


def test_a_token_that_nobody_or_anybody_could_have_signed_lets_nobody_in(provider: OidcProvider) -> None:

    def part(value: Any) -> str:
        return urlsafe_b64encode(dumps(value).encode()).rstrip(b"=").decode()

    office = office_of(provider)
    provider.sign = lambda claims: f"{part({'alg': 'none'})}.{part(claims)}."
    assert log_in(office).status_code == 403
    shared = OctKey.import_key(provider.secret.encode() * 8)
    provider.sign = lambda claims: jwt.encode({"alg": "HS256"}, claims, shared)
    assert log_in(office).status_code == 403
    provider.sign = lambda _: "no token"
    assert log_in(office).status_code == 403


def test_a_changed_key_is_asked_for_anew_and_not_without_end(provider: OidcProvider) -> None:
    now = time.time()
    oidc = Oidc(oidc_of(provider).service, clock=lambda: now)
    office = Office(Gate(Signer((KEY,)), oidc=oidc, elsewhere=Throttle(100, 100)))
    assert log_in(office).status_code == 303
    provider.rotate()
    assert log_in(office).status_code == 403, "asked for a moment ago"
    now += 31
    assert log_in(office).status_code == 303
    assert provider.asked.count("/keys") == 2
    assert provider.asked.count("/.well-known/openid-configuration") == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url.replace("state=", "state=x"),
        lambda url: url.replace("code=", "code=x"),
        lambda url: url.replace("code=", "error=access_denied&was="),
        lambda url: url.partition("&iss=")[0] + "&iss=https%3A%2F%2Fevil.example",
    ],
)
def test_an_answer_that_was_tampered_with_lets_nobody_in(provider: OidcProvider, change: Callable[[str], str]) -> None:
    office = office_of(provider)
    assert log_in(office, change=change).status_code == 403
    assert office.client.get("/", headers=BROWSER).status_code == 303


def test_a_log_in_that_was_begun_in_another_browser_is_not_ended_here(provider: OidcProvider) -> None:
    """Or somebody could log others in as himself."""
    office, other = office_of(provider), office_of(provider)
    back = consent(office.client.get("/login/elsewhere", headers=BROWSER).headers["location"])
    assert other.client.get(back[len("http://127.0.0.1") :]).status_code == 403
    other.client.get("/login/elsewhere", headers=BROWSER)
    assert other.client.get(back[len("http://127.0.0.1") :]).status_code == 403


def test_an_answer_counts_once(provider: OidcProvider) -> None:
    office = office_of(provider)
    back = consent(office.client.get("/login/elsewhere", headers=BROWSER).headers["location"])
    done = office.client.get(back[len("http://127.0.0.1") :])
    assert done.status_code == 303
    assert "momentwatch_login" not in office.client.cookies, "what it was held against is spent"
    assert office.client.get(back[len("http://127.0.0.1") :]).status_code == 403


def test_a_log_in_leads_nowhere_else(provider: OidcProvider) -> None:
    for to in ("//evil.example", "https://evil.example", "/\\evil.example"):
        assert log_in(office_of(provider), to).headers["location"] == "/"


def test_the_verifier_is_never_shown_to_the_provider_before_the_code(provider: OidcProvider) -> None:
    url, started = oidc_of(provider).begin()
    query = parse_qs(urlsplit(url).query)
    assert started.verifier not in url
    assert query["code_challenge_method"] == ["S256"]
    assert len(started.verifier) >= 43


# --- a service that is away, broken or hostile ---


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/keys"])
@pytest.mark.parametrize(
    "answer",
    [
        (302, {"location": "http://127.0.0.1:1/"}, b""),
        (200, {}, b"[" * 100_000),
        (200, {}, b"x" * (2 << 20)),
        (200, {}, b'{"issuer": "https://evil.example", "keys": 1}'),
        (500, {}, b"{}"),
    ],
    ids=["redirect", "deep", "long", "other", "broken"],
)
def test_a_service_that_answers_strangely_lets_nobody_in(
    provider: OidcProvider, path: str, answer: tuple[int, dict[str, str], bytes]
) -> None:
    provider.answers[path] = answer
    office = office_of(provider)
    begun = office.client.get("/login/elsewhere", headers=BROWSER)
    if path.startswith("/.well"):
        assert begun.status_code == 503
        assert "127.0.0.1" in begun.text
        return
    back = consent(begun.headers["location"])
    done = office.client.get(back[len("http://127.0.0.1") :], headers=BROWSER)
    assert done.status_code in {403, 503}
    assert "evil" not in done.text
    assert office.client.get("/", headers=BROWSER).status_code == 303


def test_only_the_issuers_host_may_be_inside(provider: OidcProvider) -> None:
    """Whoever writes the provider's document must not make us ask addresses of our own network."""
    with OidcProvider() as inside:
        named = f"http://localhost:{urlsplit(provider.issuer).port}"
        provider.issuer = named
        found = provider.discovery() | {"jwks_uri": f"{inside.issuer}/keys", "token_endpoint": f"{inside.issuer}/token"}
        provider.answers["/.well-known/openid-configuration"] = (200, {}, dumps(found).encode())
        office = office_of(provider)
        assert log_in(office).status_code == 503
        assert inside.asked == []
        provider.answers["/.well-known/openid-configuration"] = (
            200,
            {},
            dumps(provider.discovery() | {"authorization_endpoint": "http://example.com/authorize"}).encode(),
        )
        with pytest.raises(Away, match="names no authorization_endpoint that can be used"):
            oidc_of(provider).begin()


def test_no_redirect_is_followed(provider: OidcProvider) -> None:
    office = office_of(provider)
    back = consent(office.client.get("/login/elsewhere", headers=BROWSER).headers["location"])
    for path in ("/token", "/keys"):
        provider.answers[path] = (307, {"location": f"{provider.issuer}/elsewhere"}, b"")
    assert office.client.get(back[len("http://127.0.0.1") :]).status_code == 503
    assert "/elsewhere" not in provider.asked


def test_a_service_that_says_it_is_another_is_not_asked(provider: OidcProvider) -> None:
    found = provider.discovery() | {"issuer": "https://id.example.com"}
    provider.answers["/.well-known/openid-configuration"] = (200, {}, dumps(found).encode())
    with pytest.raises(Away, match="says that it is another issuer"):
        oidc_of(provider).begin()


def test_a_service_that_is_away_is_named(provider: OidcProvider) -> None:
    provider.__exit__()
    office = office_of(provider)
    page = office.client.get("/login/elsewhere", headers=BROWSER)
    assert page.status_code == 503
    assert "127.0.0.1 does not answer as it should" in page.text
    provider._server = OidcProvider().__enter__()._server  # something for the fixture to end


def test_log_ins_are_not_tried_without_end(provider: OidcProvider) -> None:
    office = Office(Gate(Signer((KEY,)), oidc=oidc_of(provider), elsewhere=Throttle(2, 0)))
    answers = [office.client.get("/login/elsewhere", headers=BROWSER).status_code for _ in range(3)]
    assert answers == [303, 303, 429]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://login.example.com/token", True),
        ("http://127.0.0.1:8080/token", True),
        ("http://login.example.com/token", False),
        ("file:///etc/passwd", False),
        ("https://user:pass@login.example.com/", False),
        ("https://[::1", False),
        ("", False),
    ],
)
def test_secrets_travel_encrypted_or_not_at_all(url: str, expected: bool) -> None:
    assert may_be_asked(url) is expected


# --- settings ---


def settings(tmp_path: Any, oidc: str, public: str = "public_url: https://watch.example.com") -> Any:
    (tmp_path / "settings.yaml").write_text(
        f"kafka: {{bootstrap_servers: [a:1]}}\n{public}\nweb: {{login: {{oidc: {oidc}}}}}\n"
    )
    return load_settings(tmp_path / "settings.yaml", {"SECRET": "canary"})


GOOD = "{issuer: 'https://id.example.com', client_id: watch, client_secret_env: SECRET, teams: {rio: [rio-depot]}}"


def test_the_settings_make_the_gate(tmp_path: Any) -> None:
    made = gate(settings(tmp_path, GOOD))
    assert made.asks
    assert made.secure
    assert made.oidc is not None
    assert made.oidc.service.redirect_uri == "https://watch.example.com/login/elsewhere/done"
    assert made.oidc.service.roles.of(["rio"]) == ("responder", frozenset({"rio-depot"}))
    assert "canary" not in repr(made.oidc.service)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("https://id", "http://id"), "would send the client's secret in the clear"),
        (("client_secret_env: SECRET", "client_secret: canary"), "a secret does not belong in this file"),
        (("client_secret_env: SECRET, ", ""), "needs one of client_secret_file and client_secret_env"),
        (("teams", "scopes: [email], teams"), "lack openid"),
        (("[rio-depot]", "[]"), "is empty; list at least one"),
    ],
)
def test_what_is_wrong_in_the_settings_is_named(tmp_path: Any, change: tuple[str, str], said: str) -> None:
    with pytest.raises(CatalogError) as error:
        settings(tmp_path, GOOD.replace(*change))
    assert said in str(error.value)
    assert "canary" not in str(error.value)


def test_people_need_somewhere_to_come_back_to(tmp_path: Any) -> None:
    with pytest.raises(CatalogError) as error:
        settings(tmp_path, GOOD, public="")
    assert "needs public_url" in str(error.value)


def test_a_team_for_an_owner_that_is_not_there_is_named(tmp_path: Any) -> None:
    found = settings(tmp_path, GOOD).problems_with(Catalog(owners={"rio-depots": Owner("rio-depots")}))
    [problem] = found
    assert str(problem).endswith('teams.rio[0]: there is no Owner "rio-depot"; did you mean rio-depots?')
