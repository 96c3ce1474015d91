"""A real server as a child process: started, frozen, killed and always cleaned up, by its pid alone."""

from __future__ import annotations

import atexit
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

LOOPBACK = "127.0.0.1"
LOG_LINES_IN_ERRORS = 30
PORTS = range(15_000, 32_000)


class HarnessError(Exception):
    """A server the tests need is missing or did not start; says what to do."""


def free_port() -> int:
    """Pick a loopback port nobody listens on.

    It lies below the range of outgoing ports: a client that dials a port of that range while its server is
    down can be given the very same port to dial from, and then talks to itself.
    """
    for port in random.SystemRandom().sample(PORTS, k=200):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise HarnessError(f"no free port in {PORTS}")


class Server:
    """One child process with a log file.

    Args:
        name: What errors call it.
        command: The program and its arguments; no shell.
        log: Where its output is appended.
        stop_signal: What asks it to end in order.
        environment: Variables added to ours.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        stop_signal: signal.Signals = signal.SIGTERM,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._command = [*_dies_with_us(stop_signal), *command]
        self._stop_signal = stop_signal
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The pid of the running process."""
        if self._process is None:
            raise HarnessError(f"{self.name} is not running")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process lives, frozen or not."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process; `wait_until` says when it answers."""
        if self.running:
            raise HarnessError(f"{self.name} runs already")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self._environment},
                # A Ctrl-C in the terminal is for pytest, which then ends the servers in order.
                start_new_session=True,
            )
        atexit.register(self.kill)

    def wait_until(self, answers: Callable[[], bool], timeout_s: float = 60.0) -> None:
        """Poll until the server really answers.

        Raises:
            HarnessError: It ended or stayed mute; the message carries the tail of its log.
        """
        deadline = time.monotonic() + timeout_s
        while not answers():
            if not self.running:
                code = self._process.returncode if self._process else None
                raise HarnessError(f"{self.name} ended with {code}\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise HarnessError(f"{self.name} gave no answer in {timeout_s:g} s\n{self.log_tail()}")
            time.sleep(0.05)

    def stop(self, timeout_s: float = 20.0) -> None:
        """End in order; kill what does not end in time."""
        if self._process is None:
            return
        if self.running:
            self.resume()
            self._process.send_signal(self._stop_signal)
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._forget()

    def kill(self) -> None:
        """End as a power cut does (SIGKILL)."""
        if self._process is None:
            return
        if self.running:
            self._process.kill()
            self._process.wait()
        self._forget()

    def pause(self) -> None:
        """Freeze the process and its children (SIGSTOP): it holds its connections and answers nothing."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen process go on (SIGCONT)."""
        self._signal_all(signal.SIGCONT)

    def log_tail(self) -> str:
        """The last lines of the log, for error messages."""
        if not self.log.exists():
            return "(no log)"
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join([f"last lines of {self.log}:", *lines[-LOG_LINES_IN_ERRORS:]])

    def _signal_all(self, number: signal.Signals) -> None:
        for pid in [self.pid, *descendants(self.pid)]:
            # A child may end between the look and the signal.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _forget(self) -> None:
        self._process = None
        atexit.unregister(self.kill)


def descendants(pid: int) -> Iterator[int]:
    """The pids of a process's children and theirs, oldest first."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return
    for child in map(int, children):
        yield child
        yield from descendants(child)


def _dies_with_us(stop_signal: signal.Signals) -> list[str]:
    """A prefix that ends the server when a killed pytest cannot."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", stop_signal.name.removeprefix("SIG"), "--"] if setpriv else []


def run(command: Sequence[str], *, timeout_s: float = 120.0, as_user: Sequence[str] = ()) -> str:
    """Run a tool to its end and return what it printed.

    Raises:
        HarnessError: It failed; the message carries its output.
    """
    done = subprocess.run(
        [*as_user, *command],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        said = (done.stdout + done.stderr)[-3000:]
        raise HarnessError(f"{command[0]} failed with {done.returncode}\n{said}")
    return done.stdout
