"""What people ask for over HTTP, checked and put into the store: actions, silences; from forms and from programs."""

import uuid
from collections.abc import Callable, Sequence

import msgspec
from starlette.exceptions import HTTPException

from service.adapters.catalog import duration
from service.adapters.web.access.actor import Actor
from service.core.catalog import Catalog
from service.core.event import Micros, rfc3339
from service.core.handling import Action, Handling, Refused, Verb
from service.core.interruption import Interruption
from service.core.ports import Store
from service.core.routes import Matcher
from service.core.telling.desk import News
from service.core.telling.labels import matcher_of
from service.core.telling.silence import Silence

_NAMESPACE = uuid.UUID("9a0f1f6e-6f7b-5a51-8d25-0f4e8d8a7c11")
LONGEST_TEXT = 2_000
LONGEST_WORD = 200
MOST_MATCHERS = 20
LONGEST_SILENCE = 365 * 86_400_000_000


class Unsound(ValueError):  # noqa: N818  # what was asked for cannot be done as it is written
    """A field's value is wrong; the text names the field, the value and the remedy."""


class FrontDesk:
    """Takes what an actor asks for. `clock`: the wall time, which actions and silences go by."""

    def __init__(self, store: Store, catalog: Callable[[], Catalog], clock: Callable[[], Micros]) -> None:
        self._store = store
        self._catalog = catalog
        self._clock = clock

    def interruption(self, identity: str) -> Interruption:
        """One by its id, or 404."""
        found = self._store.interruption(identity)
        if found is None:
            raise HTTPException(404)
        return found

    def act(  # what a form has
        self,
        actor: Actor,
        identity: str,
        verb: Verb,
        *,
        value: str = "",
        note: str = "",
        within: str = "",
        origin: str = "page",
    ) -> Handling:
        """Do something about an interruption. Raises 403, 404, Unsound and Refused."""
        it = self.interruption(identity)
        if not actor.may_act(it, self._catalog()):
            raise HTTPException(403, f"{actor.name} may read, and not act on {it.moment}")
        now = self._clock()
        action = Action(
            interruption=it.id,
            at=now,
            verb=verb,
            by=_word("by", actor.name),
            value=_word("value", value or (actor.name if verb == "assign" and not value else "")),
            note=_text("note", note),
            until=now + _span("within", within) if within else None,
            origin=origin,
        )
        return self._store.act(action, self._news(it, action))

    def _news(self, it: Interruption, action: Action) -> Sequence[News]:
        """What others are told of it: a level that somebody changed, an end that somebody saw, and that it was none."""
        key = str(uuid.uuid5(_NAMESPACE, f"{it.id}\x1f{action.verb}\x1f{action.value}\x1f{rfc3339(action.at)}"))
        if action.verb == "level" and it.is_open:
            before = self._store.handlings([it.id]).get(it.id, Handling()).level or it.level
            return (News(key, "level_changed", action.at, it, before),)
        if action.verb == "resolve" and it.is_open:
            return (News(key, "resolved", action.at, it),)
        if action.verb == "reopen" and it.is_open:
            return (News(key, "reopened", action.at, it),)
        return ()

    def silence(  # what a form has
        self,
        actor: Actor,
        matchers: Sequence[str],
        *,
        reason: str,
        lasts: str,
        starts_in: str = "",
        maintenance: bool = False,
        remind: str = "15m",
    ) -> Silence:
        """Make a silence. Raises 403 and Unsound."""
        if not actor.may_silence:
            raise HTTPException(403, f"{actor.name} may not silence notices for everybody")
        now = self._clock()
        span = _span("lasts", lasts)
        if not 0 < span <= LONGEST_SILENCE:
            raise Unsound(f"lasts: {lasts!r} is not between a moment and a year; write one such as 2h")
        starts = now + (_span("starts_in", starts_in) if starts_in else 0)
        reason = _text("reason", reason)
        if not reason.strip():
            raise Unsound("reason: is empty; say why nobody is to be told")
        silence = Silence(
            id=str(uuid.uuid4()),
            matchers=_matchers(matchers),
            starts=starts,
            ends=starts + span,
            author=_word("author", actor.name),
            reason=reason,
            created_at=now,
            kind="maintenance" if maintenance else "silence",
            # What is over before there was anything to be reminded of needs no reminder.
            remind=before if (before := _span("remind", remind) if remind else 0) < span else 0,
        )
        self._store.put_silence(silence)
        return silence

    def end_silence(self, actor: Actor, identity: str) -> Silence:
        """End a silence now. Raises 403 and 404."""
        if not actor.may_silence:
            raise HTTPException(403, f"{actor.name} may not end silences")
        now = self._clock()
        for one in self._store.silences(now):
            if one.id == identity:
                by = _word("by", actor.name)
                ended = msgspec.structs.replace(one, starts=min(one.starts, now), ends=now, ended_by=by)
                self._store.put_silence(ended)
                return ended
        raise HTTPException(404)


def _matchers(texts: Sequence[str]) -> tuple[Matcher, ...]:
    given = [text for text in texts if text.strip()]
    if not given:
        raise Unsound('matchers: none is given; write one such as moment="checkout"')
    if len(given) > MOST_MATCHERS:
        raise Unsound(f"matchers: {len(given)} are too many; write {MOST_MATCHERS} at most")
    found = []
    for text in given:
        try:
            found.append(matcher_of(_word("matchers", text)))
        except ValueError as error:
            raise Unsound(f"matchers: {error}") from None
    return tuple(found)


def _span(field: str, text: str) -> Micros:
    try:
        return duration.parse(text.strip())
    except ValueError as error:
        raise Unsound(f"{field}: {error}") from None


def _word(field: str, text: str) -> str:
    return checked(field, text, LONGEST_WORD)


def _text(field: str, text: str) -> str:
    return checked(field, text, LONGEST_TEXT)


def checked(field: str, text: str, longest: int) -> str:
    """A text without edges. Raises Unsound where it is too long, or holds what nobody can read."""
    text = text.strip()
    if len(text) > longest:
        raise Unsound(f"{field}: has {len(text)} characters; write {longest} at most")
    if any(ord(c) < 32 and c not in "\t\r\n" for c in text) or any(0xD800 <= ord(c) <= 0xDFFF for c in text):  # noqa: PLR2004  # controls, surrogates
        raise Unsound(f"{field}: holds control characters; remove them")
    return text


__all__ = ["FrontDesk", "Refused", "Unsound"]
