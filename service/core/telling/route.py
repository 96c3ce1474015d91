"""From what happened to notices: which changes are news, and each dispatch as one notice a target."""

import uuid
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from service.core.catalog import Catalog, Level, Moment
from service.core.event import Micros, rfc3339
from service.core.interruption import Change, Interruption
from service.core.telling.desk import Dispatch, News, Reason
from service.core.telling.grouped import grouped
from service.core.telling.labels import accountable
from service.core.telling.message import Facts, Occasion, words

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
    state: Literal["open", "acknowledged", "resolved", "none"] = "none"
    repeat: bool = False
    asks: bool = False
    """The link leads to a button that somebody is asked to press."""
    root: str = ""
    """What the target calls the first message of the conversation; known when this one is sent."""
    anew: bool = False
    """Its incident was closed there, and is to be opened once more."""


class Notice(msgspec.Struct, frozen=True, gc=False):
    """One row of the outbox: a message for one target, and why; `about`: every interruption that it names."""

    key: str
    target: str
    reason: Reason
    message: Message
    interruption: str | None = None
    moment: str | None = None
    owner: str | None = None
    route: str = ""
    about: tuple[str, ...] = ()
    instead_of: tuple[str, ...] = ()
    """The targets that could not be reached with it before."""
    at: Micros | None = None
    """When what it says happened; None where it only says that it goes on."""


def news_of(change: Change, muted: Reason | None) -> News | None:
    """What of a change is news to people; None: it is for the page.

    `muted`: None while the watch is up to date. After history was read without paging, the reason that
    stands in for the ordinary one: `found_late` for what is still open, given with its opening;
    `was_open_while_away` for what opened and resolved meanwhile, given with its resolution, which makes one
    quiet notice. Any other reason: nobody is told. What opened unheard keeps the key of its opening, so that
    it is told once, late or not.
    """
    it = change.interruption
    what = _occasion(change, muted)
    if what is None or not it.notifies:
        return None
    return News(_news_key(it, what, change.at), what, change.at, it)


def notices(
    dispatch: Dispatch,
    facts: Mapping[str, Facts],
    catalog: Catalog,
    public_url: str,
    sign: Callable[[str, str], str] | None = None,
) -> list[Notice]:
    """A dispatch as one notice a target; `facts`: by interruption, gathered when it goes out.

    `sign`: makes the token of a link that acknowledges, from an interruption and the target that is told.
    """
    first = dispatch.items[0]
    it = msgspec.structs.replace(first.interruption, level=first.level)
    base = public_url.rstrip("/")
    alone = len(dispatch.items) == 1
    if alone:
        moment = catalog.moments.get(it.moment) or Moment(it.moment, "")
        owner = catalog.owners.get(dispatch.receiver) or accountable(moment, it.segment, catalog)
        what = _said(dispatch)
        text = words(what, it, moment, owner, facts.get(it.id) or Facts(it.detected_at))
        link = f"{base}/interruptions/{it.id}" if base else ""
    else:
        text, link = grouped(dispatch, facts, catalog, base), base
    quiet = dispatch.reason == "was_open_while_away"
    asks = alone and bool(base) and _said(dispatch) not in {*_ENDS, "stale", "acknowledged"}
    made = []
    for target in dispatch.targets:
        key = _notice_key(dispatch, target)
        message = Message(
            key=key,
            thread=_thread(dispatch),
            title=text.title,
            # The button's link runs out, and this one does not.
            lines=(*text.lines, f"Everything about it: {link}") if asks and sign is not None else text.lines,
            level="low" if quiet else it.level,
            link=_asking(link, base, it.id, target, sign) if asks else link,
            asks=asks,
            state=_state(dispatch, alone=alone),
            anew=dispatch.reason == "reopened",
        )
        about = tuple(item.interruption.id for item in dispatch.items)
        made.append(
            Notice(
                key,
                target,
                dispatch.reason,
                message,
                it.id,
                it.moment,
                dispatch.receiver,
                dispatch.path,
                about,
                at=max((item.news.at for item in dispatch.items if item.news is not None), default=None),
            )
        )
    return made


def _state(dispatch: Dispatch, *, alone: bool) -> Literal["open", "acknowledged", "resolved"]:
    if dispatch.over or (alone and _said(dispatch) in _ENDS):
        return "resolved"
    return "acknowledged" if dispatch.reason == "acknowledged" else "open"


def _asking(link: str, base: str, identity: str, target: str, sign: Callable[[str, str], str] | None) -> str:
    """The page with one button, which is what somebody needs at three in the morning."""
    return f"{base}/acknowledge/{sign(identity, target)}" if sign is not None else link


def trial(target: str, at: Micros, key: str, public_url: str) -> Notice:
    """A notice that is only a test; `key`: a new one each time, or targets would drop it as a double."""
    lines = (
        "This is a test of the way that notices take; nothing is wrong with any customer.",
        f'It was sent to target "{target}" at {rfc3339(at)}.',
    )
    title = "TEST · momentwatch can reach you"
    message = Message(key=key, thread=key, title=title, lines=lines, level="low", link=public_url)
    return Notice(key, target, "test", message)


def _said(dispatch: Dispatch) -> Occasion:
    news = dispatch.items[0].news
    if dispatch.reason in ("escalated", "acknowledged"):  # a tuple narrows the type
        return dispatch.reason
    return "repeat" if dispatch.reason == "repeat" or news is None else news.what


def _thread(dispatch: Dispatch) -> str:
    """An interruption's own conversation where it is told of alone, else its group's."""
    if [name for name, _ in dispatch.labels] == ["interruption"]:
        return dispatch.items[0].interruption.id
    return str(uuid.uuid5(_NAMESPACE, f"{dispatch.group}\x1f{dispatch.born}"))


def _notice_key(dispatch: Dispatch, target: str) -> str:
    """The same for the same news to the same target, whoever computes it, so that doubles drop out."""
    news = dispatch.items[0].news
    if len(dispatch.items) == 1 and news is not None:
        parts = [news.key, target]
    else:
        # A group of the same name that comes when this one is over counts its messages from one again.
        parts = [dispatch.group, str(dispatch.born), str(dispatch.number), dispatch.reason, target]
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join(parts)))


def _news_key(it: Interruption, what: Occasion, at: Micros) -> str:
    if what in {"opened", "found_late"}:
        parts = [it.id, "opened"]
    elif what == "level_changed":
        parts = [it.id, what, it.level, rfc3339(at)]
    elif what == "stale":
        parts = [it.id, what, rfc3339(at)]
    else:
        # A resolution heard live and the same one found on catching up are one piece of news.
        parts = [it.id, "resolved", rfc3339(at)]
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join(parts)))


_ENDS = {"resolved", "withdrawn", "was_open_while_away"}
_ORDINARY: dict[str, Occasion] = {
    "opened": "opened",
    "level": "level_changed",
    "resolved": "resolved",
    "withdrawn": "withdrawn",
    "stale": "stale",
}
"""More evidence, that it seems to be over and that data is back are for the page."""


def _occasion(change: Change, muted: Reason | None) -> Occasion | None:
    if muted is None:
        return _ORDINARY.get(change.what)
    if muted == "found_late" and change.what == "opened":
        return "found_late"
    if muted == "was_open_while_away" and change.what == "resolved":
        return "was_open_while_away"
    return None
