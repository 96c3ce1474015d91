"""Three real brokers on the loopback as one KRaft cluster: each a controller too, so that any one of them may go."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from typing import Final

from kafka.errors import KafkaError

from tests.harness.kafka import START_TIMEOUT_S, KafkaBroker, LocalBroker, Quorum
from tests.harness.kafka_security import Listener
from tests.harness.process import HarnessError, free_port

SIZE: Final = 3
_PROPERTIES: Final = {
    "offsets.topic.replication.factor": str(SIZE),
    "transaction.state.log.replication.factor": str(SIZE),
    "min.insync.replicas": "2",
    "default.replication.factor": str(SIZE),
    # A broker that is asked to end hands its partitions over first.
    "controlled.shutdown.enable": "true",
    # One that is frozen or killed is left behind soon, and a follower that is slow to come back is waited for.
    "replica.lag.time.max.ms": "5000",
    "unclean.leader.election.enable": "false",
}


class KafkaCluster(KafkaBroker):
    """Started brokers with every partition on all three; `nodes` may be stopped, killed and frozen one by one.

    Raises HarnessError where Java and Maven are missing.
    """

    def __init__(self) -> None:
        quorum = Quorum({number: free_port() for number in range(1, SIZE + 1)})
        self._stack = ExitStack()
        self.nodes = [
            self._stack.enter_context(closing(LocalBroker(overrides=_PROPERTIES, quorum=quorum, node=number)))
            for number in quorum.ports
        ]

    @property
    def copies(self) -> int:
        """Every broker has everything."""
        return SIZE

    def bootstrap(self, listener: Listener = Listener.PLAINTEXT) -> str:
        """All addresses, with commas between."""
        return ",".join(node.bootstrap(listener) for node in self.nodes)

    def start(self) -> None:
        """Start those that do not run, all at once: none answers before there is a majority."""
        for node in self.nodes:
            if not node.running:
                node.launch()
        for node in self.nodes:
            node.wait()
        self.settle()

    def stop(self) -> None:
        """End all of them in order."""
        for node in self.nodes:
            node.stop()

    def kill(self) -> None:
        """End all of them as a power cut does."""
        for node in self.nodes:
            node.kill()

    def pause(self) -> None:
        """Freeze all of them."""
        for node in self.nodes:
            node.pause()

    def resume(self) -> None:
        """Let all of them go on."""
        for node in self.nodes:
            node.resume()

    def settle(self) -> None:
        """Wait until every broker is back in its place: every partition has all its copies again.

        Raises HarnessError where one does not come back.
        """
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._whole():
            if time.monotonic() > deadline:
                raise HarnessError(f"the cluster did not come together in {START_TIMEOUT_S:g} s")
            time.sleep(0.1)

    def _whole(self) -> bool:
        found: list[bool] = []

        def look(admin: object) -> None:
            topics = admin.describe_topics()  # type: ignore[attr-defined]  # kafka-python has no types
            found.extend(len(partition["isr_nodes"]) == SIZE for topic in topics for partition in topic["partitions"])
            found.append(len(admin.describe_cluster()["brokers"]) == SIZE)  # type: ignore[attr-defined]  # the same

        try:
            self._administer(look)
        except KafkaError:
            return False
        return all(found)

    def close(self) -> None:
        """End them and remove their data."""
        self._stack.close()
