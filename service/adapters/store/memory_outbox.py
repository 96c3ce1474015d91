"""The outbox in memory: rows waiting for a sender, each held by one sender at a time."""

from collections.abc import Collection, Iterator, Sequence
from typing import Literal

import msgspec

from service.core.event import Micros
from service.core.outbox import Delivery, Leased, OutboxRow
from service.core.telling.route import Notice


class _Row(msgspec.Struct):
    number: int
    notice: Notice
    created_at: Micros
    due_at: Micros
    state: Literal["waiting", "attempting", "sent", "failed", "held"] = "waiting"
    epoch: int = 0
    attempts: int = 0
    leased_until: Micros = 0
    sent_at: Micros | None = None
    last_error: str = ""
    ambiguous: bool = False
    handle: str = ""

    @property
    def talk(self) -> tuple[str, str]:
        return self.notice.target, self.notice.message.thread or self.notice.key

    @property
    def is_pending(self) -> bool:
        return self.state in {"waiting", "attempting"}

    @property
    def due(self) -> Micros:
        return self.due_at if self.state == "waiting" else self.leased_until


class MemoryOutbox:
    """Rows by their notice's key."""

    def __init__(self) -> None:
        self._rows: list[_Row] = []
        self._keys: set[str] = set()
        self._talks: dict[tuple[str, str], list[_Row]] = {}

    def enqueue(self, notices: Sequence[Notice], now: Micros) -> int:
        """Put notices; those whose key is there are left alone. How many were new."""
        before = len(self._rows)
        for notice in notices:
            if notice.key not in self._keys:
                self._keys.add(notice.key)
                row = _Row(len(self._rows) + 1, notice, now, now)
                self._rows.append(row)
                self._talks.setdefault(row.talk, []).append(row)
        return len(self._rows) - before

    def lease(self, now: Micros, until: Micros, limit: int, skip: Collection[str]) -> list[Leased]:
        """Take due rows, and those whose lease ran out, longest due first."""
        due = [
            row
            for row in self._rows
            if row.notice.target not in skip
            and row.is_pending
            and row.due <= now
            and not any(one.is_pending and one.due > now for one in self._before(row))
        ]
        taken = []
        for row in sorted(due, key=lambda row: (self._turn(row), row.number))[:limit]:
            row.ambiguous = row.ambiguous or row.state == "attempting"
            row.state = "attempting"
            row.epoch += 1
            row.leased_until = until
            root = next((one.handle for one in self._before(row) if one.handle), "")
            taken.append(Leased(row.number, row.epoch, row.notice, row.attempts, row.created_at, row.ambiguous, root))
            row.attempts += 1
        return taken

    def _turn(self, row: _Row) -> Micros:
        """When it is due, and no earlier than what was before: no conversation's end may crowd out its beginning."""
        return max([row.due_at, *(one.due_at for one in self._before(row) if one.is_pending)])

    def _before(self, row: _Row) -> Iterator[_Row]:
        """The earlier ones of a row's conversation, in order."""
        for one in self._talks[row.talk]:
            if one.number < row.number:
                yield one

    def release(self, leased: Leased, due_at: Micros) -> bool:
        """Hand back a row that was not tried."""
        row = self._held(leased)
        if row is None:
            return False
        row.state, row.due_at = "waiting", due_at
        row.attempts -= 1
        return True

    def delivered(self, leased: Leased, delivery: Delivery, now: Micros, next_at: Micros | None) -> bool:
        """Record an attempt."""
        row = self._held(leased)
        if row is None:
            return False
        row.last_error = "" if delivery.outcome == "sent" else delivery.detail
        row.ambiguous = row.ambiguous or delivery.outcome == "unknown"
        if delivery.outcome == "sent":
            row.state, row.sent_at, row.handle = "sent", now, delivery.handle
        elif next_at is None:
            row.state = "failed"
        else:
            row.state, row.due_at = "waiting", next_at
        return True

    def _held(self, leased: Leased) -> _Row | None:
        if not 0 < leased.row <= len(self._rows):
            return None
        row = self._rows[leased.row - 1]
        return row if row.state == "attempting" and row.epoch == leased.epoch else None

    def rows(self, limit: int) -> list[OutboxRow]:
        """Newest first."""
        newest = self._rows[: -limit - 1 : -1] if limit else []
        return [
            OutboxRow(
                row=row.number,
                notice=row.notice,
                state=row.state,
                attempts=row.attempts,
                created_at=row.created_at,
                due_at=row.due_at,
                sent_at=row.sent_at,
                last_error=row.last_error,
                ambiguous=row.ambiguous,
            )
            for row in newest
        ]
