"""By how many days each signal knew before customers said so, on a marketplace's orders in the event contract.

Three ways to watch: without the way to the due (`lateness alone`), with it (`due soon`), and the moment that comes
before (hand-over to the carrier). For each, the interruptions that were known in a span, when, and how long before the
first complaint of those affected and before complaints rose clearly: the fields of `backtest`.

    python -m benchmarks.marketplace --events FILE.jsonl.gz --since 2017-11-24 --until 2018-01-10
"""

import argparse
import gzip
import json
import tempfile
import time
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from detectors.budget import SHARES
from service.app.backtest import Backtest
from service.core.catalog import Catalog, Moment, Owner
from service.core.counting.tally import Window
from service.core.event import Micros
from service.core.judging.watchers import watchers
from service.core.ports import Store
from service.core.reporting.evidence import evidence_of
from service.core.reporting.report import Line

DELIVERED, HANDED = "delivered-by-promise", "handed-to-carrier-by-limit"
_DAY = 86_400
FAR: Micros = 1 << 62


def catalog(name: str, dimensions: Sequence[str]) -> Catalog:
    """An owner and one moment, as small as a catalogue can be."""
    return Catalog(owners={"ops": Owner("ops")}, moments={name: Moment(name, "ops", dimensions=tuple(dimensions))})


def only(events: Path, moment: str, to: Path) -> Path:
    """The events of one moment."""
    with gzip.open(events, "rt", encoding="utf-8") as lines, to.open("w", encoding="utf-8") as kept:
        kept.writelines(line for line in lines if json.loads(line).get("moment") == moment)
    return to


def main() -> None:
    """Run the three, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=Path, required=True, help="JSON Lines in the event contract, gzip")
    parser.add_argument("--since", required=True, help="interruptions known from this day on")
    parser.add_argument("--until", required=True, help="and before this one")
    parser.add_argument("--dimensions", nargs="*", default=["region", "seller_region"])
    arguments = parser.parse_args()
    before = {kind: weight for kind, weight in SHARES.items() if kind != "due_soon"}
    with tempfile.TemporaryDirectory() as folder:
        for title, moment, shares in (
            ("lateness alone", DELIVERED, before),
            ("due soon", DELIVERED, dict(SHARES)),
            ("hand-over", HANDED, dict(SHARES)),
        ):
            file = only(arguments.events, moment, Path(folder) / "events.jsonl")
            began = time.process_time()
            declared = catalog(moment, arguments.dimensions)
            backtest = Backtest(declared, build=partial(watchers, shares=shares))
            found = backtest.run([file])
            lines = [line for line in found.lines if arguments.since <= line.detected_at < arguments.until]
            print(f"{title}: {len(found.lines)} interruptions in all, {time.process_time() - began:.0f} CPU s")
            for line in lines:
                _tell(line)
                if line.broken:
                    _carried(backtest.store, declared.moments[moment], line)
            print(flush=True)


def _tell(line: Line) -> None:
    where = "; ".join(f"{name} {', '.join(values)}" for name, values in line.dimensions.items()) or "everywhere"
    leads = (_days(line.lead_s, "the first complaint"), _days(line.lead_clear_s, "their rise"))
    kinds = "+".join(line.kinds)
    print(f"  {line.detected_at}  {kinds:<48} {line.level:<8} {line.customers_affected:>5} customers  {where}")
    print(f"  {'':20}  known {', '.join(lead for lead in leads if lead) or 'with no complaint'}")


def _carried(store: Store, moment: Moment, line: Line) -> None:
    """Which values carry it, beyond what is usual for each, and what no value is known of."""
    row = store.interruption(line.id)
    if row is None:
        return

    def judged(start: Micros | None, end: Micros) -> Iterable[Window]:
        return store.windows(moment.name, start, end)

    it = evidence_of(store, judged, moment, row, FAR)
    shares = [("/".join(share.where.values()), share) for share in it.shares]
    shares += [(f"{name} not stated", share) for name, share in it.not_stated.items()]
    told = (f"{name} {share.broken} of {share.attempts}, usually {share.usual:.0f}" for name, share in shares)
    print(f"  {'':20}  carried by {'; '.join(told)}")


def _days(seconds: float | None, what: str) -> str:
    return "" if seconds is None else f"{seconds / _DAY:+.1f} days before {what}"


if __name__ == "__main__":
    main()
