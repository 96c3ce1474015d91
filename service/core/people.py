"""Whom broken promises hit: where to look for them, what is known of each, and what is done for them."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from service.core.counting.identity import Pseudonyms
from service.core.event import Micros
from service.core.interruption import Impact, Interruption, Segment, holds
from service.core.marks import Mark

ContactState = Literal["to_contact", "contacted", "made_good"]
CONTACT_STATES: tuple[ContactState, ...] = ("to_contact", "contacted", "made_good")


class Place(msgspec.Struct, frozen=True, gc=False):
    """A moment's segment over [start, end), without the segments of `but`."""

    moment: str
    segment: Segment
    start: Micros
    end: Micros
    but: tuple[Segment, ...] = ()

    def covers(self, other: "Place") -> bool:
        """Whether every break of the other place is one of this."""
        if self.moment != other.moment or self.start > other.start or self.end < other.end:
            return False
        if not set(self.but) <= set(other.but):
            return False
        theirs = dict(other.segment)
        return all(set(theirs.get(name, ())) and set(theirs[name]) <= set(of) for name, of in self.segment)

    def has(self, dimensions: Mapping[str, str]) -> bool:
        """Whether a break with these dimensions lies here, its time aside."""
        return holds(self.segment, dimensions) and not any(holds(each, dimensions) for each in self.but)


def place_of(interruption: Interruption, now: Micros) -> Place:
    """Where an interruption did its harm, up to its end or to now."""
    end = interruption.resolved_at if interruption.resolved_at is not None else now + 1
    return Place(interruption.moment, interruption.segment, interruption.onset, max(end, interruption.onset))


def outermost(places: Iterable[Place]) -> list[Place]:
    """The places that no other one covers; of equal ones the first."""
    kept: list[Place] = []
    for place in places:
        if not any(other.covers(place) for other in kept):
            kept = [other for other in kept if not place.covers(other)]
            kept.append(place)
    return kept


class Contact(msgspec.Struct, frozen=True, gc=False):
    """Something that was done for a customer of an interruption; append-only, the last one stands."""

    interruption: str
    customer: str
    state: ContactState
    at: Micros
    by: str
    note: str = ""


class Hurt(msgspec.Struct, frozen=True, gc=False):
    """One customer of a recovery list. `value`, `yearly`: minor units.

    `waiting`: a promise of theirs is not kept yet. `settled_late`: all were, after they had broken.
    `unknown`: they wait for no other, but of one no outcome came for so long that it was given up. `complained_at`:
    their last complaint, where one came after their first break. `contact`: None while nobody did anything.
    """

    customer: str
    broken: int
    value: int
    first_at: Micros
    last_at: Micros
    waiting: bool = False
    settled_late: bool = False
    unknown: bool = False
    complained_at: Micros | None = None
    contact: Contact | None = None
    yearly: int | None = None
    segment: str | None = None

    @property
    def state(self) -> ContactState:
        """How far the recovery is."""
        return self.contact.state if self.contact else "to_contact"


class Repeat(msgspec.Struct, frozen=True, gc=False):
    """A customer with several broken promises: how many, of how many moments; money in minor units."""

    customer: str
    broken: int
    moments: int
    value: int
    last_at: Micros
    yearly: int | None = None
    segment: str | None = None

    @property
    def worth(self) -> int:
        """What they are ranked by: their yearly value, or where nobody told it the value of what broke."""
        return self.value if self.yearly is None else self.yearly


class Client(msgspec.Struct, frozen=True, gc=False):
    """A row of the operators' table of customers: their segment, and their yearly value in minor units."""

    customer: str
    segment: str | None = None
    yearly: int | None = None


class SegmentHarm(msgspec.Struct, frozen=True, gc=False):
    """A customer segment: how many customers the table lists, whom it hit, what that cost; money in minor units.

    `segment` None: customers whose segment nobody told. `complaints`: how many they made, each a contact to serve.
    """

    segment: str | None
    listed: int
    customers: int
    broken: int
    value: int
    yearly: int
    complaints: int


class Unfolding(msgspec.Struct, frozen=True, gc=False):
    """How harm came about.

    `newly`: (start of a step, customers who were hit in it first); steps are aligned to 1970, those without anybody
    are left out. `complained`: customers who complained after their first break.
    """

    impact: Impact
    newly: tuple[tuple[Micros, int], ...] = ()
    complained: int = 0


class AuditEntry(msgspec.Struct, frozen=True, gc=False):
    """Who saw or changed what of customers, and in which role; append-only. `subject` never is a customer's id."""

    at: Micros
    by: str
    role: str
    what: Literal["exported", "identified", "forgot", "contact"]
    subject: str
    note: str = ""


class Erased(msgspec.Struct, frozen=True, gc=False):
    """What forgetting a customer changed, in rows; `tombstone`: what stands in the id's place from now on."""

    tombstone: str
    breaks: int = 0
    promises: int = 0
    voices: int = 0
    contacts: int = 0
    dead_letters: int = 0

    @property
    def total(self) -> int:
        """All rows that held the id."""
        return self.breaks + self.promises + self.voices + self.contacts + self.dead_letters


