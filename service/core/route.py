"""From what happened to who is told: notices with a named reason, one a target, each with a deterministic key."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from service.core.catalog import Catalog, Level
from service.core.event import Micros
from service.core.interruption import Change, Impact, Interruption

Reason = Literal["opened", "level_changed", "resolved", "found_late", "was_open_while_away", "digest", "test"]
"""Why a notice is sent; kept with it and shown."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """What is sent, before it is put into a target's form: `key` identifies the notice, `thread` the conversation.

    `title`: the first line and the mail's subject. `lines`: plain text, the most important first; a phone shows three.
    `html`: a mail's body where one was made, else it is made from the lines.
    """

    key: str
    thread: str
    title: str
    lines: tuple[str, ...]
    level: Level
    link: str = ""
    html: str = ""


class Notice(msgspec.Struct, frozen=True, gc=False):
    """One row of the outbox: a message for one target, and why."""

    key: str
    target: str
    reason: Reason
    message: Message
    interruption: str | None = None
    moment: str | None = None
    owner: str | None = None
