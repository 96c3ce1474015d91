"""Where the page listens, and who is asked to say who they are."""

import ipaddress
from collections.abc import Mapping
from typing import Annotated, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from service.adapters.catalog.fields import Line, Name, Url, listed, wrong
from service.adapters.catalog.problem import show
from service.settings.fields import Host, ReadableFile, Secret, SecretOfFile, SecretOfVariable, Section, loopback

_SHORTEST_KEY = 16


def _network(value: str) -> str:
    try:
        ipaddress.ip_network(value)
    except ValueError:
        raise wrong(f"{show(value)} is not an address or a network; write one such as 10.0.0.0/8") from None
    return value


Network = Annotated[str, AfterValidator(_network)]


class Groups(Section):
    """What groups may do: `teams` names the Owners on whose moments a group may act; all others who are let in read."""

    responders: Annotated[list[Line], listed()] = Field(default_factory=list)
    admins: Annotated[list[Line], listed()] = Field(default_factory=list)
    viewers: Annotated[list[Line], listed()] = Field(default_factory=list)
    teams: dict[Line, Annotated[list[Name], listed(least=1)]] = Field(
        default_factory=dict, examples=["{rio-team: [rio-depot]}"]
    )


class ProxyLogin(Groups):
    """A proxy that logs people in and names them in a header; believed from its own addresses only."""

    trusted: Annotated[list[Network], listed(least=1)] = Field(examples=["[127.0.0.1/32]"])
    user_header: Line = "X-Forwarded-User"
    groups_header: Line = "X-Forwarded-Groups"


class OidcLogin(Groups):
    """A log-in service that speaks OpenID Connect, as this client of it."""

    issuer: Url = Field(examples=["https://login.example.com/realms/shop"])
    client_id: Line
    client_secret_file: SecretOfFile | None = None
    client_secret_env: SecretOfVariable | None = None
    scopes: Annotated[list[Line], listed(least=1)] = Field(default_factory=lambda: ["openid", "profile", "email"])
    roles_claim: Line = "groups"
    name_claim: Line = "preferred_username"

    refused: ClassVar[Mapping[str, str]] = {
        "client_secret": "a secret does not belong in this file; write client_secret_file: PATH"
    }

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if (self.client_secret_file is None) == (self.client_secret_env is None):
            raise wrong("needs one of client_secret_file and client_secret_env; keep or add one")
        parts = urlsplit(self.issuer)
        if parts.scheme.lower() != "https" and not loopback(parts.hostname or ""):
            raise wrong("would send the client's secret in the clear; write an https:// address", ("issuer",))
        if "openid" not in self.scopes:
            raise wrong("lack openid, without which nobody is named; add it", ("scopes",))
        return self

    @property
    def client_secret(self) -> Secret:
        """The client's secret, wherever it came from."""
        found = self.client_secret_file or self.client_secret_env
        if found is None:
            raise AssertionError("the model lets no client without a secret through")
        return found


class Login(Section):
    """How people say who they are: local users from a file, a proxy or a log-in service that knows them."""

    users_file: ReadableFile | None = None
    proxy: ProxyLogin | None = None
    oidc: OidcLogin | None = None

    @model_validator(mode="after")
    def _some_way(self) -> Self:
        if self.users_file is None and self.proxy is None and self.oidc is None:
            raise wrong("asks nobody; write users_file: PATH, proxy: {trusted: [ADDRESS]} or oidc: {issuer: URL}")
        return self


class Web(Section):
    """Where the page and /metrics listen."""

    host: Host = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    metrics_port: Annotated[int, Field(ge=0, le=65_535)] | None = Field(
        None, description="a listener of its own for /metrics, which the page then has no more"
    )
    login: Login | None = None
    insecure_bind: bool = False
    key_file: SecretOfFile | None = None
    key_env: SecretOfVariable | None = None

    refused: ClassVar[Mapping[str, str]] = {
        "metrics": "are served here at /metrics; remove it, or write metrics_port for a listener of their own",
        "key": "is a secret and does not belong in this file; write key_file: PATH or key_env: NAME",
    }

    @model_validator(mode="after")
    def _stays_inside(self) -> Self:
        if not loopback(self.host) and self.login is None and not self.insecure_bind:
            message = f"{self.host} can be reached by others, and the page asks nobody for a password"
            remedy = "write login: {users_file: PATH}, or insecure_bind: true for a page that only shows"
            raise wrong(f"{message}; {remedy}", ("host",))
        if self.insecure_bind and self.login is not None:
            raise wrong("there is a login; remove it", ("insecure_bind",))
        return self

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if self.key_file is not None and self.key_env is not None:
            raise wrong("is given twice; keep key_file or key_env", ("key_env",))
        if self.key is not None and any(len(line) < _SHORTEST_KEY for line in self.key.reveal().split()):
            name = "key_file" if self.key_file is not None else "key_env"
            raise wrong(f"holds a key of less than {_SHORTEST_KEY} characters; write a longer one", (name,))
        return self

    def owners(self) -> list[tuple[tuple[str | int, ...], str]]:
        """The Owners that teams are named for, each with its place."""
        found: list[tuple[tuple[str | int, ...], str]] = []
        for kind in ("proxy", "oidc"):
            groups: Groups | None = getattr(self.login, kind, None)
            for team, names in groups.teams.items() if groups is not None else ():
                found += [(("web", "login", kind, "teams", team, i), name) for i, name in enumerate(names)]
        return found

    @property
    def key(self) -> Secret | None:
        """What sessions and links are signed with, one key a line, the newest last."""
        return self.key_file or self.key_env