def forgot(erased: Erased, by: str, at: Micros) -> AuditEntry:
    """The audit's line, which must not say who it was."""
    said = f"{erased.total} rows, {erased.dead_letters} of them dead letters that are gone"
    return AuditEntry(at, by, "", "forgot", erased.tombstone, said)


class PeopleReader(Protocol):
    """The questions about customers; figures are as amended, and distinct customers are counted, never summed."""

    def harm(self, places: Sequence[Place]) -> Impact:
        """Exact distinct customers, breaks and value over places that may overlap."""
        ...

    def unfolding(self, places: Sequence[Place], step: Micros) -> Unfolding:
        """The harm, whom it hit when, and who complained of it, of one look at the breaks."""
        ...

    def hurt(
        self,
        places: Sequence[Place],
        interruption: str = "",
        *,
        state: ContactState | None = None,
        limit: int = 1000,
        offset: int = 0,
    ) -> list[Hurt]:
        """The recovery list: who still waits first, then by value; contacts are those of an interruption."""
        ...

    def contact_counts(
        self, places: Sequence[Place], interruption: str, *, everybody: int | None = None
    ) -> dict[ContactState, int]:
        """How many customers of some places stand where in an interruption's recovery. `everybody`: if known."""
        ...

    def contacts(self, interruption: str, customer: str) -> list[Contact]:
        """Everything that was done for a customer, in order."""
        ...

    def reached(self, places: Sequence[Place]) -> int:
        """Distinct customers of some places who were contacted or made good with, in whichever interruption."""
        ...

    def first_breaks(self, places: Sequence[Place]) -> dict[str, int]:
        """Customers by the moment in which they were hit first."""
        ...

    def hit_later(self, first: Sequence[Place], later: Sequence[Place]) -> int:
        """Distinct customers hit in the one places, and after that in the others."""
        ...

    def promised_to(self, moments: Sequence[str], start: Micros, end: Micros) -> int:
        """Distinct customers with a keyed promise due in [start, end)."""
        ...

    def repeats(self, places: Sequence[Place]) -> dict[int, int]:
        """Customers by how many of their promises were broken."""
        ...

    def repeaters(self, places: Sequence[Place], least: int, *, limit: int = 100) -> list[Repeat]:
        """Those with at least so many broken promises, by value."""
        ...

    def worth(self, places: Sequence[Place]) -> tuple[int, int]:
        """(distinct customers whose yearly value is known, the sum of these values) over places."""
        ...

    def known(self, places: Sequence[Place]) -> tuple[int, int]:
        """(customers whom the operators' table or a customer event named, those among them whom places hit)."""
        ...

    def hit_among(self, places: Sequence[Place], names: Collection[str]) -> set[str]:
        """Those of some customers whom places hit."""
        ...

    def segments(self, places: Sequence[Place], start: Micros, end: Micros) -> list[SegmentHarm]:
        """Customer segments by name, with whom places hit and how often they complained in [start, end)."""
        ...

    def audit(self, *, limit: int = 100) -> list[AuditEntry]:
        """Newest first."""
        ...

    def marks(self, interruption: str) -> list[Mark]:
        """Revenue at risk of an interruption as it was frozen, in order of time."""
        ...


class PeopleStore(PeopleReader, Protocol):
    """What is written about customers, each call a transaction of its own."""

    def add_contacts(self, contacts: Sequence[Contact]) -> None:
        """Append what was done."""
        ...

    def add_audit(self, entry: AuditEntry) -> None:
        """Append who saw or changed what."""
        ...

    def save_mark(self, mark: Mark) -> bool:
        """Freeze money; False where it was frozen before, and stands as it is."""
        ...

    def list_clients(self, clients: Iterable[Client], name: Callable[[str], str] = str) -> int:
        """Replace the operators' table of customers; how many rows it has now.

        `clients` have their ids; `name` gives what these are kept as. Who was forgotten is left out.
        """
        ...

    def adopt(self, names: Pseudonyms) -> int:
        """Go on with some keys: what is stored gets the names that keys not applied yet give; how many rows.

        Raises StoreRefused where the rows were written with other keys, or with more.
        """
        ...

    def forget(self, customer: str, *, by: str, at: Micros, known_as: str | None = None) -> Erased:
        """Put a random tombstone in the place of an id, everywhere and for whatever is read again; and audit it.

        `known_as`: the pseudonym under which rows have it. Forgetting twice gives the same tombstone. Every claim is
        stale afterwards, so that no batch in hand brings the id back.
        """
        ...


def all_hurt(
    reader: PeopleReader, places: Sequence[Place], interruption: str = "", page: int = 10_000
) -> Iterator[Hurt]:
    """The whole recovery list, read in pages."""
    offset = 0
    while True:
        rows = reader.hurt(places, interruption, limit=page, offset=offset)
        yield from rows
        if len(rows) < page:
            return
        offset += page


def moments_of(places: Collection[Place]) -> list[str]:
    """The moments of some places, each once."""
    return sorted({place.moment for place in places})
