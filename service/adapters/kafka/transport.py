"""What the source needs of a client library: a member of a group that reads from where it is told.

There are two behind it, `kafka_python` (pure Python, the default) and `librdkafka` (C, an extra). All that is
the service's own (positions, what became of a topic, watching for a client that is stuck) is in `source.py`,
once; a client only reads, asks, and says what it was told.
"""

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from typing import Literal, NamedTuple, Protocol

import msgspec

from service.core.event import Micros, Partition
from service.core.ports import SourceAway

Start = Literal["earliest", "latest"] | Micros
"""A place in a log; a time means the first record that was written then or later, else the end."""


class Spot(NamedTuple):
    """A partition by its name, whichever topic bears that name now."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]"


News = tuple[Literal["assigned", "revoked"], tuple[Spot, ...]]


class Records(msgspec.Struct, gc=False):
    """Records of one partition in order; `headers` None where none has any, `after`: the next offset."""

    offsets: list[int]
    payloads: list[bytes]
    after: int
    headers: list[dict[str, bytes]] | None = None


class Polled(msgspec.Struct):
    """What a poll brought.

    `beyond`: offsets asked for that the log does not have. `cut`: logs that are shorter than what was read,
    with their end where it is known.
    """

    records: dict[Spot, Records] = {}
    beyond: dict[Spot, int] = {}
    cut: dict[Spot, int | None] = {}


class NoAnswer(Exception):  # noqa: N818  # a state of the world, not a mistake
    """A question to a broker failed or took too long: ask again later."""


class ClientFailed(SourceAway):
    """Nothing more is to be had of this client: another is to be made."""


class Client(Protocol):
    """One life of a client that has reached a broker, and joins the group with its first poll; used by one thread.

    `news`: what rebalances brought, oldest first; what was assigned is held until it is sought.
    """

    news: deque[News]

    def poll(self) -> Polled:
        """Wait a moment for records. Raises SourceAway where the brokers refuse, and ClientFailed."""
        ...

    def seek(self, positions: Mapping[Spot, int]) -> None:
        """Go on from there; nothing from before the call comes after it. Partitions that went meanwhile are passed."""
        ...

    def hold(self, spots: Collection[Spot]) -> None:
        """Give nothing more of some partitions until they are sought."""
        ...

    def passed(self, spot: Spot) -> int:
        """The offset up to which the client has gone by itself, over records that readers never see; 0: unknown."""
        ...

    def find(self, spot: Spot, place: Start, timeout: float) -> int:
        """The offset of a place in a log. Raises NoAnswer."""
        ...

    def readable(self, spot: Spot, timeout: float) -> int:
        """The offset up to which a log can be read now; open transactions hold it back. Raises NoAnswer."""
        ...

    def ask_ends(self, spots: Iterable[Spot]) -> None:
        """Ask where some logs end, unless that was done just now; nobody waits for the answer."""
        ...

    def ends(self) -> list[tuple[Spot, int, Micros]]:
        """What was answered since the last call: a log, where it ended, and a time at which that was so."""
        ...

    def topic_id(self, topic: str) -> str:
        """The id that tells a topic made anew from the old one of that name; "" while it is not known."""
        ...

    def known(self) -> tuple[Partition, ...]:
        """Every partition of the topics."""
        ...

    def missing(self) -> set[str]:
        """The topics that no broker knows, by what they last said."""
        ...

    def led(self, spot: Spot) -> bool:
        """Whether a broker leads the partition."""
        ...

    def refresh(self, timeout: float) -> None:
        """Ask about the topics again, and wait for the answer. Raises NoAnswer."""
        ...

    def heard_at(self) -> float:
        """When, on the monotonic clock, a broker last answered anything but a poll."""
        ...

    def commit(self, positions: Mapping[Spot, int], timeout: float | None = None) -> None:
        """Tell lag tools; waits for it so long, not at all without a timeout; in vain where it cannot be."""
        ...

    def close(self) -> None:
        """Leave the group, in vain where it cannot be reached."""
        ...


class Transport(Protocol):
    """A client library and how it is set up; lives as long as the source, over all its clients."""

    @property
    def reason(self) -> str | None:
        """The last word of a client on why brokers are away, while it was not forgotten."""
        ...

    def connect(self) -> Client:
        """A client of its own. Raises SourceAway where no broker can be reached."""
        ...

    def forget(self) -> None:
        """Forget the reason: what comes from now on is about something else."""
        ...

    def close(self) -> None:
        """Let go of what outlives clients."""
        ...
