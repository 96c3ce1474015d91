"""Which documented disturbances of a year of flights are found, where and how soon, and what else was raised."""

import argparse
import csv
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from service.adapters import flights
from service.app.backtest import Backtest
from service.core.catalog import Catalog, Moment, Owner
from service.core.reporting.report import Line

_LOCAL = ZoneInfo("America/New_York")


def _times(row: dict[str, str]) -> tuple[datetime, datetime]:
    """The disturbance's span; a date without a time is that whole day."""
    start = datetime.fromisoformat(row["start"]).replace(tzinfo=_LOCAL)
    end = datetime.fromisoformat(row["end"]).replace(tzinfo=_LOCAL)
    return start, end + timedelta(days=1) if "T" not in row["end"] else end


def _where(line: Line) -> str:
    return "; ".join(f"{name} {', '.join(values)}" for name, values in line.dimensions.items()) or "everywhere"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--truth", type=Path, required=True, help="CSV: start,end,segment,event,… in New York's time")
    arguments = parser.parse_args()
    moment = Moment(flights.MOMENT, "ops", dimensions=("origin", "carrier", "dest"))
    catalog = Catalog(owners={"ops": Owner("ops")}, moments={moment.name: moment})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flights.jsonl"
        flights.write(path)
        began = time.process_time()
        result = Backtest(catalog).run([path])
        spent = time.process_time() - began
    print("| what happened | where | what was opened in it: where, hours after its start |")
    print("|---|---|---|")
    with arguments.truth.open(newline="") as file:
        for row in csv.DictReader(file):
            start, end = _times(row)
            found = []
            for line in result.lines:
                detected = datetime.fromisoformat(line.detected_at)
                if start <= detected <= end + timedelta(hours=3):
                    hours = (detected - start).total_seconds() / 3600
                    found.append(f"{_where(line)} ({line.kind}), {hours:.1f} h")
            print(f"| {row['event']} {row['start']} | {row['segment']} | {'<br>'.join(found) or 'nothing'} |")
    kinds = {kind: sum(line.kind == kind for line in result.lines) for kind in {line.kind for line in result.lines}}
    pace = result.counts.read / spent
    print(f"\n{len(result.lines)} interruptions in the year: {kinds}; {pace:,.0f} events a CPU-second")


if __name__ == "__main__":
    main()
