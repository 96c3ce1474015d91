"""The Kafka source: reads as a member of a group from where the database is, whatever becomes of brokers."""

import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec
from kafka import TopicPartition
from kafka.errors import (
    AuthorizationError,
    CorruptRecordError,
    KafkaError,
    LogTruncationError,
    OffsetOutOfRangeError,
    RetriableError,
    SaslAuthenticationFailedError,
)
from kafka.structs import OffsetAndMetadata

from service.adapters.kafka.consumer import Connected
from service.adapters.kafka.ends import LogEnds
from service.adapters.kafka.settings import Hush, KafkaSettings, need_checksums
from service.core.event import Arrival, Assigned, Batch, Idle, Lost, Micros, Partition, Revoked
from service.core.ports import SourceAway

log = logging.getLogger(__name__)

ASK = 5.0
"""Seconds that a question to a broker may take where reading waits for the answer."""
FRESH = 5.0
"""Seconds for which the last word about a log's end is trusted to say that there is something to be read."""

Start = Literal["earliest", "latest"] | Micros


class StuckError(Exception):
    """Records are there, brokers answer, and twice over nothing came: this process had better start anew."""


class _Place(msgspec.Struct):
    """How far a partition was given out.

    `position`: the next offset, None until somebody sought. `starting`: the source's start is to say it.
    """

    partition: Partition
    position: int | None = None
    starting: bool = False
    end: int | None = None
    end_heard: float = 0.0
    stuck: float = 0.0


