"""`momentwatch score`: how unusual each row of a numeric series is, from the rows up to it and nothing else."""

import argparse
import sys

_BAD_FILE = 1


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "score",
        help="score each row of a numeric series",
        description="Print timestamp,value,anomaly_score: the rows as they are, each with a score from 0 (usual, or too"
        " early to tell) to 1, from the rows so far. What is no number is taken for missing and scored 0."
        " Exit 1 when the file cannot be read.",
    )
    parser.add_argument("file", metavar="FILE.csv", help="timestamp,value with that header, plain or gzip")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Score the file."""
    # Imported here, so that other commands start without them.
    from detectors.series.unusual import Unusual
    from service.adapters.files.series import HEADER, SeriesFileError, series

    detector = Unusual()
    write = sys.stdout.write
    clocks_missing = 0
    try:
        for number, row in enumerate(series(arguments.file)):
            if number == 0:
                write(f"{HEADER},anomaly_score\n")
            score = detector.score(row.time, row.number)
            detector.learn(row.time, row.number)
            clocks_missing += row.time is None
            write(f"{row.timestamp},{row.value},{score or 0.0:.9g}\n")
    except SeriesFileError as error:
        sys.stdout.flush()
        print(error, file=sys.stderr)
        return _BAD_FILE
    if clocks_missing:
        print(
            f"{arguments.file}: {clocks_missing} rows have a timestamp that is no time; the time of day was not used"
            " for them: write 2014-04-01T00:05:00Z",
            file=sys.stderr,
        )
    return 0
