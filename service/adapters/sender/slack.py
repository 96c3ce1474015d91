"""Slack: a notice in blocks; what follows it stands in the thread of the first post.

A bot token (`slack://xoxb-…/#channel`) posts by `chat.postMessage`, whose answer carries the post's timestamp: that
is what a thread hangs on. An incoming webhook answers `ok` and no more, so that its posts stand side by side.
"""

from collections.abc import Sequence
from typing import Any

import requests
from apprise.plugins.slack import NotifySlack, SlackMode

from service.adapters.sender.forms import REPEAT, one_line, quiet
from service.adapters.sender.letter import linked
from service.adapters.sender.talking import Reply, Talking
from service.core.telling.route import Message

_TITLE = 120
_TEXT = 3_000
_LINE = 1_500
"""Characters of a title and of a line, escaped: both must fit into what a block takes."""
_WORKFLOWS = frozenset({SlackMode.WORKFLOW, SlackMode.WORKFLOW_TRIGGER})
_MARKS = {"critical": ":red_circle:", "high": ":large_orange_circle:", "medium": ":large_yellow_circle:"}
_GONE = frozenset({"thread_not_found", "message_not_found", "cannot_reply_to_message"})
_NEVER = frozenset({"msg_too_long", "invalid_blocks", "invalid_blocks_format", "no_text", "too_many_attachments"})


class Slack(Talking, NotifySlack):  # type: ignore[no-untyped-call]  # apprise types some of itself
    """apprise finds the channels, and asks for one post each; the post itself is ours."""

    def _send(self, url: Any, payload: Any, *more: Any, **named: Any) -> Any:
        """One post; a mapping that is true where it was taken, as apprise expects it."""
        bot = self.mode is SlackMode.BOT
        if (bot and not url.endswith("chat.postMessage")) or self.mode in _WORKFLOWS:
            return super()._send(url, payload, *more, **named)  # type: ignore[no-untyped-call]  # as above
        # What apprise put together beside the text: the channel, a thread that the URL names, a name to post by.
        post = {name: payload[name] for name in ("channel", "thread_ts", "username") if name in payload}
        headers = {"Accept": "application/json"}
        if bot:
            headers["Authorization"] = f"Bearer {self.access_token}"
            post |= self._thread(str(payload["channel"]))
        post |= blocks(self.message)
        try:
            reply = self.call(url, post, headers)
            if "thread_ts" in post and reply.body is not None and reply.body.get("error") in _GONE:
                # Somebody deleted the first post: better said beside it than not at all.
                del post["thread_ts"]
                reply = self.call(url, post, headers)
        except requests.RequestException:
            return self.broke_off()
        return self._judged(str(payload.get("channel", "")), reply)

    def _judged(self, channel: str, reply: Reply) -> Any:
        if not reply.good:
            return False
        if self.mode is not SlackMode.BOT:
            # A webhook's whole answer is the word ok; what it has against a post it says with a status.
            self.took = True
            return {"ok": True}
        if reply.body is None:
            return self.broke_off()
        if not reply.body.get("ok"):
            error = reply.body.get("error")
            return self.refuse(reply, error, retryable=error not in _NEVER)
        place, ts = reply.body.get("channel"), reply.body.get("ts")
        if isinstance(place, str) and isinstance(ts, str):
            self.keep(channel, f"{place} {ts}")
        return reply.body

    def _thread(self, channel: str) -> dict[str, str]:
        """Where the first post of the conversation stands in a channel, as Slack wants to be told."""
        place, _, ts = self.first_posts().get(channel, "").partition(" ")
        return {"channel": place, "thread_ts": ts} if ts else {}


def blocks(message: Message) -> dict[str, Any]:
    """A message as Block Kit; `text` is what a phone's banner shows.

    What comes from outside is escaped, and sent `verbatim`: Slack must neither call anybody nor make links of it.
    """
    title = quiet(one_line(message.title))
    lines = [quiet(one_line(line)) for line in message.lines]
    mark = ":large_green_circle:" if message.state == "resolved" else _MARKS.get(message.level, ":white_circle:")
    made: list[dict[str, Any]] = [
        {
            "type": "header",
            "text": {"type": "plain_text", "text": f"{mark} {_fitted(title, _TITLE)}", "emoji": True},
        }
    ]
    if message.repeat:
        made.append({"type": "context", "elements": [_text(REPEAT)]})
    made += [{"type": "section", "text": _text(text)} for text in _filled(list(map(_line, lines)))]
    if message.link.startswith(("https://", "http://")):
        # What is still to be taken on has a button; what is over a link like any other.
        label = "Open and acknowledge" if message.asks else "Open"
        button = {"type": "button", "text": {"type": "plain_text", "text": label}, "url": message.link}
        if message.asks:
            button["style"] = "primary"
        made.append({"type": "actions", "elements": [button]})
    return {"text": escape(title), "blocks": made, "unfurl_links": False, "unfurl_media": False}


def _line(line: str) -> str:
    """Escaped; addresses from the catalogue and ours become links, for the rest is verbatim."""
    lead, address = linked(line)
    return f"{_fitted(lead, _LINE)}<{escape(address)}>" if address else _fitted(line, _LINE)


def _filled(lines: Sequence[str]) -> list[str]:
    """Lines together, as many as a section takes."""
    texts: list[str] = []
    for line in lines:
        if texts and len(texts[-1]) + 1 + len(line) < _TEXT:
            texts[-1] += f"\n{line}"
        elif line:
            texts.append(line)
    return texts


def _text(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def escape(text: str) -> str:
    """The three characters that Slack reads as its own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _fitted(text: str, most: int) -> str:
    """Escaped and cut, and never inside of an escape."""
    shown = escape(text)
    if len(shown) <= most:
        return shown
    kept = ""
    for character in text:
        if len(kept) + len(escape(character)) >= most:
            break
        kept += escape(character)
    return f"{kept}…"
