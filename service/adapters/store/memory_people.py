"""The questions about customers, and what is written about them, in plain Python data."""

import secrets
import threading
from abc import abstractmethod
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

import msgspec

from service.adapters.store.ledger_rows import expires_at, forgotten_in
from service.adapters.store.timeindex import TimeIndex
from service.core.counting.changes import Break, PromiseKey, Voice
from service.core.counting.identity import TOMBSTONE, Forgetting, Pseudonyms, anonymous, holds_id, without
from service.core.counting.ledger import Promised
from service.core.counting.reach import NOWHERE, Reach
from service.core.event import Annotation, Complaint, DeadLetter, Micros
from service.core.interruption import Impact
from service.core.marks import Mark
from service.core.people import (
    CONTACT_STATES,
    AuditEntry,
    Client,
    Contact,
    ContactState,
    Erased,
    Hurt,
    Place,
    Repeat,
    SegmentHarm,
    Unfolding,
    forgot,
    moments_of,
)
from service.core.reporting.lead import FOLLOW


class MemoryPeople:
    """The half of the protocol that is about customers."""

    _lock: threading.RLock
    _breaks: dict[str, dict[str, Break]]
    _break_times: dict[str, TimeIndex]
    _promises: dict[PromiseKey, Promised]
    _reaches: dict[str, Reach]
    _due_times: dict[str, TimeIndex]
    _voices: list[Voice]
    _dead: list[tuple[Micros | None, DeadLetter]]

    def __init__(self) -> None:
        self._contacts: list[Contact] = []
        self._audit: list[AuditEntry] = []
        self._clients: dict[str, Client] = {}
        self._told: dict[str, tuple[int, Micros] | None] = {}
        self._marks: dict[tuple[str, str], Mark] = {}
        self._forgetting = Forgetting(secrets.token_bytes(32), {})

    def _found(self, places: Sequence[Place]) -> list[Break]:
        """The breaks of some places, each once, in order of time."""
        found: dict[tuple[str, str], Break] = {}
        with self._lock:
            for place in places:
                rows = self._breaks.get(place.moment)
                if rows is None:
                    continue
                for ref in self._break_times[place.moment].between(place.start, place.end):
                    if place.has(rows[ref].dimensions):
                        found[place.moment, ref] = rows[ref]
        return sorted(found.values(), key=lambda row: (row.at, row.moment, row.ref))

    def _mine(self, places: Sequence[Place]) -> dict[str, list[Break]]:
        mine: dict[str, list[Break]] = defaultdict(list)
        for row in self._found(places):
            mine[row.customer].append(row)
        return mine

    def harm(self, places: Sequence[Place]) -> Impact:
        """Exact distinct customers, breaks and value over places that may overlap."""
        mine = self._mine(places)
        rows = [row for of in mine.values() for row in of]
        waiting = {name for name, of in mine.items() if any(map(self._waits, of))}
        unknown = {name for name, of in mine.items() if any(map(self._is_given_up, of))} - waiting
        kept = {name for name, of in mine.items() if any(row.settled_at is not None for row in of)} - waiting - unknown
        value = sum(row.value for row in rows)
        return Impact(len(rows), len(mine), value, len(waiting), len(kept), len(unknown))

    def _waits(self, row: Break) -> bool:
        return row.promised and row.settled_at is None and not self._is_given_up(row)

    def _is_given_up(self, row: Break) -> bool:
        """Broken at a due time so long ago that its outcome will not be known: never a word of it."""
        if not row.promised or row.settled_at is not None:
            return False
        if row.at >= self._reaches.get(row.moment, NOWHERE).given_up[0]:
            return False
        promise = self._promises[row.moment, row.ref[1:]]
        return promise.waiting and expires_at(promise) is not None

    def unfolding(self, places: Sequence[Place], step: Micros) -> Unfolding:
        """The harm, whom it hit when, and who complained of it."""
        mine, heard = self._mine(places), self._heard(places)
        newly = Counter(of[0].at - of[0].at % step for of in mine.values())
        complained = sum(name in heard and heard[name] > of[0].at for name, of in mine.items())
        return Unfolding(self.harm(places), tuple(sorted(newly.items())), complained)

    def hurt(
        self,
        places: Sequence[Place],
        interruption: str = "",
        *,
        state: ContactState | None = None,
        limit: int = 1000,
        offset: int = 0,
    ) -> list[Hurt]:
        """The recovery list: who still waits first, then by value."""
        heard, last = self._heard(places), self._last_contacts(interruption)
        rows = [self._hurt(name, of, heard.get(name), last.get(name)) for name, of in self._mine(places).items()]
        wanted = [row for row in rows if state is None or row.state == state]
        return sorted(wanted, key=lambda row: (not row.waiting, -row.value, row.customer))[offset : offset + limit]

    def _hurt(self, name: str, of: list[Break], heard: Micros | None, contact: Contact | None) -> Hurt:
        waiting = any(map(self._waits, of))
        unknown = not waiting and any(map(self._is_given_up, of))
        return Hurt(
            customer=name,
            broken=len(of),
            value=sum(row.value for row in of),
            first_at=of[0].at,
            last_at=of[-1].at,
            waiting=waiting,
            settled_late=not waiting and not unknown and any(row.settled_at is not None for row in of),
            unknown=unknown,
            complained_at=heard if heard is not None and heard > of[0].at else None,
            contact=contact,
            yearly=self._yearly(name),
            segment=self._segment(name),
        )

    def _yearly(self, customer: str) -> int | None:
        client, told = self._clients.get(customer), self._told.get(customer)
        if client is not None and client.yearly is not None:
            return client.yearly
        return told[0] if told is not None else None

    def _segment(self, customer: str) -> str | None:
        client = self._clients.get(customer)
        return client.segment if client else None

    def _heard(self, places: Sequence[Place]) -> dict[str, Micros]:
        about = {None, *moments_of(places)}
        since = min((place.start for place in places), default=0)
        until = max((place.end for place in places), default=0) + FOLLOW
        heard: dict[str, Micros] = {}
        for name, at, moment in self._complaints():
            if since <= at < until and moment in about:
                heard[name] = max(at, heard.get(name, at))
        return heard

    def _complaints(self) -> Iterator[tuple[str, Micros, str | None]]:
        with self._lock:
            voices = list(self._voices)
        for voice in voices:
            if isinstance(voice.event, Complaint) and voice.event.customer is not None:
                yield voice.event.customer, voice.at, voice.event.moment

    def _last_contacts(self, interruption: str) -> dict[str, Contact]:
        mine = [row for row in self._contacts if row.interruption == interruption]
        return {row.customer: row for row in sorted(mine, key=lambda row: row.at)}

    def contact_counts(
        self, places: Sequence[Place], interruption: str, *, everybody: int | None = None
    ) -> dict[ContactState, int]:
        """How many customers of some places stand where in an interruption's recovery."""
        del everybody  # Counted anyway.
        last = self._last_contacts(interruption)
        counts: dict[ContactState, int] = dict.fromkeys(CONTACT_STATES, 0)
        for name in self._mine(places):
            counts[last[name].state if name in last else "to_contact"] += 1
        return counts

    def contacts(self, interruption: str, customer: str) -> list[Contact]:
        """Everything that was done for a customer, in order."""
        mine = [row for row in self._contacts if (row.interruption, row.customer) == (interruption, customer)]
        return sorted(mine, key=lambda row: row.at)

    def reached(self, places: Sequence[Place]) -> int:
        """Distinct customers of some places who were contacted or made good with."""
        done = {row.customer for row in self._contacts if row.state != "to_contact"}
        return len(done & self._mine(places).keys())

    def first_breaks(self, places: Sequence[Place]) -> dict[str, int]:
        """Customers by the moment in which they were hit first."""
        return dict(Counter(of[0].moment for of in self._mine(places).values()))

    def hit_later(self, first: Sequence[Place], later: Sequence[Place]) -> int:
        """Distinct customers hit in the one places, and after that in the others."""
        after = self._mine(later)
        return sum(name in after and after[name][-1].at > of[0].at for name, of in self._mine(first).items())

    def promised_to(self, moments: Sequence[str], start: Micros, end: Micros) -> int:
        """Distinct customers with a keyed promise due in [start, end)."""
        with self._lock:
            due = [row for (name, _), row in self._promises.items() if name in set(moments)]
        return len({row.customer for row in due if row.due is not None and start <= row.due < end})

    def repeats(self, places: Sequence[Place]) -> dict[int, int]:
        """Customers by how many of their promises were broken."""
        return dict(sorted(Counter(len(of) for of in self._mine(places).values()).items()))

    def repeaters(self, places: Sequence[Place], least: int, *, limit: int = 100) -> list[Repeat]:
        """Those with at least so many broken promises, by value."""
        rows = [
            Repeat(
                customer=name,
                broken=len(of),
                moments=len({row.moment for row in of}),
                value=sum(row.value for row in of),
                last_at=of[-1].at,
                yearly=self._yearly(name),
                segment=self._segment(name),
            )
            for name, of in self._mine(places).items()
            if len(of) >= least
        ]
        return sorted(rows, key=lambda row: (-row.worth, -row.broken, row.customer))[:limit]

    def worth(self, places: Sequence[Place]) -> tuple[int, int]:
        """(distinct customers whose yearly value is known, the sum of these values) over places."""
        known = [value for name in self._mine(places) if (value := self._yearly(name)) is not None]
        return len(known), sum(known)

    def known(self, places: Sequence[Place]) -> tuple[int, int]:
        """(known customers, those among them whom places hit)."""
        names = self._clients.keys() | self._told.keys()
        return len(names), len(names & self._mine(places).keys())

    def hit_among(self, places: Sequence[Place], names: Collection[str]) -> set[str]:
        """Those of some customers whom places hit."""
        return set(names) & self._mine(places).keys()

    def segments(self, places: Sequence[Place], start: Micros, end: Micros) -> list[SegmentHarm]:
        """Customer segments by name, with whom places hit and how often they complained in [start, end)."""
        said = Counter(name for name, at, _ in self._complaints() if start <= at < end)
        listed = Counter(client.segment for client in self._clients.values())
        hit: dict[str | None, list[tuple[str, list[Break]]]] = defaultdict(list)
        for name, of in self._mine(places).items():
            hit[self._segment(name)].append((name, of))
        names = sorted(listed.keys() | hit.keys(), key=lambda name: (name is None, name or ""))
        return [
            SegmentHarm(
                segment=segment,
                listed=listed[segment],
                customers=len(hit[segment]),
                broken=sum(len(of) for _, of in hit[segment]),
                value=sum(row.value for _, of in hit[segment] for row in of),
                yearly=sum(self._yearly(name) or 0 for name, _ in hit[segment]),
                complaints=sum(said[name] for name, _ in hit[segment]),
            )
            for segment in names
        ]

    def audit(self, *, limit: int = 100) -> list[AuditEntry]:
        """Newest first."""
        with self._lock:
            return self._audit[::-1][:limit]

    def marks(self, interruption: str) -> list[Mark]:
        """Revenue at risk of an interruption as it was frozen, in order of time."""
        mine = [mark for mark in self._marks.values() if mark.interruption == interruption]
        return sorted(mine, key=lambda mark: mark.at)

    def save_mark(self, mark: Mark) -> bool:
        """Freeze money; False where it was frozen before."""
        with self._lock:
            return self._marks.setdefault((mark.interruption, mark.what), mark) is mark

    def add_contacts(self, contacts: Sequence[Contact]) -> None:
        """Append what was done for customers."""
        with self._lock:
            self._contacts.extend(contacts)

    def add_audit(self, entry: AuditEntry) -> None:
        """Append who saw or changed what of customers."""
        with self._lock:
            self._audit.append(entry)

    def list_clients(self, clients: Iterable[Client], name: Callable[[str], str] = str) -> int:
        """Replace the operators' table of customers; how many rows it has now."""
        with self._lock:
            here = [client for client in clients if self._forgetting.tombstone(client.customer) is None]
            self._clients = {name(client.customer): client for client in here}
            return len(self._clients)

    def take_told(self, told: Mapping[str, tuple[int, Micros] | None]) -> None:
        """Take in what customer events told of yearly values; the newest stands."""
        for name, worth in told.items():
            known = self._told.setdefault(name, None)
            if worth is not None and (known is None or (known[1], known[0]) < (worth[1], worth[0])):
                self._told[name] = worth

    def adopt(self, names: Pseudonyms) -> int:
        """Nothing was here before its process began."""
        del names
        return 0

    def forget(self, customer: str, *, by: str, at: Micros, known_as: str | None = None) -> Erased:
        """Put a random tombstone in the place of an id."""
        with self._lock:
            mark = self._forgetting.mark(customer)
            tombstone = self._forgetting.tombstones.get(mark) or TOMBSTONE + secrets.token_hex(12)
            self._forgetting = Forgetting(self._forgetting.salt, {**self._forgetting.tombstones, mark: tombstone})
            name = known_as or customer
            dead = [row for row in self._dead if not holds_id(row[1].payload, row[1].detail, customer)]
            erased = Erased(
                tombstone,
                breaks=self._forget_breaks(name, tombstone),
                promises=self._forget_promises(name, tombstone),
                voices=self._forget_voices(name, tombstone),
                contacts=self._forget_contacts(name, tombstone),
                dead_letters=len(self._dead) - len(dead),
            )
            self._dead = dead
            self._clients.pop(name, None)
            if name in self._told:
                self._told[tombstone] = self._told.pop(name)
            self._audit.append(forgot(erased, by, at))
            return erased

    def _forget_breaks(self, name: str, tombstone: str) -> int:
        mine = [
            row
            for rows in self._breaks.values()
            for row in rows.values()
            if row.customer == name or row.ref == "=" + name
        ]
        for row in mine:
            self._put_break(row.moment, row.ref, None)
            dimensions = without(row.dimensions, name, tombstone)
            ref = "=" + tombstone if row.ref == "=" + name else row.ref
            who = tombstone if row.customer == name else row.customer
            after = msgspec.structs.replace(row, customer=who, dimensions=dimensions, ref=ref)
            self._put_break(row.moment, ref, after)
        return len(mine)

    @abstractmethod
    def _put_break(self, moment: str, ref: str, row: Break | None) -> None: ...

    @abstractmethod
    def _put_promise(self, place: PromiseKey, row: Promised) -> None: ...

    def _forget_promises(self, name: str, tombstone: str) -> int:
        changed = 0
        for place, row in list(self._promises.items()):
            after = forgotten_in(row, name, tombstone)
            if after == row:
                continue
            changed += 1
            if after.key == row.key:
                self._promises[place] = after
                continue
            del self._promises[place]
            if row.due is not None:
                self._due_times[row.moment].remove(row.due, row.key)
            self._put_promise((row.moment, after.key), after)
        return changed

    def _forget_voices(self, customer: str, tombstone: str) -> int:
        changed = 0
        for place, voice in enumerate(self._voices):
            event = voice.event
            if isinstance(event, Annotation) or event.customer != customer:
                continue
            hidden = anonymous(event, tombstone)
            self._voices[place] = msgspec.structs.replace(voice, event=hidden)
            changed += 1
        return changed

    def _forget_contacts(self, customer: str, tombstone: str) -> int:
        mine = [place for place, row in enumerate(self._contacts) if row.customer == customer]
        for place in mine:
            self._contacts[place] = msgspec.structs.replace(self._contacts[place], customer=tombstone, note="")
        return len(mine)
