"""Authlib's OAuth 2 client, kept from following redirects, from proxies of the environment, and from long answers."""

from typing import Any

import requests
from authlib.integrations.requests_client import OAuth2Session


class Client(OAuth2Session):  # type: ignore[misc]  # Authlib ships no types
    """A client for one exchange. `largest`: bytes of an answer; `timeout`: seconds for each wait."""

    def __init__(  # a client's parts
        self, client_id: str, secret: str, *, scope: str, redirect_uri: str, largest: int, timeout: float
    ) -> None:
        super().__init__(
            client_id,
            secret,
            scope=scope,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            default_timeout=timeout,
        )
        # No proxy and no .netrc: the address that is connected to is checked, and secrets go there only.
        self.trust_env = False
        self._largest = largest

    def request(self, method: str, url: str, withhold_token: bool = False, auth: Any = None, **more: Any) -> Any:  # noqa: FBT001, FBT002  # Authlib's
        """As Authlib does it; a redirect is an answer like any other."""
        more |= {"allow_redirects": False, "stream": True}
        answer = super().request(method, url, withhold_token=withhold_token, auth=auth, **more)
        body = b""
        for part in answer.iter_content(1 << 14):
            body += part
            if len(body) > self._largest:
                answer.close()
                raise requests.RequestException("the answer is far too long")
        answer._content = body  # noqa: SLF001  # there is no other way to give a body that was read in parts
        if answer.is_redirect:
            raise requests.RequestException("the answer is a redirect")
        return answer
