"""Under which name a customer is kept, and a promise's key: as sent, as a keyed pseudonym, or as a tombstone."""

import hmac
from base64 import b32encode
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from service.core.event import Annotation, DeadLetter, Event, Outcome, Promise, Record

PSEUDONYM = "mw1."
"""How pseudonyms begin, so that one which is read again, from a dead letter or an export, stays as it is."""
TOMBSTONE = "forgotten-"
_LONGEST = 512
_MOST_CACHED = 100_000


def keyed(key: bytes, text: str) -> bytes:
    """HMAC-SHA256."""
    return hmac.digest(key, text.encode(), "sha256")


class WrongKeys(Exception):  # noqa: N818  # said of what was given
    """A store's customers have names of keys that are not here, or not in this order."""


class Pseudonyms:
    """Names in the place of ids: the same id has always the same, and without the keys there is no way from one to it.

    `keys`: oldest first; they may be asked each time, so that one is added while it runs. A key that is added is
    applied to what the keys before gave, here and to everything stored, so that a customer stays one customer, while
    names that got out under the older keys lead nowhere any more.
    """

    def __init__(self, keys: Sequence[bytes] | Callable[[], Sequence[bytes]]) -> None:
        self._ask = keys if callable(keys) else lambda: keys

    @property
    def _keys(self) -> tuple[bytes, ...]:
        return tuple(self._ask())

    def fixed(self) -> "Pseudonyms":
        """With the keys as they are now."""
        return Pseudonyms(self._keys)

    def in_force(self, fingerprints: Sequence[str]) -> "Pseudonyms":
        """With those keys only that a store's names were made with. Raises WrongKeys where they are not the first."""
        mine = Pseudonyms(self._keys[: len(fingerprints)])
        if mine.fingerprints != tuple(fingerprints):
            raise WrongKeys(
                f"its customers are pseudonyms made with {len(fingerprints)} keys, and customers.pseudonym_keys here, "
                f"{len(self._keys)} of them, does not begin with these; give this process the same keys, oldest first"
            )
        return mine

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """By which a store knows the keys that it was written with, without being able to use them."""
        return tuple(keyed(key, "momentwatch: which key is this?").hex()[:16] for key in self._keys)

    def __call__(self, customer: str, since: int = 0) -> str:
        """The name of an id. `since`: how many of the keys were applied to it already."""
        if customer.startswith(TOMBSTONE) or (not since and customer.startswith(PSEUDONYM)):
            return customer
        for key in self._keys[since:]:
            digest = keyed(key, customer)
            customer = PSEUDONYM + b32encode(digest[:20]).decode().lower()
        return customer


class Forgetting(msgspec.Struct, frozen=True, gc=False):
    """Who was forgotten: tombstones by the keyed hash of an id, so that the list does not tell whom it holds.

    `keys`: the fingerprints of what the names of the others are made with; None: whatever the process has.
    """

    salt: bytes = b""
    tombstones: Mapping[str, str] = {}
    keys: tuple[str, ...] | None = None

    def mark(self, customer: str) -> str:
        """Under which an id stands in the list."""
        return keyed(self.salt, customer).hex()

    def tombstone(self, customer: str) -> str | None:
        """What stands for an id that was forgotten."""
        return self.tombstones.get(self.mark(customer)) if self.tombstones else None


