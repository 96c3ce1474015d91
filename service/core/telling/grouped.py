"""The words of one message about several interruptions: how many, which first, and what became of each."""

from collections.abc import Mapping, Sequence

from service.core.catalog import Catalog, Moment
from service.core.telling.desk import Dispatch, Item
from service.core.telling.message import Facts, Words, counted, money, plain, segment_words, when

MOST = 10
"""Interruptions that a message names; the rest are a number and on the page."""
_SAID = {
    "opened": "",
    "reopened": "open again",
    "found_late": "found late",
    "level_changed": "level changed",
    "resolved": "over",
    "was_open_while_away": "over",
    "withdrawn": "no longer watched",
    "stale": "no data for a week",
}


def grouped(dispatch: Dispatch, facts: Mapping[str, Facts], catalog: Catalog, link: str) -> Words:
    """A group's message; `facts`: by interruption. Customers are said of each and not summed: they may be the same."""
    items = dispatch.items
    lines = [_common(dispatch)]
    for item in items[:MOST]:
        it = item.interruption
        moment = catalog.moments.get(it.moment) or Moment(it.moment, "")
        lines.append(_line(item, moment, facts.get(it.id), f"{link}/interruptions/{it.id}" if link else ""))
    if len(items) > MOST:
        lines.append(f"And {len(items) - MOST} more.")
    if dispatch.by:
        lines.append(f"{plain(dispatch.by, 200)} has them.")
    lines.append(f"Owner: {plain(dispatch.receiver, 80)}.")
    return Words(_title(dispatch, catalog), tuple(line for line in lines if line))


def _title(dispatch: Dispatch, catalog: Catalog) -> str:
    items = dispatch.items
    names = list(dict.fromkeys(_name(item, catalog) for item in items))
    shown = ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")  # noqa: PLR2004 (two)
    head = {"resolved": "RESOLVED", "was_open_while_away": "OVER", "repeat": "STILL OPEN", "reopened": "OPEN AGAIN"} | {
        reason: reason.upper() for reason in ("escalated", "acknowledged", "withdrawn")
    }
    first = head.get(dispatch.reason, items[0].level.upper())
    return f"{first} · {len(items)} interruptions · {shown}"


def _name(item: Item, catalog: Catalog) -> str:
    moment = catalog.moments.get(item.interruption.moment)
    return plain(moment.title or moment.name if moment is not None else item.interruption.moment, 60)


def _common(dispatch: Dispatch) -> str:
    named: Sequence[str] = [f"{name} {plain(value, 60)}" for name, value in dispatch.labels if value]
    return f"Together by {', '.join(named)}." if named else ""


def _line(item: Item, moment: Moment, facts: Facts | None, link: str) -> str:
    it = item.interruption
    parts = [item.level.upper(), plain(moment.title or moment.name, 80), segment_words(it.segment)]
    text = " · ".join(part for part in parts if part)
    said = _SAID.get(item.news.what, "") if item.news is not None else ""
    if said:
        text += f" ({said})"
    if facts is not None:
        impact = facts.impact
        if impact.broken:
            hit = impact.customers if moment.unit == "customers" else impact.broken
            text += f": {counted(hit, plain(moment.unit, 40))} since {when(it.onset, facts)}"
            if impact.value > 0 and moment.loss_probability is not None:
                risk = round(impact.value * moment.loss_probability)
                text += f", {money(risk, facts.currency, facts.minor_digits)} at risk"
        else:
            text += f": since {when(it.onset, facts)}"
    return f"{text}. {link}".rstrip()
