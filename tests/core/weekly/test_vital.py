"""The vital few: few, beyond their own usual, and never what is not stated."""

from service.core.standing import Totals
from service.core.weekly.vital import vital_few

BEFORE = [("SP", Totals(4000, 200)), ("RJ", Totals(1000, 50)), ("MG", Totals(1000, 50)), (None, Totals(500, 25))]


def test_the_segment_that_broke_beyond_its_own_usual_is_named_with_what_is_not_stated() -> None:
    now = [("SP", Totals(500, 26)), ("RJ", Totals(125, 40)), ("MG", Totals(125, 7)), (None, Totals(60, 9))]
    found = vital_few("m", [("region", now, BEFORE)])
    assert found is not None
    assert [(share.value, share.broken, share.attempts) for share in found.few] == [("RJ", 40, 125)]
    assert round(found.few[0].usual, 1) == 6.2
    assert (found.unstated, found.together, found.of) == (9, 49, 82)


def test_a_large_segment_is_not_vital_for_being_large() -> None:
    now = [("SP", Totals(500, 50)), ("RJ", Totals(125, 12)), ("MG", Totals(125, 13)), (None, Totals(60, 6))]
    assert vital_few("m", [("region", now, BEFORE)]) is None


def test_what_is_not_stated_or_was_too_rare_never_wins() -> None:
    now = [(None, Totals(200, 150)), ("__other__", Totals(100, 90)), ("SP", Totals(500, 25)), ("RJ", Totals(125, 6))]
    assert vital_few("m", [("region", now, BEFORE)]) is None


def test_the_dimension_that_explains_most_is_chosen() -> None:
    region = [("SP", Totals(500, 40)), ("RJ", Totals(125, 15)), ("MG", Totals(125, 12))]
    carrier = [("A", Totals(250, 55)), ("B", Totals(250, 6)), ("C", Totals(250, 6))]
    usual = [(name, Totals(1000, 50)) for name in "ABC"]
    found = vital_few("m", [("region", region, BEFORE), ("carrier", carrier, usual)])
    assert found is not None
    assert (found.dimension, [share.value for share in found.few]) == ("carrier", ["A"])


def test_without_weeks_before_a_segment_is_compared_with_the_whole() -> None:
    now = [("A", Totals(100, 40)), ("B", Totals(300, 6)), ("C", Totals(300, 6))]
    found = vital_few("m", [("carrier", now, [])])
    assert found is not None
    assert [share.value for share in found.few] == ["A"]


def test_nothing_broken_has_no_vital_few() -> None:
    assert vital_few("m", [("carrier", [("A", Totals(100, 0)), ("B", Totals(9, 0))], [])]) is None
    assert vital_few("m", []) is None