class KafkaSource:
    """Reads topics as a member of a consumer group; one thread.

    `clock` gives the wall time. `start`: where partitions begin that the database knows nothing of; a time
    means the first record that was written to the log then or later. Raises ImportError where the package for
    checksums is missing.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topics: Sequence[str],
        clock: Callable[[], Micros],
        *,
        start: Start = "earliest",
    ) -> None:
        need_checksums()
        self._settings = settings
        self._topics = tuple(dict.fromkeys(topics))
        self._clock = clock
        self._start = start
        self._hush = Hush()
        self._connected: Connected | None = None
        self._ends: LogEnds
        self._places: dict[TopicPartition, _Place] = {}
        self._out: deque[Arrival] = deque()
        self._reported: dict[TopicPartition, OffsetAndMetadata] = {}
        self._named: set[str] = set()
        self._stuck_once: set[TopicPartition] = set()
        self._records_at = 0.0
        self._turned_at = 0.0
        self._closed = False

    def batches(self) -> Iterator[Arrival]:
        """What comes, until the source is closed. Raises SourceAway, and StuckError."""
        while not self._closed:
            # One thing a turn: whoever closes the source does it while one is being given.
            if self._out:
                yield self._out.popleft()
            else:
                self._turn(self._connect())

    def seek(self, positions: Mapping[Partition, int | None]) -> None:
        """Go on from these positions; None is the source's start."""
        for partition, position in positions.items():
            spot = TopicPartition(partition.topic, partition.number)
            place = self._places.get(spot)
            if place is None or place.partition != partition or self._connected is None:
                continue
            self._out = deque(a for a in self._out if not isinstance(a, Batch) or a.partition != partition)
            place.position, place.starting, place.stuck = None, position is None, 0.0
            with contextlib.suppress(ValueError, KeyError):
                # Not ours any more where this fails: a rebalance is under way, its news will be read next.
                self._connected.consumer.pause(spot)
                if position is not None:
                    self._go_on(self._connected, spot, place, position)

    def commit(self, positions: Mapping[Partition, int]) -> None:
        """Tell lag tools how far the database is; in the middle of a rebalance nobody listens."""
        for partition, position in positions.items():
            spot = TopicPartition(partition.topic, partition.number)
            if spot in self._places:
                self._reported[spot] = OffsetAndMetadata(position, "", -1)
        if self._connected is not None and self._reported:
            with contextlib.suppress(KafkaError):
                self._connected.consumer.commit_async(dict(self._reported))

    def close(self) -> None:
        """Leave the group, so that others take the partitions up at once."""
        self._closed = True
        if self._connected is not None:
            if self._reported:
                with contextlib.suppress(KafkaError):
                    self._connected.consumer.commit(dict(self._reported), timeout_ms=2_000)
            self._connected.close()
            self._connected = None
        self._hush.lift()

    def _connect(self) -> Connected:
        if self._connected is None:
            connected = Connected(self._settings, self._topics, self._hush)
            self._ends = LogEnds(connected.consumer, self._clock)
            self._connected = connected
        return self._connected

    def _disconnect(self) -> None:
        """Let the consumer go, with everything that was assigned to it."""
        connected, self._connected = self._connected, None
        self._revoke(list(self._places))
        if connected is not None:
            connected.close()

    def _turn(self, connected: Connected) -> None:
        """Poll once, and put what came of it out."""
        records = self._poll(connected)
        self._read_news(connected)
        self._name_missing(connected)
        if self._made_anew(connected):
            self._disconnect()
            return
        self._find_starts(connected)
        for spot, found in records.items():
            self._give(connected, spot, found)
        self._look(connected)
        self._watch()
        if not self._out:
            self._need_contact(connected)
            self._out.append(Idle())

    def _poll(self, connected: Connected) -> Mapping[TopicPartition, Sequence[Any]]:  # noqa: C901  # one line each
        try:
            records = connected.poll()
        except OffsetOutOfRangeError as error:
            for spot, offset in error.args[0].items():
                self._out_of_range(connected, spot, offset)
        except LogTruncationError as error:
            for spot, divergent in error.divergent_offsets.items():
                self._cut_back(connected, spot, None if divergent is None else divergent.offset)
        except CorruptRecordError as error:
            # It may have been the wire. If it was the disk, the watchdog ends this.
            log.error("damaged in the log or on the way: %s", error)  # noqa: TRY400  # the stack says nothing
        except AuthorizationError as error:
            raise SourceAway(f"the brokers refuse {type(error).__name__}: {error}") from error
        except SaslAuthenticationFailedError as error:
            # A secret may have been changed: the next consumer reads it again.
            self._disconnect()
            raise SourceAway(f"the brokers do not let {self._settings.client_id} in: {error}") from error
        except RetriableError as error:
            log.debug("a poll failed and is made again: %s", error)
        except KafkaError as error:
            self._disconnect()
            raise SourceAway(f"the consumer failed and is made anew: {error or type(error).__name__}") from error
        else:
            if records:
                self._records_at = time.monotonic()
            return records
        return {}

    def _read_news(self, connected: Connected) -> None:
        news = connected.listener.news
        while news:
            what, spots = news.popleft()
            if what == "revoked":
                self._revoke(spots)
                continue
            self._revoke([spot for spot in spots if spot in self._places])
            if any(not connected.topic_id(spot.topic) for spot in spots):
                with contextlib.suppress(KafkaError):
                    connected.refresh(ASK)
            for spot in spots:
                partition = Partition(spot.topic, spot.partition, connected.topic_id(spot.topic))
                self._places[spot] = _Place(partition)
            if spots:
                taken = tuple(self._places[spot].partition for spot in spots)
                self._out.append(Assigned(taken, connected.known()))

    def _revoke(self, spots: Sequence[TopicPartition]) -> None:
        gone = [self._places.pop(spot).partition for spot in spots if spot in self._places]
        for spot in spots:
            self._reported.pop(spot, None)
        if gone:
            # What was not given out yet goes with them.
            self._out = deque(a for a in self._out if not isinstance(a, Batch) or a.partition not in gone)
            self._out.append(Revoked(tuple(gone)))

    def _name_missing(self, connected: Connected) -> None:
        missing = connected.missing()
        for topic in sorted(missing - self._named):
            log.warning("topic %s does not exist, or may not be seen: waiting for it, the others go on", topic)
        for topic in sorted(self._named - missing):
            log.warning("topic %s is there now", topic)
        self._named = missing

    def _made_anew(self, connected: Connected) -> bool:
        """Whether a topic is no longer the one whose records were given out."""
        for place in self._places.values():
            now = connected.topic_id(place.partition.topic)
            if now and now != place.partition.topic_id:
                log.warning("topic %s was deleted and made anew: reading the new one", place.partition.topic)
                return True
        return False

    def _find_starts(self, connected: Connected) -> None:
        """Seek partitions that nobody has read to where they begin, and say so: that is to be kept."""
        for spot, place in self._places.items():
            if not place.starting or connected.leader(spot) is None:
                continue
            try:
                start = self._first_offset(connected, spot)
                self._go_on(connected, spot, place, start)
            except (KafkaError, KeyError, ValueError) as error:
                log.debug("%s: its start is asked for again: %s", spot, error)
                continue
            place.starting = False
            self._out.append(Batch(place.partition, [], [], start))

    def _first_offset(self, connected: Connected, spot: TopicPartition) -> int:
        consumer, timeout = connected.consumer, round(ASK * 1000)
        if isinstance(self._start, int):
            found = consumer.offsets_for_times({spot: max(0, self._start // 1000)}, timeout_ms=timeout)[spot]
            if found is not None:
                return int(found.offset)
        ask = consumer.beginning_offsets if self._start == "earliest" else consumer.end_offsets
        return int(ask([spot], timeout_ms=timeout)[spot])

    @staticmethod
    def _go_on(connected: Connected, spot: TopicPartition, place: _Place, position: int) -> None:
        connected.consumer.seek(spot, position)
        connected.consumer.resume(spot)
        place.position = position

    def _give(self, connected: Connected, spot: TopicPartition, found: Sequence[Any]) -> None:
        place = self._places.get(spot)
        if place is None or place.position is None:
            return
        after = max(found[-1].offset + 1, connected.position(spot) or 0)
        headers = None
        if any(record.headers for record in found):
            headers = [{name: value or b"" for name, value in record.headers} for record in found]
        place.position, place.stuck = after, 0.0
        self._stuck_once.discard(spot)
        self._out.append(
            Batch(
                place.partition,
                [record.offset for record in found],
                [record.value or b"" for record in found],
                after,
                headers=headers,
                behind=None if place.end is None else max(0, place.end - after),
            )
        )

    def _look(self, connected: Connected) -> None:
        """Compare what was given out with where the logs end, and say what that shows."""
        self._ends.ask(spot for spot, place in self._places.items() if place.position is not None)
        for spot, end, date in self._ends.answers():
            place = self._places.get(spot)
            if place is None or place.position is None:
                continue
            place.end, place.end_heard = end, time.monotonic()
            # Beyond what was given out, the client has passed over control records at the most.
            after = max(place.position, connected.position(spot) or 0)
            if after > place.position:
                place.position, place.stuck = after, 0.0
            looked_at = date if end == after else None
            self._out.append(Batch(place.partition, [], [], after, looked_at=looked_at, behind=max(0, end - after)))

    def _watch(self) -> None:
        """Make the consumer anew when it gives nothing of what is there; the second time it is an error."""
        now = time.monotonic()
        # A reader that stayed away, waiting for its database, is no sign of a consumer that is stuck.
        turned, self._turned_at = min(now - self._turned_at, 1.0), now
        for spot, place in list(self._places.items()):
            there = place.end is not None and place.position is not None and place.end > place.position
            if not there or now - place.end_heard > FRESH:
                continue
            place.stuck += turned
            if place.stuck < self._settings.stuck_after:
                continue
            place.stuck = 0.0
            if not self._can_be_read(spot, place):
                continue
            named = f"{spot.topic}[{spot.partition}]: stuck at {place.position}, the log ends at {place.end}"
            if spot in self._stuck_once:
                raise StuckError(f"{named}, and a new consumer did not help")
            log.error("%s: the consumer is made anew", named)
            self._stuck_once.add(spot)
            self._disconnect()
            return

    def _can_be_read(self, spot: TopicPartition, place: _Place) -> bool:
        """Whether more than an open transaction lies beyond the position."""
        try:
            readable = self._ends.readable(spot, ASK)
        except KafkaError:
            return False
        return readable is not None and place.position is not None and readable > place.position

    def _need_contact(self, connected: Connected) -> None:
        """Raise SourceAway when no broker has been heard of for too long."""
        heard = max(connected.heard_at(), self._records_at, self._ends.heard_at or 0.0)
        silent = time.monotonic() - heard
        if silent < self._settings.away_after / 2:
            self._hush.forget()
        if silent > self._settings.away_after:
            reason = f": {self._hush.reason}" if self._hush.reason else ""
            raise SourceAway(f"no broker has answered for {silent:.0f} s{reason}")

    def _out_of_range(self, connected: Connected, spot: TopicPartition, offset: int) -> None:
        place = self._places.get(spot)
        if place is None or place.position is None:
            return
        try:
            connected.refresh(ASK)
            if self._made_anew(connected):
                return
            first = connected.consumer.beginning_offsets([spot], timeout_ms=round(ASK * 1000))[spot]
        except (KafkaError, KeyError) as error:
            log.debug("%s: asked again: %s", spot, error)
            return
        if offset < first:
            self._go_on(connected, spot, place, first)
            self._out.append(Lost(place.partition, offset, first))
        else:
            self._cut_back(connected, spot, None)

    def _cut_back(self, connected: Connected, spot: TopicPartition, to: int | None) -> None:
        """Go on at the end of a log shorter than what was read: an unclean election, a restored disk."""
        place = self._places.get(spot)
        if place is None or place.position is None:
            return
        if to is None:
            try:
                to = int(connected.consumer.end_offsets([spot], timeout_ms=round(ASK * 1000))[spot])
            except (KafkaError, KeyError) as error:
                log.debug("%s: asked again: %s", spot, error)
                return
        before = place.position
        if to < before:
            self._go_on(connected, spot, place, to)
            self._out.append(Lost(place.partition, before, to))
