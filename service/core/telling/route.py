"""From what happened to who is told: notices with a named reason, one a target, with deterministic keys."""

import uuid
from typing import Literal

import msgspec

from service.core.catalog import Catalog, Level, Moment, Owner
from service.core.event import Micros, rfc3339
from service.core.interruption import Change, Interruption, Segment
from service.core.telling.message import Facts, Occasion, words

Reason = Literal["opened", "level_changed", "resolved", "found_late", "was_open_while_away", "digest", "test"]
"""Why a notice is sent; kept with it and shown."""

_NAMESPACE = uuid.UUID("0d6fbb0c-5a0b-5c39-8d0c-6a4a1fdf2c11")


class Message(msgspec.Struct, frozen=True, gc=False):
    """What is sent, before it is put into a target's form.

    `key` identifies the notice, `thread` the conversation. `title`: the first line and the mail's subject.
    `lines`: plain text, the most important first; a phone shows the title and two of them. `html`: a mail's
    body where one was made, else it is made from the lines. `state`: what the conversation stands at
    afterwards, for targets that keep incidents of their own. `repeat`: an earlier attempt ended without a
    clear answer, so that the reader may have it already and is told so.
    """

    key: str
    thread: str
    title: str
    lines: tuple[str, ...]
    level: Level
    link: str = ""
    html: str = ""
    state: Literal["open", "resolved", "none"] = "none"
    repeat: bool = False


class Notice(msgspec.Struct, frozen=True, gc=False):
    """One row of the outbox: a message for one target, and why."""

    key: str
    target: str
    reason: Reason
    message: Message
    interruption: str | None = None
    moment: str | None = None
    owner: str | None = None


def notices(change: Change, facts: Facts, catalog: Catalog, *, muted: Reason | None, public_url: str) -> list[Notice]:
    """Who is told about a change of an interruption: each target of the owner accountable, once.

    `muted`: None while the watch is up to date. After history was read without paging, the reason that
    stands in for the ordinary one: `found_late` for what is still open, given with its opening;
    `was_open_while_away` for what opened and resolved meanwhile, given with its resolution, which makes one
    quiet notice. Any other reason: nobody is told. What opened unheard keeps the key of its opening, so that
    it is told once, late or not.
    """
    it = change.interruption
    moment = catalog.moments.get(it.moment)
    what = _occasion(change, muted)
    if what is None or moment is None or not it.notifies:
        return []
    owner = accountable(moment, it.segment, catalog)
    text = words(what, it, moment, owner, facts)
    quiet = what == "was_open_while_away"
    link = f"{public_url.rstrip('/')}/interruptions/{it.id}" if public_url else ""
    made = []
    for target in dict.fromkeys(owner.targets):
        key = notice_key(it, what, change.at, target)
        message = Message(
            key=key,
            thread=it.id,
            title=text.title,
            lines=text.lines,
            level="low" if quiet else it.level,
            link=link,
            state="resolved" if what in {"resolved", "was_open_while_away"} else "open",
        )
        made.append(Notice(key, target, what, message, it.id, it.moment, owner.name))
    return made


def trial(target: str, at: Micros, key: str, public_url: str) -> Notice:
    """A notice that is only a test; `key`: a new one each time, or targets would drop it as a double."""
    lines = (
        "This is a test of the way that notices take; nothing is wrong with any customer.",
        f'It was sent to target "{target}" at {rfc3339(at)}.',
    )
    title = "TEST · momentwatch can reach you"
    message = Message(key=key, thread=key, title=title, lines=lines, level="low", link=public_url)
    return Notice(key, target, "test", message)


def accountable(moment: Moment, segment: Segment, catalog: Catalog) -> Owner:
    """The owner of a segment where all of its values have the same one, else the moment's."""
    for dimension, values in segment:
        by_value = moment.owner_by.get(dimension, {})
        names = {by_value.get(value) for value in values}
        name = names.pop() if len(names) == 1 else None
        if name is not None and name in catalog.owners:
            return catalog.owners[name]
    return catalog.owners.get(moment.owner) or Owner(moment.owner)


def notice_key(it: Interruption, what: Occasion, at: Micros, target: str) -> str:
    """The same for the same news to the same target, whoever computes it, so that doubles drop out."""
    if what in {"opened", "found_late"}:
        parts = [it.id, "opened", target]
    elif what == "level_changed":
        parts = [it.id, what, it.level, rfc3339(at), target]
    else:
        # A resolution heard live and the same one found on catching up are one piece of news.
        parts = [it.id, "resolved", rfc3339(at), target]
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join(parts)))


_ORDINARY: dict[str, Occasion] = {"opened": "opened", "level": "level_changed", "resolved": "resolved"}
"""More evidence, staleness and withdrawal are for the page."""


def _occasion(change: Change, muted: Reason | None) -> Occasion | None:
    if muted is None:
        return _ORDINARY.get(change.what)
    if muted == "found_late" and change.what == "opened":
        return "found_late"
    if muted == "was_open_while_away" and change.what == "resolved":
        return "was_open_while_away"
    return None
