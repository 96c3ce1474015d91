"""What a backtest or a demo found, for people and for programs."""

import sys
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from service.app.backtest import Result
from service.core.event import DAY, rfc3339
from service.core.reporting.report import Line, Span


def print_json(lines: Sequence[Line]) -> None:
    """One JSON object a line on standard output, nothing else."""
    out = sys.stdout.buffer
    encoder = msgspec.json.Encoder()
    for line in lines:
        out.write(encoder.encode(line) + b"\n")
    out.flush()


def print_table(lines: Sequence[Line], worst: Mapping[str, str]) -> None:
    """The same for people; `worst`: by its id, where an interruption of everything is worst."""
    table = Table(show_edge=False, pad_edge=False, header_style="bold")
    for name in ("detected", "moment", "what", "level", "where", "since", "until"):
        table.add_column(name, overflow="fold")
    for name in ("broken", "affected", "value at risk", "lead"):
        table.add_column(name, justify="right")
    for line in lines:
        where = "; ".join(f"{name} {', '.join(values)}" for name, values in line.dimensions.items())
        table.add_row(
            _short(line.detected_at),
            line.moment,
            line.rule or line.kind.replace("_", " "),
            line.level,
            escape(where or ", ".join(filter(None, ("everywhere", worst.get(line.id))))),
            _short(line.onset_at),
            _short(line.resolved_at) if line.resolved_at else "still open",
            f"{line.broken:,}",
            f"{line.customers_affected:,}",
            f"{line.value_at_risk:,.2f}" if line.value_at_risk else "",
            _lead(line),
        )
    console = Console()
    # Without a terminal there is no width to fit: nothing is cut, and a row is a line.
    if not console.is_terminal:
        console.width = 1000
    console.print(table)


def summary(result: Result, trials: Collection[str] = ()) -> str:
    """How many events became what, and how many interruptions a year that is; `trials`: experimental rules."""
    counts = result.counts
    parts = [f"{counts.read:,} events read: {counts.accepted.total():,} accepted"]
    if counts.late.total():
        parts.append(f"{counts.late.total():,} of them late")
    parts.append(f"{counts.duplicate:,} duplicate")
    parts.append(f"{counts.dead.total():,} rejected")
    text = ", ".join(parts)
    if counts.dead:
        text += " (" + ", ".join(f"{n:,} {reason}" for reason, n in counts.dead.most_common()) + ")"
    if result.span is None:
        return text + ". Nothing to judge."
    return text + ".\n" + yearly(result.lines, result.span, trials)


def yearly(lines: Sequence[Line], span: Span, trials: Collection[str] = ()) -> str:
    """The time that the data covers, and how many interruptions a year each moment had in it.

    `trials`: rules that notify nobody yet; theirs are counted apart.
    """
    days = (span.end - span.began) / DAY
    text = f"{rfc3339(span.began)} to {rfc3339(span.end - 1)}, {days:,.0f} days"
    tried = Counter(line.moment for line in lines if line.rule in trials)
    found = Counter(line.moment for line in lines if line.rule not in trials)
    for moment in sorted(found | tried):
        number = found[moment]
        text += f"; {moment}: {number} interruption{'s' * (number != 1)}"
        if days >= 1:
            text += f", {number * 365.25 / days:.1f} a year"
        if tried[moment]:
            text += f", and {tried[moment]} of experimental rules, told to nobody"
    return text + ("" if found or tried else "; no interruption") + "."


def _short(text: str) -> str:
    return text.replace("T", " ").removesuffix("Z")[:16]


def _lead(line: Line) -> str:
    if line.lead_clear_s is not None:
        return f"{line.lead_clear_s / 86400:+.1f} d"
    return ""
