"""What `backtest` opens on a year's third of events in which nothing happens: shapes that real businesses have.

    python -m benchmarks.quiet [--runs 2] [--days 120] [--seed 1] [--only TEXT]

Each shape is written as events and read as anybody's would be, so that the pace of frames, the casebook and every
default detector have their part in it. The promise is one interruption in 90 days of a moment, from the day on
which it is watched. `benchmarks.false_alarms` has more histories, of the detectors by themselves.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from detectors.frame import Floats, Ints
from service.app.backtest import Backtest
from service.core.catalog import Catalog, Moment, Owner

INTERVAL = 90.0
LEARNED = 14.0
_MINUTES = 1440
_MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
_SATURDAY = 5
Pace = Callable[[Floats], Floats]
"""A factor on the traffic at each of some times, in days since the first Monday."""
Level = Callable[[Floats, np.random.Generator], Floats]
"""What is added to the log odds of a break at each of some times."""


@dataclass(frozen=True)
class Shape:
    """A reliable moment: `per_hour` events in the mean, a share `broken` of them, at a pace and with a level.

    `regions`: how many values its first dimension has, each as large as `skew` says (its rank to the power of
    -skew); `apart`: each region has a level of its own. `clump`: so many events come together; `tries`: how often
    a customer whose try breaks tries, and breaks, within minutes. `enters`: the day on which the last region begins.
    `beside`: outcomes have durations, and complaints and promises come as well.
    """

    name: str
    per_hour: float = 40.0
    broken: float = 0.02
    pace: Pace | None = None
    level: Level | None = None
    regions: int = 4
    skew: float = 0.5
    apart: bool = False
    clump: int = 1
    tries: int = 1
    enters: float = 0.0
    beside: bool = False


def _weekend(days: Floats) -> Ints:
    return (days.astype(int) % 7 >= _SATURDAY).astype(int)


def _hour(days: Floats) -> Floats:
    hours: Floats = days % 1.0 * 24.0
    return hours


def _day_and_week(days: Floats) -> Floats:
    made: Floats = (1.0 + 0.8 * np.sin((_hour(days) - 9.0) / 12.0 * np.pi)) * np.where(_weekend(days), 0.6, 1.16)
    return made


def _open_by_day(days: Floats) -> Floats:
    hour = _hour(days)
    return np.where((hour >= 8.0) & (hour < 20.0), 2.0, 0.0)  # noqa: PLR2004  # the hours of a shop


def _five_days(days: Floats) -> Floats:
    return np.where(_weekend(days), 0.0, 1.4 * _day_and_week(days))


def _mondays(days: Floats) -> Floats:
    return _day_and_week(days) * np.where(days.astype(int) % 7 == 0, 2.0, 1.0)


def _growing(days: Floats) -> Floats:
    larger: Floats = _day_and_week(days) * 0.6 * 1.01**days
    return larger


def _clock_change(days: Floats) -> Floats:
    return _day_and_week(np.where(days < 83.0, days, days + 1.0 / 24.0))  # noqa: PLR2004  # the end of March


def _sales(days: Floats) -> Floats:
    return _day_and_week(days) * np.where(np.isin(days.astype(int), (45, 46, 80)), 4.0, 1.0)


def _batch(days: Floats) -> Floats:
    hour = _hour(days)
    return np.where((hour >= 2.0) & (hour < 2.25), 30.0, 0.7)  # noqa: PLR2004  # a batch at two in the morning


def _by_hour(days: Floats, _: np.random.Generator) -> Floats:
    at_night = np.log(2.5) * (np.cos(_hour(days) / 12.0 * np.pi) > 0.0)
    more: Floats = at_night + np.log(1.5) * _weekend(days)
    return more


def _a_day(size: float) -> Level:
    """A level of its own each day."""

    def level(days: Floats, rng: np.random.Generator) -> Floats:
        levels: Floats = rng.normal(0.0, size, int(days[-1]) + 1)[days.astype(int)]
        return levels

    return level


def _moving(size: float, lasting: float) -> Level:
    """Moves all the time, correlated over so many days."""

    def level(days: Floats, rng: np.random.Generator) -> Floats:
        fade = float(np.exp(-1.0 / 24.0 / lasting))
        at, course = rng.normal(0.0, size), []
        for step in rng.normal(0.0, size * np.sqrt(1.0 - fade * fade), int(days[-1] * 24) + 1):
            at = fade * at + step
            course.append(at)
        levels: Floats = np.array(course)[(days * 24).astype(int)]
        return levels

    return level


SHAPES = (
    Shape("the same all the time"),
    Shape("thin", per_hour=2.0, broken=0.05),
    Shape("day and week", pace=_day_and_week),
    Shape("closed at night", pace=_open_by_day),
    Shape("closed at the weekend", pace=_five_days),
    Shape("Mondays twice as much", pace=_mondays),
    Shape("grows by 1 % a day", pace=_growing),
    Shape("the clock changes", pace=_clock_change),
    Shape("days of sale, four times as much", pace=_sales),
    Shape("a batch at two in the morning", pace=_batch),
    Shape("breaks more at night and at the weekend", pace=_day_and_week, level=_by_hour),
    Shape("breaks rarely", broken=0.001),
    Shape("breaks often", broken=0.4),
    Shape("a level for each day, .3", pace=_day_and_week, level=_a_day(0.3)),
    Shape("moves, .3 within a day", pace=_day_and_week, level=_moving(0.3, 1.0)),
    Shape("moves, .3 within five days", pace=_day_and_week, level=_moving(0.3, 5.0)),
    Shape("regions move each for itself, .3 within a day", level=_moving(0.3, 1.0), apart=True),
    Shape("200 regions, few of them large", pace=_day_and_week, regions=200, skew=1.0),
    Shape("a region begins on day 50", pace=_day_and_week, enters=50.0),
    Shape("comes by tens", pace=_day_and_week, clump=10),
    Shape("who breaks tries three times", pace=_day_and_week, tries=3),
    Shape("durations, complaints and promises too", pace=_day_and_week, beside=True),
)


def events(shape: Shape, days: float, seed: int) -> Iterator[str]:
    """The shape's events as JSON lines, in the order of their times."""
    rng = np.random.default_rng((seed, 20_260_105))
    minutes = np.arange(int(days * _MINUTES)) / _MINUTES
    pace = np.ones(len(minutes)) if shape.pace is None else shape.pace(minutes)
    sizes = np.arange(1, shape.regions + 1) ** -shape.skew
    shares = sizes / sizes.sum()
    lines: list[tuple[float, str]] = []
    odds = np.log(shape.broken / (1.0 - shape.broken))
    common = np.zeros(len(minutes)) if shape.level is None or shape.apart else shape.level(minutes, rng)
    for region, share in enumerate(shares):
        own = shape.level(minutes, rng) if shape.level is not None and shape.apart else common
        rates = 1.0 / (1.0 + np.exp(-odds - own))
        counts = rng.poisson(shape.per_hour / 60.0 * share / shape.clump * pace) * shape.clump
        if region == shape.regions - 1:
            counts[minutes < shape.enters] = 0
        for minute in np.flatnonzero(counts).tolist():
            for _ in range(int(counts[minute])):
                lines += _tried(shape, minute + rng.random(), float(rates[minute]), f"r{region:03}", rng)
    if shape.beside:
        lines += _beside(shape, minutes, pace, rng)
    for number, (_, line) in enumerate(sorted(lines)):
        yield line.replace('"id":""', f'"id":"e{number}"', 1)


