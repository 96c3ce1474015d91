"""A real PostgreSQL for the tests: one that is given, or a private cluster in a temporary folder."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from tests.harness.process import LOOPBACK, HarnessError, Server, free_port, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import URL

ADDRESS_VARIABLE: Final = "MOMENTWATCH_TEST_POSTGRES_URL"
HOW_TO_GET_ONE: Final = (
    f"the tests need PostgreSQL: set {ADDRESS_VARIABLE} to the URL of a role that may create databases,"
    " or install it (Debian: apt-get install postgresql)"
)
SUPERUSER: Final = "momentwatch"
RESTART_TIMEOUT_S: Final = 30.0
SETTINGS: Final = {
    # A killed server keeps what it wrote to the page cache; only a dead machine would lose it.
    "fsync": "off",
    "max_connections": "100",
    "shared_buffers": "32MB",
    "unix_socket_directories": "",
    "listen_addresses": LOOPBACK,
}


class PostgresServer:
    """A server and the databases made in it; it starts when it is made.

    Args:
        address: The URL of a server somebody else runs; without it a private cluster is started.
    """

    def __init__(self, address: str | None = None) -> None:
        self._folder: Path | None = None
        self._server: Server | None = None
        if address is not None:
            self._url = make_url(address).set(drivername="postgresql+psycopg")
        else:
            self._url = make_url(f"postgresql+psycopg://{SUPERUSER}@{LOOPBACK}:{free_port()}/postgres")
            self._server = self._make_cluster()
            self.start()

    def create_database(self) -> str:
        """Create an empty database and return its SQLAlchemy URL."""
        # Two of these may share one server, and so may several runs and threads.
        name = f"momentwatch_test_{uuid.uuid4().hex}"
        self._command("CREATE DATABASE {}", name)
        return self._url.set(database=name).render_as_string(hide_password=False)

    def drop_database(self, url: str) -> None:
        """Drop a database that `create_database` made, and whoever is connected to it."""
        self._command("DROP DATABASE IF EXISTS {} WITH (FORCE)", str(make_url(url).database))

    @contextlib.contextmanager
    def database(self) -> Iterator[str]:
        """An empty database for as long as the block lasts."""
        url = self.create_database()
        try:
            yield url
        finally:
            self.drop_database(url)

    def dump(self, url: str) -> bytes:
        """A database's backup, as `pg_dump` makes it."""
        return self._program("pg_dump", url)

    def load(self, url: str, backup: bytes) -> None:
        """Put a backup in a database's place, whatever that held, and whoever is connected to it."""
        self.drop_database(url)
        self._command("CREATE DATABASE {}", str(make_url(url).database))
        self._program("psql", url, "--quiet", "--set=ON_ERROR_STOP=1", given=backup)

    def answers(self) -> bool:
        """Whether the server takes a connection and a statement right now."""
        try:
            with self._connect() as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def start(self) -> None:
        """Start, and return when it answers."""
        server = self._ours()
        deadline = time.monotonic() + RESTART_TIMEOUT_S
        while True:
            server.start()
            try:
                server.wait_until(self.answers)
            except HarnessError:
                # The processes of a killed server take a moment to notice; until then its memory is in use.
                if server.running or time.monotonic() > deadline:
                    raise
                server.stop()
                time.sleep(0.2)
            else:
                return

    def stop(self) -> None:
        """End in order, whoever is connected; the data stay."""
        self._ours().stop()

    def kill(self) -> None:
        """End as a power cut does; the data stay."""
        self._ours().kill()

    def restart(self) -> None:
        """Stop and start on the same data and port."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze: connections stay, answers do not come."""
        self._ours().pause()

    def resume(self) -> None:
        """Let a frozen server go on."""
        self._ours().resume()

    def close(self) -> None:
        """End the server if it is ours, and remove its data."""
        if self._server is not None:
            self._server.stop()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _ours(self) -> Server:
        if self._server is None:
            raise HarnessError(f"the server of {ADDRESS_VARIABLE} is not ours to start or stop: use `own_postgres`")
        return self._server

    def _make_cluster(self) -> Server:
        programs = _programs()
        folder = self._folder = Path(tempfile.mkdtemp(prefix="momentwatch-postgres-"))
        as_user = _unprivileged(folder)
        data = folder / "data"
        initdb = [str(programs / "initdb"), "--pgdata", str(data), "--username", SUPERUSER]
        run([*initdb, "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"], as_user=as_user)
        settings = SETTINGS | {"port": str(self._url.port)}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return Server(
            "PostgreSQL",
            [*as_user, str(programs / "postgres"), "-D", str(data), *words],
            folder / "postgres.log",
            # "Fast shutdown": it does not wait for its clients to go.
            stop_signal=signal.SIGINT,
        )

    def _connect(self) -> psycopg.Connection:
        plain: URL = self._url.set(drivername="postgresql")
        return psycopg.connect(plain.render_as_string(hide_password=False), autocommit=True, connect_timeout=5)

    @staticmethod
    def _program(name: str, url: str, *arguments: str, given: bytes = b"") -> bytes:
        address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        words = [str(_programs() / name), f"--dbname={address}", *arguments]
        done = subprocess.run(words, input=given, capture_output=True, check=False)  # the server's own
        if done.returncode:
            raise HarnessError(f"{name} ended with {done.returncode}: {done.stderr.decode(errors='replace')[-500:]}")
        return done.stdout

    def _command(self, statement: str, name: str) -> None:
        with self._connect() as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(name)))


def shared_postgres() -> PostgresServer:
    """The server a whole test session shares: the given one, or one that was started for it."""
    return PostgresServer(os.environ.get(ADDRESS_VARIABLE) or None)


def own_postgres() -> PostgresServer:
    """A started server of the caller's own, to stop, kill and freeze; the caller closes it."""
    return PostgresServer()


def _programs() -> Path:
    # Debian keeps a folder a version and puts none of them on the PATH.
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    if on_path is None:
        raise HarnessError(HOW_TO_GET_ONE)
    return Path(on_path).resolve().parent


def _unprivileged(folder: Path) -> list[str]:
    """PostgreSQL refuses root: hand the folder to somebody else and return the prefix that runs as them."""
    if os.geteuid() != 0:
        return []
    names = {user.pw_name: user for user in pwd.getpwall()}
    user = names.get("postgres") or names["nobody"]
    os.chown(folder, user.pw_uid, user.pw_gid)
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise HarnessError(
            "PostgreSQL refuses to run as root and setpriv is missing (Debian: apt-get install util-linux)"
        )
    # The parent's death signal is forgotten when the user changes, so it is asked for again.
    return [
        setpriv,
        f"--reuid={user.pw_uid}",
        f"--regid={user.pw_gid}",
        "--clear-groups",
        "--pdeathsig=INT",
        "--",
    ]
