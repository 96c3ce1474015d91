"""What becomes of `momentwatch serve` where it cannot go on: it ends, to be started anew, or calls for help."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.adapters.sender.receivers import HttpReceiver, http_receiver
from tests.e2e.events import MOMENT, OWNER, outcome, produce, source
from tests.e2e.running import ROOT, Serve, kafka_at, write_catalogue
from tests.harness.kafka import KafkaBroker
from tests.harness.postgres import PostgresServer

STUCK = """
import sys
from dataclasses import replace

import service.app.serve as serve
from service.adapters.kafka.kafka_python.client import PythonClient
from service.cli.main import main

settings = serve.kafka_settings
serve.kafka_settings = lambda section: replace(settings(section), stuck_after=0.5, metadata_age=0.5)
PythonClient.seek = lambda *_: None  # it joins, and gives nothing
sys.exit(main(sys.argv[1:]))
"""


def test_a_consumer_that_gives_nothing_is_made_anew_and_then_ends_the_process(
    tmp_path: Path, kafka_broker: KafkaBroker, kafka_topic: str
) -> None:
    rules = write_catalogue(tmp_path / "rules", OWNER, MOMENT, source(kafka_topic))
    produce(kafka_broker.bootstrap_servers, kafka_topic, [outcome("one", 0)])
    Serve(tmp_path / "run", rules, kafka_at(kafka_broker.bootstrap_servers))

    done = subprocess.run(  # noqa: S603  # our own command, and no shell
        [sys.executable, "-c", STUCK, "serve", "--config", tmp_path / "run" / "momentwatch.yaml"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=False,
    )

    assert done.returncode == 1, done.stderr
    assert done.stderr.count("the consumer is made anew") == 1
    assert f"the ingest loop ended: {kafka_topic}[0]: stuck at 0, the log ends at 1" in done.stderr


def test_when_its_database_goes_the_heartbeat_stops_and_somebody_is_called_past_it_once(
    tmp_path: Path, kafka_broker: KafkaBroker, kafka_topic: str, postgres_servers: Callable[[], PostgresServer]
) -> None:
    server = postgres_servers()
    with http_receiver() as receiver:
        address = tmp_path / "address"
        address.write_text(f"json://127.0.0.1:{receiver.port}/phone")
        beat = tmp_path / "heartbeat.url"
        beat.write_text(f"http://127.0.0.1:{receiver.port}/alive")
        phone = {"kind": "Target", "name": "phone", "url": {"file": str(address)}}
        rules = write_catalogue(tmp_path / "rules", OWNER, phone, MOMENT, source(kafka_topic))
        service = Serve(
            tmp_path / "run",
            rules,
            kafka_at(kafka_broker.bootstrap_servers),
            database={"url": server.create_database()},
            send={"allow_hosts": ["127.0.0.0/8"]},
            guard={
                "heartbeat": {"url_file": str(beat), "interval": "1s"},
                "emergency": {"to": ["phone"], "after": "2s"},
            },
        )
        service.begin()
        service.until(lambda: heard(receiver, "/alive") > 0, "a heartbeat")
        assert heard(receiver, "/phone") == 0

        server.kill()
        service.until(lambda: heard(receiver, "/phone") == 1, "a call for help")
        assert not service.ready()
        # What was well until just now is, for two intervals.
        time.sleep(2)
        while_away = heard(receiver, "/alive")
        time.sleep(1.5)
        assert heard(receiver, "/alive") == while_away
        server.start()
        service.until(lambda: heard(receiver, "/alive") > while_away, "a heartbeat again")

        assert heard(receiver, "/phone") == 1
        [called] = [json.loads(posted.body) for posted in receiver.posted if posted.path == "/phone"]
        assert "momentwatch has lost its database" in called["title"]
        assert service.end() == 0, service.log_tail()


def heard(receiver: HttpReceiver, path: str) -> int:
    return sum(posted.path == path for posted in receiver.posted)
