"""`momentwatch demo --exit` as a process of its own, over the first weeks of the year."""

import re

from tests.e2e.running import momentwatch
from tests.harness.kafka import KafkaBroker
from tests.harness.process import LOOPBACK, free_port

UNTIL = "2013-01-28"


def test_the_demo_ends_by_itself_with_a_table_of_what_it_found_and_prints_its_notices() -> None:
    done = momentwatch("demo", "--exit", "--until", UNTIL, "--port", "0")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert re.search(r"The page is at http://127\.0\.0\.1:\d+/", done.stderr)
    header, *rows = [line for line in done.stdout.splitlines() if "━" not in line]
    assert header.replace("┃", "").split()[:4] == ["detected", "moment", "what", "level"]
    assert rows
    assert all(row.startswith("2013-0") for row in rows)
    trials = r"(, and \d+ of experimental rules, told to nobody)?"
    assert re.search(rf"2[0-9] days; departs-on-time: \d+ interruptions?, [\d.]+ a year{trials}\.", done.stderr)
    # Each that was found is told when it opens, and when it is over.
    told = [row for row in rows if "budget-burns-fast" not in row]
    assert done.stderr.count("Departs on time is unreliable") >= len(told)
    over = [row for row in told if "still open" not in row]
    assert done.stderr.count("RESOLVED") == len(over)
    assert "Your flight leaves within 15 minutes" in done.stderr


def test_the_demo_s_flights_can_be_put_on_a_topic(kafka_broker: KafkaBroker) -> None:
    done = momentwatch(
        "demo", "--produce", kafka_broker.bootstrap_servers, "--topic", "demo-flights", "--until", "2013-01-02"
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"[78]\d\d events produced to demo-flights", done.stderr), done.stderr
    nobody = momentwatch("demo", "--produce", f"{LOOPBACK}:{free_port()}", "--until", "2013-01-02")
    assert nobody.returncode == 1
    assert "Traceback" not in nobody.stderr
    assert LOOPBACK in nobody.stderr


def test_a_day_that_is_none_is_said_in_a_line() -> None:
    done = momentwatch("demo", "--until", "spring")
    assert done.returncode == 2
    assert "'spring' is not a day; write 2013-03-01" in done.stderr
