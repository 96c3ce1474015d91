"""A message in the form of its medium: what a mail, a chat, a phone, a pager or a program gets to read."""

import re
from html import escape

import msgspec

from service.adapters.sender.letter import letter
from service.core.telling.route import Message

REPEAT = "You may have this already: an earlier attempt to send it ended without a clear answer."

MAIL = frozenset({"mailto", "mailtos"})
MACHINE = frozenset({"json", "jsons", "form", "forms", "xml", "xmls"})
PHONE = frozenset({"pover", "ntfy", "ntfys", "gotify", "gotifys", "tgram", "pbul", "prowl", "twilio", "line"})
PAGER = frozenset({"pagerduty", "opsgenie", "splunk", "victorops", "signl4", "pagertree"})
# These read plain text as Markdown, and apprise hands it over as it is.
READS_MARKDOWN = frozenset({"mmost", "mmosts", "discord", "guilded", "zulip", "ryver"})
_PHONE_LINES = 2
"""Beside the title: a phone shows three."""

_MARKDOWN = re.compile(r"([\\`*~<>\[\]|])")
_SHOUT = re.compile(r"@(?=\S)")
_BREAK = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_HEADING = re.compile(r"^([#>+-]|\d+\.)", re.MULTILINE)


class Form(msgspec.Struct, frozen=True, gc=False):
    """Title and body as plain text or Markdown-safe text, and HTML where the medium is mail."""

    title: str
    body: str
    html: str = ""


def form(message: Message, scheme: str, longest: int = 0) -> Form:
    """A message as a medium shows it; `longest`: the characters of a body that it takes, 0 for no limit."""
    title = one_line(message.title)
    lines = [line for line in map(one_line, _lines(message, scheme)) if line]
    link = one_line(message.link)
    if scheme in MAIL:
        return Form(title, "\n".join([*lines, *([link] if link else [])]) + "\n", _html(message, title, lines, link))
    if scheme not in MACHINE:
        title, lines = quiet(title), [quiet(line) for line in lines]
    if scheme in READS_MARKDOWN:
        title, lines = _bare(title), [_bare(line) for line in lines]
    return Form(title, _fitted(lines, link, longest) or title)


def one_line(text: str) -> str:
    """No line break, so that no header and no line can be smuggled in, and nothing that cannot be encoded."""
    return _BREAK.sub(" ", text).encode("utf-8", "replace").decode("utf-8").strip()


def _lines(message: Message, scheme: str) -> list[str]:
    lines = list(message.lines)
    if scheme in PHONE:
        lines = lines[:_PHONE_LINES]
    # Last on a phone, where three lines are all that is seen; first where there is room.
    return [*lines, REPEAT] if message.repeat and scheme in PHONE else [REPEAT, *lines] if message.repeat else lines


def _fitted(lines: list[str], link: str, longest: int) -> str:
    """As many lines as fit; the link always."""
    kept: list[str] = []
    room = (longest - len(link) - 1) if longest else None
    for line in lines:
        if room is not None:
            room -= len(line) + 1
            if room < 0:
                break
        kept.append(line)
    return "\n".join([*kept, *([link] if link else [])])


def quiet(text: str) -> str:
    """No mention: text from outside must not call a whole channel."""
    return _SHOUT.sub("@\u200b", text)


def _bare(text: str) -> str:
    """No Markdown: neither a link whose words deceive, nor a heading or an image."""
    return _HEADING.sub(r"\\\1", _MARKDOWN.sub(r"\\\1", text))


def _html(message: Message, title: str, lines: list[str], link: str) -> str:
    if message.html:
        note = f"<p><strong>{escape(REPEAT)}</strong></p>" if message.repeat else ""
        return note + message.html
    return letter(message, title, lines, link)
