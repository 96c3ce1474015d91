"""Texts of tuples are remembered while there is room; they are the same, and mean the same, whether they are or not."""

from service.adapters.store.sql.packing import ValuesCodec
from service.core.counting.tally import Values

NAMES = ("region", "sub-plan")
TUPLES: list[Values] = [(f"r{n % 7}", f'"p",{n}\\' if n % 5 else None) for n in range(40)]


def test_what_is_remembered_has_a_bound_and_texts_are_the_same_beyond_it() -> None:
    roomy, tight = ValuesCodec(NAMES), ValuesCodec(NAMES, most=8)

    assert [tight.text(values) for values in TUPLES] == [roomy.text(values) for values in TUPLES]
    assert len(tight._texts) <= 8


def test_what_is_stored_comes_back_as_it_was() -> None:
    codec = ValuesCodec(NAMES)

    assert codec.all_values(",".join(codec.text(values) for values in TUPLES)) == TUPLES
    assert [codec.values(codec.text(values)) for values in TUPLES] == TUPLES


def test_dimensions_that_came_and_went_are_not_stated_and_left_out() -> None:
    text = ValuesCodec(NAMES).text(("r1", "p1"))

    assert ValuesCodec(("carrier", "region")).values(text) == (None, "r1")
    assert ValuesCodec(()).values(text) == ()
