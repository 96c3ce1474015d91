"""What apprise plugins of ours share: the whole message in hand, and what the receiver called what it took.

apprise reads the URL and knows the medium; it tells only whether a send worked. A conversation needs the
receiver's own name for its first message, and an incident its own life, so that these plugins put the request
together themselves. The alternative, apprise beside a client of our own for each of them, would read URLs twice.
"""

import re
from collections.abc import Mapping
from typing import Any, Self

import msgspec
import requests
from apprise import AppriseAsset

from service.core.outbox import Delivery
from service.core.telling.route import Message

_posts = msgspec.json.Decoder(dict[str, str])
_WORD = re.compile(r"[A-Za-z0-9_. -]{1,80}")
_GOOD = range(200, 300)


class Reply(msgspec.Struct, frozen=True, gc=False):
    """An answer: its status, and its body where that was a JSON object."""

    status: int
    body: Mapping[str, Any] | None

    @property
    def good(self) -> bool:
        """It was taken, as far as HTTP says."""
        return self.status in _GOOD


class Talking:
    """Mixed into an apprise plugin. `message`: what is to be sent; `handle`: what the receiver called it.

    `took`: it has it, in one of its places at least. `verdict`: what became of it where HTTP alone does not tell.
    """

    message: Message
    handle: str = ""
    took: bool = False
    verdict: Delivery | None = None

    @classmethod
    def of(cls, url: str, asset: AppriseAsset) -> Self | None:
        """The plugin of a URL, read as apprise reads it; None where it cannot be read."""
        read: Any = cls
        try:
            results = read.parse_url(url.replace("/#", "/%23"))
            return read(**results, asset=asset) if results else None
        except TypeError:  # apprise's word for a token or an argument that will not do
            return None

    def call(self, url: str, payload: Mapping[str, Any], headers: Mapping[str, str], method: str = "POST") -> Reply:
        """One request; raises requests' exceptions where there was no whole answer.

        Without apprise's pause between two requests: the sending loop knows the pace that targets ask for.
        """
        own: Any = self
        answer = requests.request(
            method,
            url,
            data=msgspec.json.encode(payload),
            headers={"User-Agent": own.app_id, "Content-Type": "application/json; charset=utf-8", **headers},
            verify=own.verify_certificate,
            timeout=own.request_timeout,
            allow_redirects=False,
        )
        try:
            body = msgspec.json.decode(answer.content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            body = None
        return Reply(answer.status_code, body if isinstance(body, dict) else None)

    def first_posts(self) -> Mapping[str, str]:
        """What the conversation's first posts are called, by channel; none where this is the first."""
        return _known(self.message.root)

    def keep(self, channel: str, post: str) -> None:
        """Remember what a post that was taken is called."""
        self.took = True
        self.handle = msgspec.json.encode({**_known(self.handle), channel: post}).decode()

    def broke_off(self) -> bool:
        """What there was of an answer does not tell: the receiver may have taken it."""
        self.verdict = Delivery("unknown", "the answer broke off")
        return False

    def refuse(self, reply: Reply, why: object, *, retryable: bool = True) -> bool:
        """The receiver understood and says no; `why`: its own word for it."""
        word = why if isinstance(why, str) and _WORD.fullmatch(why) else "no reason given"
        self.verdict = Delivery("failed", f"answered {reply.status}, but refused the message: {word}", retryable)
        return False


def _known(handle: str) -> dict[str, str]:
    try:
        return _posts.decode(handle) if handle else {}
    except msgspec.DecodeError:
        return {}
