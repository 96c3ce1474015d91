"""Writing down what was done for customers whom an interruption hit: from the recovery list and from programs."""

from collections.abc import Callable, Sequence

from starlette.exceptions import HTTPException

from service.adapters.web.access.actor import Actor
from service.adapters.web.desk import LONGEST_TEXT, Unsound, checked
from service.core.catalog import Catalog
from service.core.event import Micros
from service.core.interruption import Interruption
from service.core.people import CONTACT_STATES, AuditEntry, Contact, ContactState, place_of
from service.core.ports import Store

_FAR = 1 << 62
MOST = 1_000
"""Customers marked at once."""


class Contacting:
    """Marks customers. `clock`: the wall time. `changed`: told of an interruption whose recovery moved on."""

    def __init__(
        self,
        store: Store,
        catalog: Callable[[], Catalog],
        clock: Callable[[], Micros],
        changed: Callable[[str], None],
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._clock = clock
        self._changed = changed

    def allowed(self, actor: Actor, identity: str) -> Interruption:
        """The interruption, for who may act on it. Raises 403 and 404."""
        it = self._store.interruption(identity)
        if it is None:
            raise HTTPException(404)
        if not actor.may_act(it, self._catalog()):
            raise HTTPException(403, "customers are shown to those who may act on the interruption")
        return it

    def mark(self, actor: Actor, identity: str, customers: Sequence[str], state: ContactState, note: str) -> int:
        """Say where some customers stand from now on; how many. Raises 403, 404 and Unsound, with nobody marked."""
        it = self.allowed(actor, identity)
        names = sorted(set(customers))
        if not names:
            raise Unsound("customers: nobody is chosen; choose one of the list at least")
        if len(names) > MOST:
            raise Unsound(f"customers: {len(names)} are too many at once; choose {MOST} at most")
        note = checked("note", note, LONGEST_TEXT)
        unknown = set(names) - self._store.hit_among([place_of(it, _FAR)], names)
        if unknown:
            raise Unsound(f"customers: {len(unknown)} of {len(names)} were not hit by it; take names from the list")
        at = self._clock()
        self._store.add_contacts([Contact(it.id, name, state, at, actor.name, note) for name in names])
        self._store.add_audit(AuditEntry(at, actor.name, actor.role, "contact", it.id, f"{len(names)} {state}"))
        self._changed(it.id)
        return len(names)


def state_of(text: str) -> ContactState:
    """A state by its name. Raises Unsound."""
    for state in CONTACT_STATES:
        if state == text:
            return state
    raise Unsound(f"state: {text[:40]!r} is not one; write {', '.join(CONTACT_STATES)}")