def _tried(shape: Shape, minute: float, rate: float, region: str, rng: np.random.Generator) -> list[tuple[float, str]]:
    broken = rng.random() < rate
    about = f'"moment":"served","customer":"c{rng.integers(20_000)}"'
    where = f'"dimensions":{{"region":"{region}","channel":"{("app", "web")[rng.integers(2)]}"}}'
    took = f'"duration_s":{float(rng.lognormal(4.0, 0.6)):.1f},' if shape.beside else ""
    word = "broken" if broken else "kept"
    rest = f'"type":"outcome",{about},"outcome":"{word}",{took}{where}}}'
    return [_event(minute + 2.0 * again, rest) for again in range(shape.tries if broken else 1)]


def _beside(shape: Shape, minutes: Floats, pace: Floats, rng: np.random.Generator) -> Iterator[tuple[float, str]]:
    """Complaints, more of them on Mondays, and promises of a day, of which one in fifty is kept late."""
    heavy = np.where(minutes.astype(int) % 7 == 0, 2.0, 1.0)
    for minute in np.flatnonzero(rng.poisson(0.4 / 60.0 * pace * heavy)).tolist():
        about = f'"type":"complaint","moment":"served","customer":"c{rng.integers(20_000)}"'
        yield _event(minute + rng.random(), f'{about},"dimensions":{{"region":"r{rng.integers(shape.regions):03}"}}}}')
    for number, minute in enumerate(np.flatnonzero(rng.poisson(10.0 / 60.0 * pace)).tolist()):
        about = f'"moment":"served","customer":"p{number}","key":"p{number}"'
        where = f'"dimensions":{{"region":"r{rng.integers(shape.regions):03}"}}'
        due = _time(minute + _MINUTES)
        yield _event(float(minute), f'"type":"promise",{about},"due":"{due}",{where}}}')
        late = rng.random() < shape.broken
        done = minute + _MINUTES * (rng.uniform(1.01, 1.5) if late else rng.uniform(0.2, 0.98))
        yield _event(done, f'"type":"outcome",{about},"outcome":"kept"}}')


