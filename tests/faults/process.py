"""Processes of the service that a fault run starts, kills, freezes and watches, each by its pid."""

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from tests.e2e.running import ROOT
from tests.harness.process import HarnessError

SENDING: dict[str, Any] = {
    # A killed sender's rows come back after their lease: seconds here, minutes in earnest.
    "limits": {"lease": 4_000_000, "margin": 2_500_000, "poll_s": 0.1, "breaker_pause": 2_000_000},
    "policy": {"first": 500_000, "longest": 2_000_000, "unclear_first": 1_000_000, "unclear_longest": 3_000_000},
}
GROUP: dict[str, Any] = {
    "session_timeout": 6.0,
    "metadata_age": 0.5,
    "connect_timeout": 1.0,
    "away_after": 3.0,
}


class Forge:
    """The launcher, and what it was told; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.exits = tempfile.mkdtemp(prefix="momentwatch-exits-")
        self._process = subprocess.Popen(  # noqa: S603  # our own module
            [sys.executable, "-m", "tests.faults.forge", self.exits],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def fork(self, order: dict[str, Any]) -> int:
        """A new process; its pid."""
        if self._process.stdin is None or self._process.stdout is None:
            raise HarnessError("the launcher has no pipes")
        with self._lock:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        if not answer:
            raise HarnessError(f"the launcher ended with {self._process.wait(10)}")
        return int(answer)

    def close(self) -> None:
        """End it, and with it whatever it started."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        shutil.rmtree(self.exits, ignore_errors=True)


class Life:
    """One process from its start to its end."""

    def __init__(self, forge: Forge, config: Path, log: Path, note: Path, **order: Any) -> None:
        self.log = log
        self.note = note
        self._exits = Path(forge.exits)
        note.unlink(missing_ok=True)
        plan = {"note": str(note), **order.pop("plan", {})}
        group = {**GROUP, **order.pop("group", {})}
        arguments = ["serve", "--config", str(config), *order.pop("arguments", ())]
        self.pid = forge.fork(
            {"arguments": arguments, "log": str(log), "plan": plan, "group": group, "sending": SENDING, **order}
        )
        try:
            self._handle: int | None = os.pidfd_open(self.pid)
        except ProcessLookupError:
            # It has ended already.
            self._handle = None

    def ended(self, within_s: float = 0.0) -> bool:
        """Whether it ends within so long."""
        if self._handle is None:
            return True
        ready, _, _ = select.select([self._handle], [], [], within_s)
        if ready:
            os.close(self._handle)
            self._handle = None
        return bool(ready)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self._handle is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)

    def kill(self) -> None:
        """End it as a power cut does."""
        self.signal(signal.SIGKILL)
        if not self.ended(20.0):
            raise HarnessError(f"process {self.pid} outlived SIGKILL")

    def end(self, within_s: float = 60.0) -> int:
        """Ask it to end; its exit code."""
        self.signal(signal.SIGTERM)
        deadline = time.monotonic() + within_s
        # A failpoint that is still ahead may freeze it on its way out.
        while not self.ended(0.5) and time.monotonic() < deadline:
            self.signal(signal.SIGCONT)
        if not self.ended():
            self.kill()
            raise HarnessError(f"process {self.pid} did not end in {within_s:g} s after SIGTERM\n{self.tail()}")
        return self.code()

    def code(self) -> int:
        """What it exited with, once it has; the negative of a signal that ended it."""
        file = self._exits / str(self.pid)
        deadline = time.monotonic() + 10.0
        while not file.exists():
            if time.monotonic() > deadline:
                raise HarnessError(f"nobody knows how process {self.pid} ended")
            time.sleep(0.01)
        return int(file.read_text())

    def died_at(self) -> str:
        """The failpoint that ended or froze it, "" where none did."""
        noted = json.loads(self.note.read_text()) if self.note.exists() else {}
        return str(noted.get("at", ""))

    def passed(self) -> dict[str, int]:
        """How often each point was passed, after an orderly end."""
        noted: dict[str, dict[str, int]] = json.loads(self.note.read_text()) if self.note.exists() else {}
        return noted.get("passed", {})

    def tail(self) -> str:
        """The end of its log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-12:])
