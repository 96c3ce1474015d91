"""How well late deliveries are warned of on made marketplaces: false openings by kind, and what shows a fault first.

Each row of the first table is a sort of marketplace in which nothing is wrong, over some seeds: interruptions opened
after the learning, a moment and month, by the kind that opened them; the promise is one in 90 days of a moment.
Each row of the second is a fault: days from its beginning to when it is known by the delivery's lateness alone, by
the delivery with promises watched on their way, and by the hand-over before it; and to the first complaint of those
hit. "-": not within the fault and two weeks.

    python -m benchmarks.early_warning [--seeds 3] [--per-day 100 600] [--only stop]
"""

import argparse
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from benchmarks.deliveries import BEGINS, DAY, DELIVERED, HANDED, Market
from detectors.budget import SHARES
from service.app.backtest import Backtest
from service.core.catalog import Catalog, Moment, Owner
from service.core.judging.watchers import watchers
from service.core.reporting.report import Line

LEARNED = 28.0
CALM: Mapping[str, Mapping[str, object]] = {
    "calm": {},
    "calm, workdays": {"workdays": True},
    "days wander": {"wander": 0.25},
    "days wander, workdays": {"wander": 0.25, "workdays": True},
}
FAULTS = {"stop": 7, "region": 21, "warehouse": 10}
"""Each fault, and for how many days it lasts."""


def catalog(names: Iterable[str]) -> Catalog:
    """An owner and the moments, as small as a catalogue can be."""
    return Catalog(
        owners={"ops": Owner("ops")}, moments={name: Moment(name, "ops", dimensions=("region",)) for name in names}
    )


def found(file: Path, moments: Sequence[str], without: Sequence[str] = ()) -> list[Line]:
    """What a backtest of the file opens; `without`: kinds that do not watch."""
    shares = {kind: weight for kind, weight in SHARES.items() if kind not in without}
    return Backtest(catalog(moments), build=partial(watchers, shares=shares)).run([file]).lines


def day(at: str) -> float:
    """Days since the marketplace began."""
    return (datetime.fromisoformat(at).timestamp() - BEGINS) / DAY


def calm(name: str, per_day: float, seeds: int, folder: Path, *, tell: bool) -> None:
    """A row of the first table."""
    market = Market(per_day, **CALM[name])  # type: ignore[arg-type]  # the table above is of its fields
    kinds: dict[str, Counter[str]] = {DELIVERED: Counter(), HANDED: Counter()}
    began = time.process_time()
    for seed in range(seeds):
        for line in found(market.write(seed, folder / "events.jsonl"), (DELIVERED, HANDED)):
            if day(line.detected_at) >= LEARNED:
                kinds[line.moment][line.kind] += 1
            if tell:
                where = ", ".join(value for values in line.dimensions.values() for value in values)
                print(f"    {seed} {line.moment} day {day(line.detected_at):5.1f} {line.kind} {where} {line.level}")
    months = seeds * (market.days - LEARNED) / 30.0
    spent = time.process_time() - began
    for moment, opened in kinds.items():
        told = ", ".join(f"{kind} {count / months:.2f}" for kind, count in opened.most_common())
        print(f"{name:<24}{per_day:>6.0f}/d  {moment:<12}{opened.total() / months:>6.2f}  {told}", flush=True)
    print(f"{'':<24}{'':>8}  {spent:.0f} CPU s", flush=True)


def fault(name: str, per_day: float, more: Mapping[str, object], seeds: int, folder: Path) -> None:
    """A row of the second table."""
    market = Market(per_day, fault=name, lasting=FAULTS[name], **more)  # type: ignore[arg-type]  # as above
    ways = {
        "lateness alone": ((DELIVERED,), ("due_soon",)),
        "with due soon": ((DELIVERED,), ()),
        "hand-over": ((HANDED,), ()),
    }
    days: dict[str, list[float]] = {way: [] for way in (*ways, "first complaint")}
    kinds: dict[str, Counter[str]] = {way: Counter() for way in ways}
    for seed in range(seeds):
        file = market.write(1000 + seed, folder / "events.jsonl")
        for way, (moments, without) in ways.items():
            lines = found(file, moments, without)
            new = [line for line in lines if market.since <= day(line.detected_at) < market.since + market.lasting + 14]
            if name == "region":
                new = [line for line in new if line.dimensions in ({}, {"region": ["r0"]})]
            if new:
                days[way].append(day(new[0].detected_at) - market.since)
                kinds[way][f"{new[0].kind}{'' if new[0].dimensions else ' whole'}"] += 1
            complained = [day(line.first_complaint_at) for line in new if line.first_complaint_at]
            if way == "with due soon" and complained:
                days["first complaint"].append(min(complained) - market.since)
    told = []
    for way, these in days.items():
        by = f" by {'+'.join(f'{kind} {n}' for kind, n in kinds[way].items())}" if kinds.get(way) else ""
        told.append(f"{way} {f'{statistics.median(these):.1f}' if these else '-'} ({len(these)} of {seeds}{by})")
    print(f"{name:<10} {per_day:>4.0f}/d {'wander' if more else '      '}  {'; '.join(told)}", flush=True)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--per-day", type=float, nargs="*", default=[100.0, 600.0])
    parser.add_argument("--only", nargs="*", default=[*CALM, *FAULTS], help="some rows")
    parser.add_argument("--tell", action="store_true", help="each false opening")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for per_day in given.per_day:
            for name in (name for name in CALM if name in given.only):
                calm(name, per_day, given.seeds, Path(folder), tell=given.tell)
        for per_day in given.per_day:
            for name in (name for name in FAULTS if name in given.only):
                for more in ({}, {"wander": 0.25}):
                    fault(name, per_day, more, given.seeds, Path(folder))


if __name__ == "__main__":
    main()
