"""Tuples of values are remembered while there is room, kept small, and the same whether they are remembered or not."""

from service.adapters.store.sql.packing import ValuesCodec
from service.core.counting.tally import Values

NAMES = ("region", "plan")
TUPLES: list[Values] = [(f"r{n % 7}", f"p{n}" if n % 5 else None) for n in range(40)]


def test_what_is_remembered_has_a_bound_and_answers_are_the_same_beyond_it() -> None:
    roomy, tight = ValuesCodec(NAMES), ValuesCodec(NAMES, most=8)
    texts = [roomy.text(values) for values in TUPLES]

    assert [tight.text(values) for values in TUPLES] == texts
    assert tight.all_values(texts) == roomy.all_values(texts) == TUPLES
    for start in range(0, len(texts), 5):
        assert tight.all_values(texts[start : start + 5]) == TUPLES[start : start + 5]
        assert len(tight._values) <= 8
    assert len(tight._texts) <= 8


def test_a_value_that_many_tuples_have_is_kept_once() -> None:
    codec = ValuesCodec(NAMES)
    found = codec.all_values([codec.text(values) for values in TUPLES])

    assert len({id(region) for region, _ in found}) == len({region for region, _ in found}) == 7
