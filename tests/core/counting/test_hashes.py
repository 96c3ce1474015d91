import numpy as np
import pytest

from service.core.counting.hashes import Hashes


@pytest.mark.parametrize("batch", [1, 7, 3000])
def test_the_table_says_the_number_under_which_a_hash_came_last(batch: int) -> None:
    rng = np.random.default_rng(batch)
    table, told, number = Hashes(), dict[int, int](), 1
    # A few homes only, so that all of them meet others' places; zero is a hash as any other.
    pool = rng.integers(0, 20, 4000, dtype=np.uint64) << np.uint64(59) | rng.integers(0, 300, 4000, dtype=np.uint64)
    for _ in range(12 if batch > 1 else 300):
        hashes = rng.choice(pool, batch)
        _, numbers = table.find(hashes)
        assert numbers.tolist() == [told.get(each, 0) for each in hashes.tolist()]
        table.put(hashes, None, number, 1)
        for each in hashes.tolist():
            told[each] = number
            number += 1


def test_what_counts_no_more_makes_room() -> None:
    rng = np.random.default_rng(1)
    table, kept = Hashes(), np.zeros(0, dtype=np.uint64)
    for first in range(1, 400_001, 4_000):
        hashes = rng.integers(0, 2**64, 4_000, dtype=np.uint64)
        places, numbers = table.find(hashes)
        assert not numbers.any()
        table.put(hashes, places, first, max(first - 10_000, 1))
        kept = np.concatenate([kept, hashes])[-14_000:]
    _, numbers = table.find(kept)
    assert numbers.tolist() == list(range(400_001 - len(kept), 400_001))
    # A hundred thousand places and more for four hundred thousand hashes would be one for each that ever came.
    assert len(table._when) < 120_000
    assert len(table._hashes) < 18_000


def test_what_was_found_is_of_use_to_put() -> None:
    hashes = np.arange(500, dtype=np.uint64) << np.uint64(40)
    table = Hashes()
    places, _ = table.find(hashes)
    table.put(hashes, places, 1, 1)
    assert table.find(hashes)[1].tolist() == list(range(1, 501))
