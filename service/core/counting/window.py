"""Tumbling windows and the arithmetic of what is closed."""

from collections.abc import Iterable

from service.core.event import Micros


def window_of(at: Micros, width: Micros) -> Micros:
    """The start of the window that holds a time; windows are aligned to 1970-01-01T00:00:00Z."""
    return at - at % width


def closable(watermark: Micros, width: Micros, delay: Micros) -> Micros:
    """The time up to which windows may close: those whose end and delay the watermark has reached."""
    return window_of(watermark - delay, width)


def last_closing(now: Micros, closings: Iterable[tuple[Micros, Micros]]) -> Micros | None:
    """The latest time, up to now, at which a window could be closed; `closings`: widths and delays."""
    return max((closable(now, width, delay) + delay for width, delay in closings), default=None)


def next_closing(now: Micros, closings: Iterable[tuple[Micros, Micros]]) -> Micros | None:
    """The first time after now at which a window can be closed; `closings`: widths and delays."""
    return min((closable(now, width, delay) + width + delay for width, delay in closings), default=None)