def _event(minute: float, rest: str) -> tuple[float, str]:
    return minute, f'{{"id":"","time":"{_time(minute)}",{rest}'


def _time(minute: float) -> str:
    return (_MONDAY + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def opened(shape: Shape, days: float, seed: int) -> list[tuple[float, str]]:
    """(day, kind and segment) of every interruption that opens when the moment is watched."""
    moment = Moment("served", "ops", dimensions=("region", "channel"))
    catalog = Catalog(owners={"ops": Owner("ops")}, moments={moment.name: moment})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.jsonl"
        with path.open("w") as file:
            file.writelines(line + "\n" for line in events(shape, days, seed))
        found = []
        for line in Backtest(catalog).run([path]).lines:
            day = (datetime.fromisoformat(line.detected_at) - _MONDAY) / timedelta(days=1)
            where = " ".join(f"{name}={','.join(values)}" for name, values in line.dimensions.items())
            found.append((day, f"{line.kind} {where}".strip()))
    return [(day, what) for day, what in found if LEARNED < day <= days]


def main() -> None:
    """Print a line a shape."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--days", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="only shapes whose name has this in it")
    given = parser.parse_args()
    promised = given.runs * (given.days - LEARNED) / INTERVAL
    shapes = [shape for shape in SHAPES if given.only in shape.name]
    print(f"| nothing happens, {given.runs} x {given.days:g} days | interruptions | promised at most | what |")
    print("|---|---|---|---|")
    total = 0
    for shape in shapes:
        found = [item for run in range(given.runs) for item in opened(shape, given.days, given.seed * 1000 + run)]
        total += len(found)
        kinds = Counter(what for _, what in found)
        said = ", ".join(f"{what} {count}" for what, count in kinds.most_common())
        print(f"| {shape.name} | {len(found)} | {promised:.1f} | {said} |", flush=True)
    print(f"| all | {total} | {promised * len(shapes):.1f} | |")


if __name__ == "__main__":
    main()
