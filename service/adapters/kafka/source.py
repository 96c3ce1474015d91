"""The Kafka source: reads as a member of a group from where the database is, whatever becomes of brokers."""

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NoReturn

import msgspec

from service.adapters.kafka.settings import KafkaSettings
from service.adapters.kafka.transport import Client, ClientFailed, NoAnswer, Polled, Records, Spot, Start, Transport
from service.core.event import Arrival, Assigned, Batch, Idle, Lost, Micros, Partition, Revoked
from service.core.ports import SourceAway

log = logging.getLogger(__name__)

ASK = 5.0
"""Seconds that a question to a broker may take where reading waits for the answer."""
FRESH = 5.0
"""Seconds for which the last word about a log's end is trusted to say that there is something to be read."""
LAST_WORD = 2.0
"""Seconds that telling lag tools may take when the source is closed."""


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
    """Reads topics as a member of a consumer group; one thread, but for `reach`.

    `clock` gives the wall time. `start`: where partitions begin that the database knows nothing of. Raises
    ImportError where a package that the client needs is missing.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topics: Sequence[str],
        clock: Callable[[], Micros],
        *,
        start: Start = "earliest",
    ) -> None:
        self._settings = settings
        self._start = start
        self._topics, self._clock = tuple(dict.fromkeys(topics)), clock
        self._transport = _transport(settings, self._topics, clock)
        self._client: Client | None = None
        self._reaching = threading.Lock()
        self._places: dict[Spot, _Place] = {}
        self._out: deque[Arrival] = deque()
        self._reported: dict[Spot, int] = {}
        self._named: set[str] = set()
        self._stuck_once: set[Spot] = set()
        self._records_at = 0.0
        self._turned_at = 0.0
        self._closed = False

    def reach(self) -> None:
        """Reach the brokers ahead of reading, in a thread of its own; the group is not joined before `batches`.

        Whatever fails is tried again by `batches`, which says so.
        """
        with self._reaching:
            if self._client is None and not self._closed:
                try:
                    self._client = self._transport.connect()
                except Exception as error:  # noqa: BLE001  # see above
                    log.debug("reached nobody ahead of reading: %s", error)

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
        onward: dict[Spot, int] = {}
        held = []
        for partition, position in positions.items():
            spot = Spot(partition.topic, partition.number)
            place = self._places.get(spot)
            if place is None or place.partition != partition:
                continue
            self._drop_unread({partition})
            place.position, place.starting, place.stuck = position, position is None, 0.0
            if position is None:
                held.append(spot)
            else:
                onward[spot] = position
        if self._client is not None:
            self._client.hold(held)
            self._client.seek(onward)

    def commit(self, positions: Mapping[Partition, int]) -> None:
        """Tell lag tools how far the database is; in the middle of a rebalance nobody listens."""
        for partition, position in positions.items():
            spot = Spot(partition.topic, partition.number)
            if spot in self._places:
                self._reported[spot] = position
        if self._client is not None and self._reported:
            self._client.commit(self._reported)

    def close(self) -> None:
        """Leave the group, so that others take the partitions up at once."""
        self._closed = True
        with self._reaching:
            if self._client is not None:
                if self._reported:
                    self._client.commit(self._reported, LAST_WORD)
                self._client.close()
                self._client = None
            self._transport.close()

    def _connect(self) -> Client:
        with self._reaching:
            if self._client is None:
                self._client = self._transport.connect()
            return self._client

    def _disconnect(self) -> None:
        """Let the client go, with everything that was assigned to it."""
        client, self._client = self._client, None
        self._revoke(list(self._places))
        if client is not None:
            client.close()

    def _turn(self, client: Client) -> None:
        """Poll once, and put what came of it out."""
        polled = self._poll(client)
        self._read_news(client)
        self._name_missing(client)
        if self._made_anew(client):
            self._disconnect()
            return
        self._find_starts(client)
        for spot, records in polled.records.items():
            self._give(spot, records)
        for spot, offset in polled.beyond.items():
            if self._out_of_range(client, spot, offset):
                self._disconnect()
                return
        for spot, end in polled.cut.items():
            self._cut_back(client, spot, end)
        self._look(client)
        self._watch(client)
        if not self._out:
            self._need_contact(client)
            self._out.append(Idle())

    def _poll(self, client: Client) -> Polled:
        try:
            polled = client.poll()
        except ClientFailed:
            self._disconnect()
            raise
        if polled.records:
            self._records_at = time.monotonic()
        return polled

    def _read_news(self, client: Client) -> None:
        while client.news:
            what, spots = client.news.popleft()
            if what == "revoked":
                self._revoke(spots)
                continue
            self._revoke([spot for spot in spots if spot in self._places])
            if any(not client.topic_id(spot.topic) for spot in spots) or _unheard(client, spots):
                with contextlib.suppress(NoAnswer):
                    client.refresh(ASK)
            if unheard := _unheard(client, spots):
                self._join_anew(unheard[0])
            for spot in spots:
                self._places[spot] = _Place(Partition(*spot, client.topic_id(spot.topic)))
            if spots:
                taken = tuple(self._places[spot].partition for spot in spots)
                self._out.append(Assigned(taken, client.known()))

    def _join_anew(self, spot: Spot) -> NoReturn:
        """Whoever shared it out knew a topic that is no more, or a broker does not know yet of what was added.

        To claim a partition that is not there would hold time back for ever. Raises SourceAway.
        """
        self._disconnect()
        if self._settings.instance_id is not None:
            # A member that the group knows would get the same again.
            self._settings = replace(self._settings, instance_id=None)
            self._transport.close()
            self._transport = _transport(self._settings, self._topics, self._clock)
        raise SourceAway(f"{spot} fell to this reader, and no broker knows of it: joining the group again")

    def _revoke(self, spots: Sequence[Spot]) -> None:
        gone = {self._places.pop(spot).partition for spot in spots if spot in self._places}
        for spot in spots:
            self._reported.pop(spot, None)
        if gone:
            # What was not given out yet goes with them.
            self._drop_unread(gone)
            self._out.append(Revoked(tuple(sorted(gone, key=lambda partition: partition.number))))

    def _drop_unread(self, partitions: Collection[Partition]) -> None:
        self._out = deque(a for a in self._out if not isinstance(a, Batch) or a.partition not in partitions)

    def _name_missing(self, client: Client) -> None:
        missing = client.missing()
        for topic in sorted(missing - self._named):
            log.warning("topic %s does not exist, or may not be seen: waiting for it, the others go on", topic)
        for topic in sorted(self._named - missing):
            log.warning("topic %s is there now", topic)
        self._named = missing

    def _made_anew(self, client: Client) -> bool:
        """Whether a topic is no longer the one whose records were given out."""
        for place in self._places.values():
            now = client.topic_id(place.partition.topic)
            if now and now != place.partition.topic_id:
                log.warning("topic %s was deleted and made anew: reading the new one", place.partition.topic)
                return True
        return False

    def _find_starts(self, client: Client) -> None:
        """Seek partitions that nobody has read to where they begin, and say so: that is to be kept."""
        found: dict[Spot, int] = {}
        for spot, place in self._places.items():
            if not place.starting or not client.led(spot):
                continue
            try:
                found[spot] = client.find(spot, self._start, ASK)
            except NoAnswer as error:
                log.debug("its start is asked for again: %s", error)
        for spot, start in found.items():
            place = self._places[spot]
            place.position, place.starting = start, False
            self._out.append(Batch(place.partition, [], [], start))
        if found:
            client.seek(found)

    def _give(self, spot: Spot, found: Records) -> None:
        place = self._places.get(spot)
        if place is None or place.position is None:
            return
        place.position, place.stuck = found.after, 0.0
        self._stuck_once.discard(spot)
        self._out.append(
            Batch(
                place.partition,
                found.offsets,
                found.payloads,
                found.after,
                headers=found.headers,
                behind=None if place.end is None else max(0, place.end - found.after),
            )
        )

    def _look(self, client: Client) -> None:
        """Compare what was given out with where the logs end, and say what that shows."""
        client.ask_ends(spot for spot, place in self._places.items() if place.position is not None)
        for spot, end, date in client.ends():
            place = self._places.get(spot)
            if place is None or place.position is None:
                continue
            place.end, place.end_heard = end, time.monotonic()
            # Beyond what was given out, the client has passed over control records at the most.
            after = max(place.position, client.passed(spot))
            if after > place.position:
                place.position, place.stuck = after, 0.0
            looked_at = date if end == after else None
            self._out.append(Batch(place.partition, [], [], after, looked_at=looked_at, behind=max(0, end - after)))

    def _watch(self, client: Client) -> None:
        """Make the client anew when it gives nothing of what is there; the second time it is an error."""
        now = time.monotonic()
        # A reader that stayed away, waiting for its database, is no sign of a client that is stuck.
        turned, self._turned_at = min(now - self._turned_at, 1.0), now
        for spot, place in list(self._places.items()):
            there = place.end is not None and place.position is not None and place.end > place.position
            if not there or now - place.end_heard > FRESH:
                continue
            place.stuck += turned
            if place.stuck < self._settings.stuck_after:
                continue
            place.stuck = 0.0
            if not _can_be_read(client, spot, place):
                continue
            named = f"{spot}: stuck at {place.position}, the log ends at {place.end}"
            if spot in self._stuck_once:
                raise StuckError(f"{named}, and a new consumer did not help")
            log.error("%s: the consumer is made anew", named)
            self._stuck_once.add(spot)
            self._disconnect()
            return

    def _need_contact(self, client: Client) -> None:
        """Raise SourceAway when no broker has been heard of for too long."""
        silent = time.monotonic() - max(client.heard_at(), self._records_at)
        if silent < self._settings.away_after / 2:
            self._transport.forget()
        if silent > self._settings.away_after:
            reason = f": {self._transport.reason}" if self._transport.reason else ""
            raise SourceAway(f"no broker has answered for {silent:.0f} s{reason}")

    def _out_of_range(self, client: Client, spot: Spot, offset: int) -> bool:
        """Go on where the log is, and say what was lost; True where it is another log by now."""
        place = self._places.get(spot)
        if place is None or place.position is None:
            return False
        try:
            client.refresh(ASK)
            if self._made_anew(client):
                return True
            first = client.find(spot, "earliest", ASK)
        except NoAnswer as error:
            log.debug("asked again: %s", error)
            return False
        if offset < first:
            self._go_on(client, spot, place, first)
            self._out.append(Lost(place.partition, offset, first))
        else:
            self._cut_back(client, spot, None)
        return False

    def _cut_back(self, client: Client, spot: Spot, to: int | None) -> None:
        """Go on at the end of a log shorter than what was read: an unclean election, a restored disk."""
        place = self._places.get(spot)
        if place is None or place.position is None:
            return
        if to is None:
            try:
                to = client.find(spot, "latest", ASK)
            except NoAnswer as error:
                log.debug("asked again: %s", error)
                return
        before = place.position
        if to < before:
            self._go_on(client, spot, place, to)
            self._out.append(Lost(place.partition, before, to))

    @staticmethod
    def _go_on(client: Client, spot: Spot, place: _Place, position: int) -> None:
        place.position = position
        client.seek({spot: position})


def _unheard(client: Client, spots: Sequence[Spot]) -> list[Spot]:
    """Partitions that their topics do not have, as far as anything is known of these topics."""
    known = {Spot(partition.topic, partition.number) for partition in client.known()}
    topics = {spot.topic for spot in known}
    return [spot for spot in spots if spot.topic in topics and spot not in known]


def _can_be_read(client: Client, spot: Spot, place: _Place) -> bool:
    """Whether more than an open transaction lies beyond the position."""
    try:
        readable = client.readable(spot, ASK)
    except NoAnswer:
        return False
    return place.position is not None and readable > place.position


def _transport(settings: KafkaSettings, topics: Sequence[str], clock: Callable[[], Micros]) -> Transport:
    """The client library that the settings name; only that one is loaded."""
    if settings.client == "librdkafka":
        from service.adapters.kafka.librdkafka import LibrdkafkaTransport

        return LibrdkafkaTransport(settings, topics, clock)
    from service.adapters.kafka.kafka_python import PythonTransport

    return PythonTransport(settings, topics, clock)
