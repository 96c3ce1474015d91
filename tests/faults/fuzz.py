"""Feeds the ingest path bytes and events that nobody would send: nothing may crash, and everything is accounted for.

`python -m tests.faults.fuzz --inputs 1000000 --seed 7`, or `make fuzz N=1000000 SEED=7`. Each input goes the whole way:
decoded, freed of duplicates, tallied and written by the ingest loop into a store, now and then a real SQLite file.
"""

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from service.adapters.decode import Decoder
from service.adapters.memory_source import MemoryLog, MemorySource
from service.adapters.store import MemoryStore, open_store
from service.core.catalog import Catalog, Moment, Owner, Source
from service.core.event import DAY, REASONS, Micros, Partition, rfc3339
from service.core.ports import Store
from service.loops.ingest import Ingest

NOW: Micros = 1_772_442_845_000_000
A_LIST = 250
A_FILE = 40
"""Every so many lists of inputs go into a SQLite file instead of memory."""
CATALOG = Catalog(
    owners={"ops": Owner("ops")},
    moments={name: Moment(name, "ops", dimensions=("region", "carrier")) for name in ("paid", "delivered")},
    sources={
        "plain": Source("plain", "plain"),
        "foreign": Source("foreign", "foreign", mapping={"id": "n", "time": "at", "customer": "who.id"}),
    },
)
PLACES = tuple(Partition(topic, number, f"id-{topic}") for topic in ("plain", "foreign") for number in (0, 1))

words = st.sampled_from(["", "a", "paid", "kept", "broken", "\x00", "\ud800", "é" * 300, "x" * 600])
numbers = st.one_of(
    st.integers(), st.floats(), st.sampled_from([1e308, -0.0, 10**400, 1e12 + 1, -1, 2**63, 315_576_001])
)
times = st.one_of(
    st.datetimes().map(lambda at: at.isoformat() + "Z"),
    st.sampled_from(
        [
            "2026-03-02T09:14:05Z",
            "2026-03-02T09:14:05.123456789+05:30",
            "2026-03-02T09:14:05",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59-23:59",
            "1970-01-01T00:00:00Z",
            "2016-12-31T23:59:60Z",
            "2026-02-30T00:00:00Z",
            "1772442845",
            "now",
        ]
    ),
)
anything = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, words, times, st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=3)),
    max_leaves=6,
)


FIELDS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("time", "at", "due"), times),
    **dict.fromkeys(("value", "duration_s", "score"), numbers),
    **dict.fromkeys(
        ("id", "n", "moment", "customer", "key", "outcome", "change", "type", "text", "specversion"), words
    ),
    **dict.fromkeys(("dimensions", "who", "data"), st.dictionaries(words, words, max_size=3)),
}
odd_fields = st.sampled_from(sorted(FIELDS)).flatmap(
    lambda name: st.tuples(st.just(name), st.one_of(FIELDS[name], anything))
)
odd_bytes = st.one_of(st.binary(max_size=60), st.integers(1, 5_000).map(lambda deep: b"[" * deep))
oddities = st.tuples(st.lists(odd_fields, min_size=4, max_size=12), st.lists(odd_bytes, min_size=1, max_size=4))
Oddities = tuple[list[tuple[str, Any]], list[bytes]]


