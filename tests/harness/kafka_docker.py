"""Apache Kafka's image in Docker, for machines that have Docker and no Java."""

from __future__ import annotations

import atexit
import shutil
import subprocess
import time
import uuid
from typing import TYPE_CHECKING, Final

from tests.harness.process import LOOPBACK, HarnessError, run

if TYPE_CHECKING:
    from collections.abc import Callable

IMAGE: Final = "apache/kafka:4.1.1"


class DockerKafka:
    """One container of one broker, on one published loopback port."""

    def __init__(self, port: int) -> None:
        self._docker = shutil.which("docker") or "docker"
        self._name = f"momentwatch-kafka-{uuid.uuid4().hex[:8]}"
        settings = {
            "KAFKA_NODE_ID": "1",
            "KAFKA_PROCESS_ROLES": "broker,controller",
            "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
            "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://{LOOPBACK}:{port}",
            "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
            "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
            "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
            "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
            "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
            "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
            "KAFKA_HEAP_OPTS": "-Xmx512m",
        }
        variables = [word for name, value in settings.items() for word in ("--env", f"{name}={value}")]
        run(
            [
                self._docker,
                "create",
                "--name",
                self._name,
                "--publish",
                f"{LOOPBACK}:{port}:9092",
                *variables,
                IMAGE,
            ],
            timeout_s=600,
        )
        atexit.register(self.remove)

    @staticmethod
    def available() -> bool:
        """Whether a Docker engine answers."""
        docker = shutil.which("docker")
        if docker is None:
            return False
        return subprocess.run([docker, "info"], capture_output=True, check=False, timeout=30).returncode == 0

    def start(self) -> None:
        """Start the container on the data it has."""
        self._do("start")

    def stop(self) -> None:
        """End the broker in order."""
        self._do("stop")

    def kill(self) -> None:
        """End the broker as a power cut does."""
        self._do("kill")

    def pause(self) -> None:
        """Freeze the broker."""
        self._do("pause")

    def resume(self) -> None:
        """Let the broker go on."""
        self._do("unpause")

    def remove(self) -> None:
        """End the broker and remove its data."""
        atexit.unregister(self.remove)
        self._do("rm", "--force", "--volumes")

    def wait_until(self, answers: Callable[[], bool], timeout_s: float) -> None:
        """Poll until the broker really answers."""
        deadline = time.monotonic() + timeout_s
        while not answers():
            if time.monotonic() > deadline:
                raise HarnessError(f"{self._name} gave no answer in {timeout_s:g} s: docker logs {self._name}")
            time.sleep(0.2)

    def _do(self, *command: str) -> None:
        run([self._docker, *command, self._name])
