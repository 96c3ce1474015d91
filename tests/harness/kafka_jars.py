"""Apache Kafka's jars, resolved once by Maven into the repository's cache folder."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

from tests.harness.process import HarnessError

POM = Path(__file__).with_name("kafka-pom.xml")
CACHE = Path(__file__).parents[2] / ".cache" / "kafka"
RESOLVE_TIMEOUT_S = 900


def can_resolve() -> bool:
    """Whether Java is here, and Maven or what it fetched before."""
    return shutil.which("java") is not None and (_folder().exists() or shutil.which("mvn") is not None)


def kafka_classpath() -> str:
    """The class path of the broker; fetched at the first call, which takes a while.

    Raises:
        HarnessError: Maven could not fetch it.
    """
    folder = _folder()
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        # Two sessions that start at once fetch it once.
        with (CACHE / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                _fetch(folder)
    return f"{folder}/*"


def _folder() -> Path:
    # Named after the pom's content, so that a changed pom never runs with yesterday's jars.
    return CACHE / hashlib.sha256(POM.read_bytes()).hexdigest()[:12]


def _fetch(folder: Path) -> None:
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    done = subprocess.run(
        [
            shutil.which("mvn") or "mvn",
            "--quiet",
            "--batch-mode",
            "--file",
            str(POM),
            "dependency:copy-dependencies",
            f"-DoutputDirectory={partial}",
        ],
        capture_output=True,
        text=True,
        timeout=RESOLVE_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise HarnessError(f"Maven could not fetch Kafka's broker:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    partial.rename(folder)
