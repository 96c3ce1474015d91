"""momentwatch as whoever operates it has it: a child process, its files, and what it says over HTTP."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.harness.process import LOOPBACK, Server, free_port

PATIENCE_S = 120.0
"""Far more than anything takes, for machines that have much else to do."""
ROOT = Path(__file__).parents[2]


def momentwatch(*arguments: str | Path, timeout_s: float = 280.0) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    return subprocess.run(  # noqa: S603  # our own command, and no shell
        [sys.executable, "-m", "service", *map(str, arguments)],
        capture_output=True,
        cwd=ROOT,
        text=True,
        timeout=timeout_s,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def until(seen: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    """Wait for something; fail when it does not come."""
    deadline = time.monotonic() + patience_s
    while not seen():
        assert time.monotonic() < deadline, f"did not come: {what}"
        time.sleep(0.1)


def write_catalogue(folder: Path, *documents: Mapping[str, Any]) -> Path:
    """A folder with a catalogue; `kind`, `name` and the rest of the `spec` a document."""
    folder.mkdir(exist_ok=True)
    written = []
    for document in documents:
        spec = dict(document)
        head = {"apiVersion": "momentwatch/v1", "kind": spec.pop("kind"), "metadata": {"name": spec.pop("name")}}
        written.append(head | {"spec": spec})
    (folder / "catalogue.yaml").write_text(yaml.safe_dump_all(written))
    return folder


class Serve(Server):
    """`momentwatch serve` over a folder of its own: the settings, the database and the log are in it.

    `settings`: sections of the file; `environment` among them is the process's.
    """

    def __init__(
        self,
        folder: Path,
        rules: Path,
        kafka: Mapping[str, Any],
        *arguments: str,
        **settings: Any,
    ) -> None:
        environment = settings.pop("environment", {})
        folder.mkdir(exist_ok=True)
        self.port = free_port()
        self.database = f"sqlite:///{folder / 'momentwatch.db'}"
        file = folder / "momentwatch.yaml"
        section = {"group_id": folder.name, **kafka}
        text = {"rules": str(rules), "kafka": section, "web": {"port": self.port}, **settings}
        file.write_text(yaml.safe_dump(text))
        super().__init__(
            "momentwatch",
            [sys.executable, "-m", "service", "serve", "--config", str(file), *arguments],
            folder / "log",
            environment={"PYTHONPATH": str(ROOT), **environment},
        )

    def said(self) -> str:
        """Everything it printed and logged so far."""
        return self.log.read_text(errors="replace")

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of a page; 0 where nobody answers."""
        address = f"http://{LOOPBACK}:{self.port}{path}"
        try:
            with urllib.request.urlopen(address, timeout=30) as answer:
                return int(answer.status), answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def ready(self) -> bool:
        """Whether it says that it can do its work."""
        return self.get("/readyz")[0] == 200

    def parts(self) -> dict[str, str]:
        """What it says of its parts; nothing where it does not answer."""
        body = self.get("/readyz")[1]
        parts: dict[str, str] = json.loads(body)["parts"] if body else {}
        return parts

    def metric(self, name: str) -> float:
        """The sum of a metric's series."""
        found = re.findall(rf"^momentwatch_{name}(?:\{{.*\}})? (\S+)$", self.get("/metrics")[1], re.MULTILINE)
        return sum(map(float, found))

    def until(self, seen: Callable[[], bool], what: str) -> None:
        """Wait for something that this process does; its log is in the error when it does not come."""
        deadline = time.monotonic() + PATIENCE_S
        while not seen():
            assert self.running, f"ended before: {what}\n{self.log_tail()}"
            assert time.monotonic() < deadline, f"did not come: {what}\n{self.log_tail()}"
            time.sleep(0.1)

    def begin(self) -> "Serve":
        """Start, and return when it is ready."""
        self.start()
        self.until(self.ready, "readiness")
        return self

    def end(self) -> int:
        """Ask it to end, as an orchestrator does; its exit code."""
        process = self._process
        assert process is not None
        process.terminate()
        code = process.wait(PATIENCE_S)
        self._forget()
        return code


def kafka_at(address: str) -> dict[str, Any]:
    """The settings' section for a broker that asks nobody who they are."""
    return {"bootstrap_servers": [address]}


def lines_of(text: str) -> list[dict[str, Any]]:
    """JSON Lines, parsed."""
    return [json.loads(line) for line in text.splitlines()]


def write_events(file: Path, events: Sequence[bytes]) -> Path:
    """A file of events, one a line."""
    file.write_bytes(b"".join(event + b"\n" for event in events))
    return file


def without(environment: Sequence[str]) -> dict[str, str]:
    """Our environment but for some variables."""
    return {name: value for name, value in os.environ.items() if name not in environment}
