import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.adapters.catalog import duration
from service.core.event import DAY, HOUR, MINUTE, SECOND


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("30s", 30 * SECOND),
        ("5m", 5 * MINUTE),
        ("2h", 2 * HOUR),
        ("5d", 5 * DAY),
        ("4w", 28 * DAY),
        ("1h30m", 90 * MINUTE),
        ("1w2d3h4m5s", 9 * DAY + 3 * HOUR + 4 * MINUTE + 5 * SECOND),
        ("0s", 0),
        ("90m", 90 * MINUTE),
    ],
)
def test_a_duration_is_microseconds(text: str, span: int) -> None:
    assert span == duration.parse(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("3 min", '"3 min" is not a duration; write 3m'),
        ("3 Minutes", '"3 Minutes" is not a duration; write 3m'),
        ("1.5h", '"1.5h" is not a duration; write 1h30m'),
        ("30m1h", '"30m1h" is not a duration; write 1h30m'),
        ("1 hour, 30 mins", '"1 hour, 30 mins" is not a duration; write 1h30m'),
        ("90 days", '"90 days" is not a duration; write 12w6d'),
        ("PT5M", '"PT5M" is not a duration; write 5m'),
        ("P1DT12H", '"P1DT12H" is not a duration; write 1d12h'),
        ("0.3s", '"0.3s" is not a duration; write it as 30s, 5m, 2h, 5d, 4w or combined as 1h30m'),
        ("soon", '"soon" is not a duration; write it as 30s, 5m, 2h, 5d, 4w or combined as 1h30m'),
        ("", '"" is not a duration; write it as 30s, 5m, 2h, 5d, 4w or combined as 1h30m'),
        ("P", '"P" is not a duration; write it as 30s, 5m, 2h, 5d, 4w or combined as 1h30m'),
        ("5\u0665m", '"5\u0665m" is not a duration; write it as 30s, 5m, 2h, 5d, 4w or combined as 1h30m'),
        ("-5m", '"-5m" is negative; write a duration of 0s or more'),
        ("999999999w", "999999999w is longer than a hundred years; write a shorter duration"),
        (
            "9" * 50 + "s",
            f'"{"9" * 39}…" is not a duration; write it as 30s, 5m, 2h, 5d, 4w or combined as 1h30m',
        ),
    ],
)
def test_what_is_no_duration_is_told_what_to_write(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        duration.parse(text)


@given(st.integers(0, duration.LONGEST // SECOND))
def test_every_spelling_reads_back(seconds: int) -> None:
    assert seconds * SECOND == duration.parse(duration.spell(seconds * SECOND))


@given(st.text())
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    try:
        assert 0 <= duration.parse(text) <= duration.LONGEST
    except ValueError as error:
        assert "write" in str(error)  # noqa: PT017 (any text, so that either may happen)
