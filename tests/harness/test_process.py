from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.harness.process import HarnessError, Server, free_port

SLEEPER = "import time; print('up', flush=True); time.sleep(600)"


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_stopped_server_is_gone_and_can_start_again(tmp_path: Path) -> None:
    server = Server("a sleeper", [sys.executable, "-c", SLEEPER], tmp_path / "log")
    for end in (server.stop, server.kill):
        server.start()
        server.wait_until(lambda: server.log.read_text().count("up") > 0)
        pid = server.pid
        assert alive(pid)
        end()
        assert not alive(pid)
        assert not server.running


def test_a_server_that_ends_at_once_is_an_error_with_its_log(tmp_path: Path) -> None:
    server = Server("a quitter", [sys.executable, "-c", "print('no such luck')"], tmp_path / "log")
    server.start()
    with pytest.raises(HarnessError, match="no such luck"):
        server.wait_until(lambda: False)


def test_a_mute_server_is_an_error_in_time(tmp_path: Path) -> None:
    server = Server("a mute", [sys.executable, "-c", SLEEPER], tmp_path / "log")
    server.start()
    with pytest.raises(HarnessError, match="no answer"):
        server.wait_until(lambda: False, timeout_s=0.2)
    server.kill()


def test_servers_do_not_outlive_a_killed_session(tmp_path: Path) -> None:
    starter = (
        "import pathlib, sys, time\n"
        "from tests.harness.postgres import own_postgres\n"
        "server = own_postgres()\n"
        "print(server._server.pid, server._folder, flush=True)\n"
        "time.sleep(600)\n"
    )
    session = subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True)
    assert session.stdout is not None
    pid, folder = session.stdout.readline().split()
    session.kill()
    session.wait()
    session.stdout.close()
    deadline = time.monotonic() + 10
    while alive(int(pid)) and time.monotonic() < deadline:
        time.sleep(0.05)
    shutil.rmtree(folder)
    assert not alive(int(pid))


def test_a_free_port_is_no_outgoing_one() -> None:
    lowest_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert free_port() < lowest_outgoing
