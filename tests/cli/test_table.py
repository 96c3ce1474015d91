"""The words under a table of interruptions."""

import msgspec

from service.cli.table import yearly
from service.core.event import DAY
from service.core.reporting.report import Line, Span


def line(moment: str, rule: str | None = None) -> Line:
    given = dict.fromkeys(Line.__struct_fields__)
    return msgspec.structs.replace(Line(*given.values()), moment=moment, rule=rule)  # type: ignore[arg-type]  # only these are read


def test_interruptions_of_rules_on_trial_are_counted_apart() -> None:
    found = [line("a"), line("a", "tried"), line("b", "tried"), line("a", "real")]
    said = yearly(found, Span(0, 365 * DAY + DAY // 4), {"tried"})
    assert said.endswith(
        "; a: 2 interruptions, 2.0 a year, and 1 of experimental rules, told to nobody"
        "; b: 0 interruptions, 0.0 a year, and 1 of experimental rules, told to nobody."
    )


def test_nothing_found_is_said() -> None:
    assert yearly([], Span(0, DAY)).endswith("; no interruption.")
