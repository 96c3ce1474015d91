"""What became of an attempt, from what was seen on the wire."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from service.adapters.sender.wire import Answer, Wire
from service.core.outbox import Delivery

_LONGEST_WAIT = 86_400.0

_NEVER = frozenset({400, 405, 406, 410, 411, 413, 414, 415, 422, 431, 501})
"""The target understood and will never take this message.

401, 403 and 404 are not among them: a new secret or a mended URL lets the very same message through.
"""
_PERHAPS = frozenset({504, 522, 524})
"""A gateway gave up waiting; what stands behind it may have taken the message."""


def http_verdict(wire: Wire, *, worked: bool, in_part: bool | None = None) -> Delivery:
    """The delivery of a send over HTTP that came to its end.

    `in_part`: whether somebody has it already; None: where an earlier answer was a yes.
    """
    answers = wire.answers
    if worked:
        return Delivery("sent", f"answered {answers[-1].status}" if answers else "sent")
    if wire.refused is not None:
        return Delivery("failed", wire.refused)
    if answers:
        return _answered(answers, in_part=any(one.good for one in answers[:-1]) if in_part is None else in_part)
    if wire.handed_over:
        return Delivery("unknown", "no answer to the request")
    return Delivery("failed", "no connection")


def _answered(answers: Sequence[Answer], *, in_part: bool) -> Delivery:
    """The delivery where the last answer, at least, was no clear yes."""
    status = answers[-1].status
    detail = f"answered {status}"
    if in_part:
        return Delivery("unknown", f"accepted in part, then {detail}")
    if answers[-1].good:
        return Delivery("failed", f"{detail}, but refused the message")
    if status in _PERHAPS:
        return Delivery("unknown", f"a gateway {detail}")
    if 300 <= status < 400:  # noqa: PLR2004  # the redirects
        return Delivery("failed", f"{detail}: redirects are not followed; give the final URL")
    wait = seconds(answers[-1].retry_after, datetime.now(UTC))
    return Delivery("failed", detail, retryable=status not in _NEVER, retry_after=wait)


def overdue_verdict(wire: Wire, deadline_s: float) -> Delivery:
    """The delivery of a send that was cut at its deadline: unknown, unless it never got to say anything."""
    if wire.handed_over:
        return Delivery("unknown", f"no clear answer within {deadline_s:g} s")
    return Delivery("failed", f"not handed over within {deadline_s:g} s")


def seconds(retry_after: str | None, now: datetime) -> float | None:
    """Retry-After as seconds from now, for both of its forms; None for anything else. At most a day."""
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isdecimal():
        # Ten digits are three centuries: enough, and no hostile number gets far.
        return min(float(text[:10]), _LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    wait = (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds()
    return min(max(wait, 0.0), _LONGEST_WAIT) if math.isfinite(wait) else None
