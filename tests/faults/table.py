"""The table that a fault run prints."""

from collections import Counter
from collections.abc import Sequence

from tests.faults.points import loop_of
from tests.faults.rig import Outcome

_COLUMNS = (
    ("scenario", 22),
    ("kills", 6),
    ("events", 9),
    ("lost", 6),
    ("doubled", 8),
    ("notices", 8),
    ("repeats", 8),
    ("seconds", 8),
)


def header() -> str:
    """The names of the columns."""
    return "".join(name.ljust(width) if name == "scenario" else name.rjust(width) for name, width in _COLUMNS)


def row(outcome: Outcome) -> str:
    """One scenario, and below it whatever was off."""
    return "\n".join([_line(outcome), *(f"  ! {problem}" for problem in outcome.problems)])


def _line(outcome: Outcome) -> str:
    figures = (
        outcome.kills,
        outcome.events,
        outcome.lost,
        outcome.doubled,
        outcome.notices,
        outcome.repeated,
        f"{outcome.seconds:.0f}",
    )
    widths = [width for _, width in _COLUMNS]
    cells = [str(figure).rjust(width) for figure, width in zip(figures, widths[1:], strict=True)]
    return outcome.name.ljust(widths[0]) + "".join(cells) + ("" if not outcome.problems else "  FAILED")


def summary(outcomes: Sequence[Outcome], seconds: float) -> str:
    """The sums, what the sample allows to say, and where the kills were."""
    total = Outcome(
        "all",
        sum(outcome.kills for outcome in outcomes),
        sum(outcome.events for outcome in outcomes),
        sum(outcome.lost for outcome in outcomes),
        sum(outcome.doubled for outcome in outcomes),
        sum(outcome.notices for outcome in outcomes),
        sum(outcome.repeated for outcome in outcomes),
        seconds,
    )
    points: Counter[str] = Counter()
    harm: Counter[str] = Counter()
    for outcome in outcomes:
        points += outcome.points
        harm += outcome.harm
    lines = [_line(total)]
    failed = sum(bool(outcome.problems) for outcome in outcomes)
    if failed:
        lines.append(f"{failed} of {len(outcomes)} scenarios FAILED")
    elif total.kills:
        lines.append(f"0 lost and 0 doubled in {total.kills} kills: at most {3 / total.kills:.2g} a kill at 95 %")
    if points:
        at = points.total() - points["at random"]
        named = len(points) - ("at random" in points)
        loops = Counter(loop_of(point) for point, times in points.items() for _ in range(times) if ":" in point)
        of = ", ".join(f"{loop} {times}" for loop, times in loops.most_common())
        lines.append(f"processes harmed at {named} failpoints: {at} ({of}); at random times: {points['at random']}")
    if harm:
        lines.append("; ".join(f"{what}: {times}" for what, times in sorted(harm.items())))
    return "\n".join(lines)
