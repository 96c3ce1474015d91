"""The wall: every moment a tile, in the journeys' order, the worst first in its stage."""

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from service.adapters.web import figures
from service.adapters.web.listing import Line, line, newest_first
from service.adapters.web.look import Look
from service.adapters.web.tile import WEEK, Seen, Tile, see, tile
from service.adapters.web.words import about, counted, listed, plain, span, whole
from service.core.catalog import Catalog
from service.core.event import HOUR, Micros
from service.core.interruption import Interruption
from service.core.ports import Reader
from service.core.reporting.knowing import Knowing

_LATELY = 5


class Column(msgspec.Struct, frozen=True, gc=False):
    """A stage."""

    title: str
    executive: str
    tiles: tuple[Tile, ...]


class Section(msgspec.Struct, frozen=True, gc=False):
    """A journey; the last one holds the moments that are in none."""

    title: str
    goal: str
    columns: tuple[Column, ...]
    href: str = ""


class Headline(msgspec.Struct, frozen=True, gc=False):
    """A figure above the wall; `bad` where it asks for attention."""

    figure: str
    says: str
    note: str = ""
    bad: bool = False


class Wall(msgspec.Struct, frozen=True, gc=False):
    """Everything on the page; `solo`: there is one moment, and room to show it large. `quiet`: nothing came so far.

    `tone`: of the summary; plain while nothing is known to be well.
    """

    as_of: str
    as_of_iso: str
    summary: str
    tone: Literal["bad", "calm", "plain"]
    quiet: bool
    declared: bool
    headlines: tuple[Headline, ...]
    sections: tuple[Section, ...]
    lately: tuple[Line, ...]
    solo: bool


def build(look: Look, knowing: Knowing) -> Wall:
    """Read every moment and lay out the page."""
    reader, catalog, now, words = look.reader, look.catalog, look.now, look.words
    since = reader.interruptions(since=now - WEEK)
    open_ones = [one for one in since if one.is_open]
    seen = see(look, catalog.moments, open_ones)
    tiles = {name: tile(each, owner_name(catalog, each.moment.owner), now, words) for name, each in seen.items()}
    unreliable = sum(each.standing.word == "unreliable" for each in seen.values())
    unknown = sum(each.standing.word == "unknown" for each in seen.values())
    watch = sum(each.standing.word == "watch" for each in seen.values())
    return Wall(
        as_of=words.moment(now),
        as_of_iso=words.iso(now),
        summary=_summary(reader, seen, (unreliable, unknown, watch), now),
        tone="bad" if unreliable or unknown else "plain" if all(map(_is_learning, seen.values())) else "calm",
        quiet=not unreliable and not unknown and all(each.last is None for each in seen.values()),
        declared=bool(seen),
        headlines=(
            *_people(reader, catalog, now),
            Headline(whole(unreliable), "unreliable", f"of {counted(len(seen), 'moments')}", bad=unreliable > 0),
            _blind(seen.values(), now),
            _first(since, catalog, knowing),
        ),
        sections=tuple(_sections(catalog, tiles)),
        lately=tuple(
            line(reader, catalog.moments[row.moment], row, now, words)
            for row in newest_first(row for row in since if row.moment in catalog.moments)[:_LATELY]
        ),
        solo=len(tiles) == 1,
    )


def owner_name(catalog: Catalog, name: str) -> str:
    """How an owner is called."""
    owner = catalog.owners.get(name)
    return plain(owner.title or owner.name if owner else name, 80)


def _people(reader: Reader, catalog: Catalog, now: Micros) -> list[Headline]:
    """Let down this week, by unit: customers are distinct over all moments, all else counts a break each."""
    units: dict[str, list[str]] = {}
    for moment in catalog.moments.values():
        units.setdefault(moment.unit, []).append(moment.name)
    found = []
    for unit, names in sorted(units.items(), key=lambda each: each[0] != "customers"):
        customers, broken = reader.customers(names, now + 1 - WEEK, now + 1)
        count = customers if unit == "customers" else broken
        word = counted(count, plain(unit, 40)).partition(" ")[2]
        says = f"{word} let down" if unit == "customers" else f"{word} hit"
        note = "in 7 days, each counted once" if unit == "customers" else "in 7 days"
        found.append(Headline(whole(count), says, note))
    return found


def _blind(seen: Iterable[Seen], now: Micros) -> Headline:
    total = sum(figures.blind_time(each.blind, now - WEEK, now, now) for each in seen)
    hours = total / HOUR
    figure = "0" if not total else about(hours)
    return Headline(figure, "blind hours", "in 7 days, over all moments", bad=hours >= 1)


def _first(rows: Iterable[Interruption], catalog: Catalog, knowing: Knowing) -> Headline:
    leads = [knowing.lead(row.id) for row in rows if row.moment in catalog.moments]
    heard = [lead for lead in leads if lead is not None]
    if not heard:
        return Headline(
            "–",  # noqa: RUF001  # a dash for no figure
            "known first",
            "no complaint so far",
        )
    first = sum(lead > 0 for lead in heard)
    return Headline(f"{first} of {len(heard)}", "known first", "before the first complaint", bad=first < len(heard))


def _summary(reader: Reader, seen: Mapping[str, Seen], counts: tuple[int, int, int], now: Micros) -> str:
    unreliable, unknown, watch = counts
    if not seen:
        return "No moment is declared yet."
    parts = []
    if unreliable:
        parts.append(f"{counted(unreliable, 'moments')} unreliable")
    if unknown:
        parts.append(f"{counted(unknown, 'moments')} not known")
    if watch:
        parts.append(f"{watch} to watch")
    if unreliable or unknown:
        return f"{listed(parts)}."
    latest = max((clock.latest for clock in reader.clocks() if clock.latest is not None), default=None)
    heard = [each.last for each in seen.values() if each.last is not None]
    if latest is None and not heard:
        return "No event so far."
    learning = sum(map(_is_learning, seen.values()))
    parts += [f"{counted(learning, 'moments')} learning"] if learning else []
    calm = f"{listed(parts).capitalize()}." if parts else "Every moment is reliable."
    newest = max(heard) if latest is None else latest
    if newest > now:
        # A replay's reader is ahead of its judge: how long ago the last event was says nothing.
        return calm
    # A window's end may lie after the last event of all.
    quietest = f"; quietest moment {span(now - min(*heard, newest))}" if heard else ""
    return f"{calm} Last event {span(now - newest)} ago{quietest}."


def _is_learning(seen: Seen) -> bool:
    return seen.standing.word == "learning"


def _sections(catalog: Catalog, tiles: Mapping[str, Tile]) -> list[Section]:
    sections = []
    placed: set[str] = set()
    for journey in catalog.journeys.values():
        columns = [
            Column(
                plain(stage.title or stage.name),
                plain(stage.executive, 80),
                _worst_first(tiles[name] for name in stage.moments if name in tiles),
            )
            for stage in journey.stages
        ]
        placed.update(name for stage in journey.stages for name in stage.moments)
        sections.append(
            Section(
                plain(journey.title or journey.name), plain(journey.goal), tuple(columns), f"/journeys/{journey.name}"
            )
        )
    others = _worst_first(of for name, of in tiles.items() if name not in placed)
    if others:
        title = "Other moments" if sections else "Moments"
        sections.append(Section(title, "", (Column("", "", others),)))
    return sections


def _worst_first(tiles: Iterable[Tile]) -> tuple[Tile, ...]:
    return tuple(sorted(tiles, key=lambda each: each.order))
