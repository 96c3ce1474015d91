"""The words of `momentwatch explain`."""

from collections.abc import Iterator

from service.cli.where import harmless
from service.core.reporting.carried import most
from service.core.reporting.evidence import Evidence, Share
from service.core.reporting.nothing import Nothing, Quiet
from service.core.telling.message import most_words

_SIGNALS = {
    "failure_rate": "share broken",
    "overdue": "share left open past its due",
    "due_soon": "share still open well before its due",
    "duration": "share slower than the usual slowest tenth",
    "silence": "events",
    "volume": "events",
    "complaints": "complaints",
}
_SHARES = {"failure_rate", "overdue", "due_soon", "duration"}


def evidence_lines(it: Evidence) -> Iterator[str]:
    """An interruption's evidence."""
    where = "; ".join(f"{name} {', '.join(values)}" for name, values in it.dimensions.items())
    what = f"rule {it.rule}" if it.rule else it.kind.replace("_", " ")
    yield f"{it.moment}: {what}, {it.level}, {it.state}; {harmless(where) or _everywhere(it)}"
    yield f"  id         {it.id}"
    yield f"  known      {it.detected_at}" + (f", over {it.resolved_at}" if it.resolved_at else ", not over")
    found = [(note.title.replace("_", " "), note.at) for note in it.found]
    yield f"  kinds      {'; '.join(f'{kind} at {at}' for kind, at in found)}"
    yield ""
    yield "Expected and seen"
    if it.expected is not None and it.seen is not None:
        signal, than = ("the rule's signal", "its limit") if it.rule else (_SIGNALS.get(it.kind, it.kind), "usual")
        yield f"  at the opening: {signal} {_number(it.seen, it)}, {than} {_number(it.expected, it)}"
    if it.arrivals is not None:
        came, usual = it.arrivals.seen, it.arrivals.usual
        yield f"  from the onset to the opening: {came:,} events; {usual:,.0f} in other weeks' same hours"
    yield f"  since the onset: {_share(it.inside)}"
    if it.dimensions:
        yield f"  elsewhere: {_share(it.elsewhere)}"
    yield ""
    yield "Since when"
    if it.onset is None:
        yield f"  {it.onset_at}, as the detector has it"
    else:
        yield f"  most likely {it.onset.at}, between {it.onset.earliest} and {it.onset.latest} (19 times in 20)"
        yield f"  the detector said {it.onset_at}"
    for note in it.notes:
        yield f"  about then, {note.at}: {harmless(note.title)}"
    yield from _carried(it)
    yield ""
    yield "How sure"
    if it.onset is not None:
        yield f"  what was seen until it opened is {_times(it.onset.likelier)} likelier with a change than without"
    if it.false_alarm_days is None:
        yield "  a rule stands outside of the false-alarm promise"
    else:
        yield f"  a false alarm of this moment, whatever the kind, is promised once in {it.false_alarm_days:g} days"


def _carried(it: Evidence) -> Iterator[str]:
    for title, shares in (("Which segments carry it", it.shares), ("Which pairs of dimensions", it.pairs)):
        if shares:
            yield ""
            yield title
            width = max(len(_where(share)) for share in shares)
            for share in shares:
                yield f"  {_where(share):{width}}  {share.excess:+.1f}: {_share(share)}"
    if it.hit:
        yield ""
        yield "Clearly beyond their own past (one in twenty by chance); * beyond the rest as well (99 times in 100)"
        names = [harmless(f"{hit.dimension} {hit.value}") for hit in it.hit]
        for name, hit in zip(names, it.hit, strict=True):
            share = Share({}, hit.attempts, hit.broken, hit.usual, hit.broken - hit.usual)
            yield f"  {name:{max(map(len, names))}}  {'*' if hit.worse else ' '} {_share(share)}"
    if it.not_stated:
        yield ""
        yield "Not stated, and so of no segment"
        for name, share in it.not_stated.items():
            yield f"  {harmless(name)}  {share.excess:+.1f}: {_share(share)}"
    if it.reasons:
        yield ""
        yield "Reasons given"
        for reason, count in it.reasons.items():
            yield f"  {count:,}  {harmless(reason)}"


def _everywhere(it: Evidence) -> str:
    return ", ".join(filter(None, ("everywhere", harmless(most_words(*most(it.hit))))))


def nothing_lines(it: Nothing) -> Iterator[str]:
    """Why nothing fired."""
    yield f"{it.moment} at {it.at}"
    if it.judged_through is None:
        yield "  nothing was judged yet: no window had closed"
        return
    yield (
        f"  judged through {it.judged_through}; the hour before: "
        f"{it.attempts:,} attempts, {it.broken:g} broken, {it.arrivals:,} events"
    )
    yield f"  open: {'; '.join(harmless(where) for where in it.open) or 'nothing'}"
    for one in it.quiet:
        yield ""
        yield from _quiet_lines(one)


def _quiet_lines(one: Quiet) -> Iterator[str]:
    yield one.detector if one.rule is None else f"{one.detector} (rule {one.rule})"
    if one.evidence is not None:
        yield f"  evidence {one.evidence:.3g} of 1" + (
            f", most of it from {harmless(one.strongest)}" if one.evidence else ""
        )
    if one.expected is not None and one.lower is not None and one.upper is not None:
        yield (
            f"  usual then {one.expected:.4g}; 19 in 20 windows as small as the last are within"
            f" {one.lower:.4g} to {one.upper:.4g}"
        )
    yield f"  it would have taken {harmless(one.would)}" if one.evidence is not None else f"  {one.would}"


def _share(share: Share) -> str:
    rate = f" ({share.broken / share.attempts:.1%})" if share.attempts else ""
    return f"{share.broken:,} of {share.attempts:,} broken{rate}, usual {share.usual:,.1f}"


def _where(share: Share) -> str:
    return harmless(", ".join(f"{name} {value}" for name, value in share.where.items()))


def _number(value: float, it: Evidence) -> str:
    return f"{value:.1%}" if it.kind in _SHARES and it.rule is None else f"{value:,.3g}"


def _times(logarithm: float) -> str:
    """`e^x` in words."""
    times = 2.718281828459045 ** min(logarithm, 60.0)
    return f"{times:,.0f} times" if times < 1e9 else f"10^{logarithm / 2.302585092994046:.0f} times"  # noqa: PLR2004  # nine digits fit a line
