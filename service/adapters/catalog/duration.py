"""Durations as operators write them: `30s 5m 2h 5d 4w`, also combined as `1h30m`."""

import re

from service.core.event import DAY, HOUR, MINUTE, SECOND, Micros

PATTERN = r"^(?=.)(\d{1,9}w)?(\d{1,9}d)?(\d{1,9}h)?(\d{1,9}m)?(\d{1,9}s)?$"
LONGEST: Micros = 36_525 * DAY
"""A hundred years; beyond it sums with dates leave the calendar."""

_UNITS = {"w": 7 * DAY, "d": DAY, "h": HOUR, "m": MINUTE, "s": SECOND}
_DURATION = re.compile(PATTERN, re.ASCII)
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*([a-z]+)", re.ASCII)
_LOOSE = re.compile(r"(?:\d{1,9}(?:\.\d{1,6})?\s*[a-z]+[\s,]*)+", re.ASCII)
_ISO = re.compile(r"p(?:(\d+)w)?(?:(\d+)d)?(?:t(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?)?", re.ASCII)
_WORDS = {
    "s": ("s", "sec", "secs", "second", "seconds"),
    "m": ("m", "min", "mins", "minute", "minutes"),
    "h": ("h", "hr", "hrs", "hour", "hours"),
    "d": ("d", "day", "days"),
    "w": ("w", "wk", "wks", "week", "weeks"),
}
_UNIT_OF_WORD = {word: unit for unit, words in _WORDS.items() for word in words}


def parse(text: str) -> Micros:
    """Microseconds of a duration; ValueError says what is wrong and what to write."""
    if _DURATION.fullmatch(text):
        total = sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([wdhms])", text))
        if total > LONGEST:
            raise ValueError(f"{text} is longer than a hundred years; write a shorter duration")
        return total
    if text.startswith("-"):
        raise ValueError(f'"{_cut(text)}" is negative; write a duration of 0s or more')
    meant = _meant(text.lower().strip())
    remedy = meant or "it as 30s, 5m, 2h, 5d, 4w or combined as 1h30m"
    raise ValueError(f'"{_cut(text)}" is not a duration; write {remedy}')


def spell(span: Micros) -> str:
    """The shortest spelling of whole seconds: `90s` is `1m30s`, seven days are `1w`."""
    words = ""
    for unit, size in _UNITS.items():
        count, span = divmod(span, size)
        words += f"{count}{unit}" if count else ""
    return words or "0s"


def _meant(text: str) -> str | None:
    """What `3 min`, `1.5h`, `30m1h` and `PT5M` were meant to be, or None."""
    if (iso := _ISO.fullmatch(text)) and any(iso.groups()):
        numbers = zip(iso.groups(), "wdhms", strict=True)
        total = sum(int(number[:9]) * _UNITS[unit] for number, unit in numbers if number)
    elif _LOOSE.fullmatch(text):
        parts = _PART.findall(text)
        if any(word not in _UNIT_OF_WORD for _, word in parts):
            return None
        total = sum(round(float(number) * _UNITS[_UNIT_OF_WORD[word]]) for number, word in parts)
    else:
        return None
    return spell(total) if total % SECOND == 0 and 0 < total <= LONGEST else None


def _cut(text: str) -> str:
    printable = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return printable if len(printable) <= 40 else printable[:39] + "…"  # noqa: PLR2004 (what fits on a line)