class Fuzzer:
    """Counts what became of the inputs; `found` are those by reason."""

    def __init__(self, folder: Path, chance: int) -> None:
        self._folder = folder
        self._random = random.Random(chance)
        self.inputs = 0
        self.lists = 0
        self.found: Counter[str] = Counter()

    def take(self, odd: Oddities) -> None:
        """Inputs with some oddities through the whole way in; raises AssertionError where something is off."""
        payloads = [self._bent(self._made(odd)) for _ in range(A_LIST)]
        self.lists += 1
        if self.lists % A_FILE:
            self._run(MemoryStore(CATALOG.moments, clock=lambda: NOW), payloads)
            return
        file = self._folder / "fuzz.db"
        file.unlink(missing_ok=True)
        with closing(open_store(f"sqlite:///{file}", CATALOG.moments, clock=lambda: NOW)) as store:
            self._run(store, payloads)

    def _made(self, odd: Oddities) -> bytes:
        """A sound event, in half of the cases with one or two of its fields made odd; or bytes that are none."""
        rng = self._random
        fields, raw = odd
        if rng.random() < 0.05:  # a few
            return rng.choice(raw)
        time_of = rfc3339(NOW - rng.randrange(2 * DAY))
        moment = rng.choice(("paid", "delivered"))
        event: dict[str, Any] = {
            "id": str(rng.randrange(200)),
            "n": str(rng.randrange(200)),
            "time": time_of,
            "at": time_of,
            "type": rng.choice(("outcome", "outcome", "promise", "complaint", "feedback", "customer", "annotation")),
            "moment": moment,
            "customer": f"c{rng.randrange(50)}",
            "who": {"id": "c1"},
            "outcome": rng.choice(("kept", "broken", "cancelled")),
            "due": rfc3339(NOW + rng.randrange(-DAY, DAY)),
            "change": "joined",
            "title": "t",
            "value": rng.randrange(100),
            "dimensions": {"region": rng.choice("nsew")},
        }
        if rng.random() < 0.6:  # over half
            event["key"] = f"k{rng.randrange(40)}"
        if rng.random() < 0.5:  # half
            event.update(rng.choices(fields, k=rng.choice((1, 1, 2))))
        if rng.random() < 0.5:  # half
            return json.dumps(event).encode()
        return json.dumps(event, ensure_ascii=False).encode("utf-8", "surrogatepass")

    def _bent(self, payload: bytes) -> bytes:
        """A tenth of them with some bytes changed, cut or doubled, as a broken producer or disk does."""
        rng = self._random
        if rng.random() > 0.25 or not payload:  # a quarter
            return payload
        at = rng.randrange(len(payload))
        return rng.choice(
            (
                payload[:at],
                payload[:at] + bytes([rng.randrange(256)]) + payload[at + 1 :],
                payload[:at] + payload[at:] * 2,
                payload[:at] + payload[at : at + 8] * 3 + payload[at + 8 :],
            )
        )

    def _run(self, store: Store, payloads: list[bytes]) -> None:
        logs = {place: MemoryLog() for place in PLACES}
        for number, payload in enumerate(payloads):
            logs[PLACES[number % len(PLACES)]].append([payload])
        for log in logs.values():
            log.ended = True
        decoders = {topic: Decoder(CATALOG, CATALOG.sources[topic]) for topic in CATALOG.sources}
        source = MemorySource(logs, lambda: NOW)
        Ingest(source, store, lambda p: decoders[p.topic], CATALOG, lambda: NOW, live=lambda _: True).run(
            threading.Event()
        )
        counts = store.counts()
        assert counts.balanced, f"read is not accepted + duplicate + dead-lettered: {counts}"
        assert counts.read == len(payloads), f"{counts.read} read of {len(payloads)}"
        letters = store.dead_letters(limit=len(payloads) + 1)
        assert len(letters) == counts.dead.total(), f"{len(letters)} dead letters of {counts.dead}"
        for _, letter in letters:
            assert letter.reason in REASONS, f"no such reason: {letter.reason}"
            assert letter.reason != "store_refused", f"the store had to refuse what was decoded: {letter}"
            assert letter.detail.strip(), f"a dead letter says nothing: {letter}"
            assert len(letter.detail) <= 400, f"a dead letter says too much: {letter.detail}"
        sums = [t for name in CATALOG.moments for _, t in store.totals(name, -(1 << 53), 1 << 53, DAY)]
        assert all(t.broken <= t.attempts for t in sums), "more broken than tried"
        self.inputs += len(payloads)
        self.found.update(counts.dead)
        self.found["accepted"] += counts.accepted.total()
        self.found["duplicate"] += counts.duplicate


def fuzz(inputs: int, chosen: int, *, shrink: bool = True) -> Fuzzer:
    """At least so many inputs, made from a seed. Raises what goes wrong; `shrink`: with the fewest oddities."""
    with tempfile.TemporaryDirectory(prefix="momentwatch-fuzz-") as folder:
        fuzzer = Fuzzer(Path(folder), chosen)

        def run(made: Oddities) -> None:
            fuzzer.take(made)

        rounds = 0
        while fuzzer.inputs < inputs:
            # Hypothesis tires of one run after a while; a new one with another seed goes on elsewhere.
            patient = settings(
                max_examples=max(1, min(500, (inputs - fuzzer.inputs) // A_LIST + 1)),
                deadline=None,
                database=None,
                phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
                suppress_health_check=list(HealthCheck),
            )
            seed(chosen + rounds)(patient(given(oddities)(run)))()
            rounds += 1
        return fuzzer


def main() -> int:
    """Run, and print what became of the inputs; an exception ends it."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000, metavar="N")
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args()
    chosen = random.SystemRandom().randrange(1_000_000) if arguments.seed is None else arguments.seed
    print(f"SEED={chosen}", flush=True)
    began = time.monotonic()
    fuzzer = fuzz(arguments.inputs, chosen)
    for reason, n in fuzzer.found.most_common():
        print(f"{reason:16}{n:>12}")
    print(f"{'all':16}{fuzzer.inputs:>12}  in {time.monotonic() - began:.0f} s, no crash, and every one accounted for")
    print(f"0 in {fuzzer.inputs}: at most {3 / fuzzer.inputs:.1g} an input at 95 %")
    return 0


if __name__ == "__main__":
    sys.exit(main())
