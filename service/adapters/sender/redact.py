"""Keeps the secrets of target URLs out of every log record."""

import logging
import re
import threading
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

HIDDEN = "[hidden]"

# Where the name between the slashes is a host of the network; elsewhere it is a token.
HOSTED = frozenset(
  {
    "form", "forms", "gotify", "gotifys", "hassio", "hassios", "json", "jsons", "mailto", "mailtos",
    "mmost", "mmosts", "ntfy", "ntfys", "rocket", "rockets", "xml", "xmls", "zulip",
  }
)  # fmt: skip
_SHORTEST_PASSWORD = 4
_SHORTEST_TOKEN = 8
"""Shorter parts of paths and queries are words such as `hooks`, and hiding them would hide the log."""

_USER_INFO = re.compile(r"(?<=://)[^/\s@'\"]+:[^/\s@'\"]+@")


class Secrets:
    """The secret parts of the URLs seen so far; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parts: tuple[str, ...] = ()

    def learn(self, url: str) -> None:
        """Hide the secret parts of a target's URL from now on, as they stand and percent-encoded."""
        with self._lock:
            parts = set(self._parts)
            for part in secret_parts(url):
                parts |= {part, quote(part, safe=""), quote(part)}
            # The longest first, so that none leaves its tail behind.
            self._parts = tuple(sorted(parts, key=lambda part: (-len(part), part)))

    def hide(self, text: str) -> str:
        """The text without what is secret."""
        for part in self._parts:
            if part in text:
                text = text.replace(part, HIDDEN)
        return _USER_INFO.sub(f"{HIDDEN}@", text)


def secret_parts(url: str) -> Iterable[str]:
    """The parts of an apprise URL that may be secret: itself, passwords, tokens in the path or the query."""
    url = url.strip()
    yield url
    split = urlsplit(url)
    user_info, _, rest = split.netloc.rpartition("@")
    user, _, password = user_info.partition(":")
    if len(password) >= _SHORTEST_PASSWORD:
        yield unquote(password)
    tokens = [] if split.scheme.lower() in HOSTED else [user, rest.rpartition(":")[0] or rest]
    if not split.scheme.lower().startswith("mailto"):
        tokens += split.path.split("/")
    tokens += [value for _, value in parse_qsl(split.query)]
    for token in map(unquote, tokens):
        # Addresses of people are no secret, and whoever mends a target needs to read them.
        if len(token) >= _SHORTEST_TOKEN and not ("@" in token and split.scheme.lower().startswith("mailto")):
            yield token


def guard_logs(secrets: Secrets) -> None:
    """Hide secrets in every log record made from now on, whoever makes it and wherever it goes.

    A filter on the root logger would not do: records of other loggers pass its handlers, but never its
    filters. So the record itself is made without secrets, its traceback included. apprise and urllib3 are
    pinned at INFO besides: their debug records are made of URLs.
    """
    for name in ("apprise", "urllib3"):
        logger = logging.getLogger(name)
        if logger.level < logging.INFO:
            logger.setLevel(logging.INFO)
    make = logging.getLogRecordFactory()
    if getattr(make, "hides", None) is secrets:
        return

    def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):
            return record  # its handler reports the wrong format, as always
        hidden = secrets.hide(message)
        if hidden != message:
            record.msg, record.args = hidden, None
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = secrets.hide(logging.Formatter().formatException(record.exc_info))
        return record

    factory.hides = secrets  # type: ignore[attr-defined]  # so that a second call does not wrap it again
    logging.setLogRecordFactory(factory)