class Identities:
    """Gives records the names under which their customers and promises are kept.

    What is in force is the store's word: a key that was added is used when the store's names were brought to it, and
    none of whoever has not heard of it. Raises WrongKeys.
    """

    def __init__(self, forgetting: Forgetting, pseudonyms: Pseudonyms | None = None) -> None:
        self._forgetting = forgetting
        if forgetting.keys is None:
            self._pseudonyms = pseudonyms
        else:
            known = (pseudonyms or Pseudonyms(())).in_force(forgetting.keys)
            self._pseudonyms = known if forgetting.keys else None
        self._names: dict[str, str] = {}

    @property
    def idle(self) -> bool:
        """Every customer is kept as sent."""
        return self._pseudonyms is None and not self._forgetting.tombstones

    def name(self, customer: str) -> str:
        """Of one customer; remembered, because customers come again."""
        known = self._names.get(customer)
        if known is None:
            known = self.key(customer)
            if len(self._names) >= _MOST_CACHED:
                self._names.clear()
            self._names[customer] = known
        return known

    def key(self, key: str) -> str:
        """Of a promise's key: an order's number leads to its customer as surely as an id, and may be one."""
        known = self._forgetting.tombstone(key)
        if known is not None:
            return known
        return key if self._pseudonyms is None else self._pseudonyms(key)

    def named(self, records: Sequence[Record]) -> Sequence[Record]:
        """The records with those names."""
        return records if self.idle else [self._named(record) for record in records]

    def _named(self, record: Record) -> Record:
        event = record.event
        if isinstance(event, Annotation) or event.customer is None:
            return record
        name = self.name(event.customer)
        if name.startswith(TOMBSTONE):
            event = anonymous(event, name)
        elif name != event.customer:
            event = msgspec.structs.replace(event, customer=name)
        if isinstance(event, Outcome | Promise) and event.key is not None:
            # Whosever promise it is: the id of somebody who was forgotten is no name for it any more.
            key = self.key(event.key)
            if key != event.key:
                event = msgspec.structs.replace(event, key=key)
        return record if event is record.event else Record(record.offset, record.at, event)

    def buried(self, letters: Iterable[DeadLetter]) -> list[DeadLetter]:
        """Dead letters without the payloads that hold an id which is not kept as sent.

        Where ids are pseudonyms no payload is kept: what could not be read may hold an id anywhere.
        """
        if self.idle:
            return list(letters)
        return [
            _emptied(letter)
            if self._pseudonyms is not None or any(map(self._forgetting.tombstone, texts_of(letter.payload)))
            else letter
            for letter in letters
        ]


def _emptied(letter: DeadLetter) -> DeadLetter:
    """Without payload and headers, and without the value where it is the customer's that was wrong."""
    detail = "customer: its value is not kept" if letter.detail.startswith("customer") else letter.detail
    return msgspec.structs.replace(letter, payload=b"", detail=detail, headers=None)


def anonymous(event: Event, tombstone: str) -> Event:
    """An event of a customer who was forgotten: without the id, and without what they wrote themselves."""
    if isinstance(event, Annotation) or event.customer is None:
        return event
    changed: dict[str, object] = {"customer": tombstone}
    if getattr(event, "text", None) is not None:
        changed["text"] = None
    dimensions: Mapping[str, str] | None = getattr(event, "dimensions", None)
    if dimensions:
        changed["dimensions"] = without(dimensions, event.customer, tombstone)
    return msgspec.structs.replace(event, **changed)


def without(dimensions: Mapping[str, str], customer: str, tombstone: str) -> dict[str, str]:
    """Dimensions with a tombstone wherever a value is the id."""
    return {name: tombstone if value == customer else value for name, value in dimensions.items()}


def texts_of(payload: bytes) -> set[str]:
    """Every text and whole number that a payload holds as JSON; nothing where it is none."""
    try:
        found = [msgspec.json.decode(payload)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return set()
    texts: set[str] = set()
    while found:
        value = found.pop()
        if isinstance(value, dict):
            found.extend(value.values())
        elif isinstance(value, list):
            found.extend(value)
        elif isinstance(value, str):
            if len(value) <= _LONGEST:
                texts.add(value)
        elif isinstance(value, int) and not isinstance(value, bool):
            texts.add(str(value))
    return texts


def holds_id(payload: bytes, detail: str, customer: str) -> bool:
    """Whether a dead letter holds an id: as a value of its JSON, else as a word of its bytes or of what was wrong."""
    if _has_word(detail, customer):
        return True
    texts = texts_of(payload)
    if texts:
        return customer in texts or any(_has_word(text, customer) for text in texts)
    return _has_word(payload.decode(errors="replace"), customer)


def _has_word(text: str, word: str) -> bool:
    """Whether a text holds a word with nothing beside it that would make it another id."""
    at = text.find(word)
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(word) : at + len(word) + 1]
        if not _glues(before) and not _glues(after):
            return True
        at = text.find(word, at + 1)
    return False


def _glues(character: str) -> bool:
    return character.isalnum() or character in {"-", "_"} if character else False
