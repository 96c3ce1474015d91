"""Notices on their way: rows of the outbox, and what became of an attempt to send one."""

from typing import Literal

import msgspec

from service.core.event import Micros
from service.core.telling.route import Notice

Attempt = Literal["sent", "failed", "unknown"]


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """What became of one attempt: a timeout is `unknown`, not failed, for the message may have arrived."""

    outcome: Attempt
    detail: str = ""
    retryable: bool = True
    retry_after: float | None = None
    """Seconds that the target asked us to wait."""
    handle: str = ""
    """What the target calls the message that it took, where it says so: what follows hangs on the first one's."""


class Leased(msgspec.Struct, frozen=True, gc=False):
    """An outbox row taken for sending; `attempts` made before this one."""

    row: int
    epoch: int
    notice: Notice
    attempts: int
    created_at: Micros
    ambiguous: bool
    """An earlier attempt ended without a clear answer, or its process died: the message may be doubled."""
    root: str = ""
    """What the target calls the first message of the conversation, where it told."""


class OutboxRow(msgspec.Struct, frozen=True, gc=False):
    """An outbox row for people: what was to be sent, where, why, and what came of it."""

    row: int
    notice: Notice
    state: Literal["waiting", "attempting", "sent", "failed", "held"]
    attempts: int
    created_at: Micros
    due_at: Micros
    sent_at: Micros | None = None
    last_error: str = ""
    ambiguous: bool = False
