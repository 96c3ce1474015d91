"""A table grows by what comes, keeps a fresh column in its last place, and says where each name stands."""

from detectors.table import Layout, Table

LAYOUT = Layout({"count": 1, "weights": 2}, {"weights": 0.5})
FRESH = [0.0, 0.5, 0.5]


def test_names_have_places_in_the_order_in_which_they_came_first() -> None:
    table = Table(LAYOUT)

    assert table.add(["b", "a", "b"]).tolist() == [0, 1, 0]
    assert table.add(["c", "a"]).tolist() == [2, 1]
    assert table.names == ["b", "a", "c"]


def test_what_is_known_stays_when_many_come_and_who_is_not_there_is_fresh() -> None:
    table = Table(LAYOUT)
    table.data[table.at["count"], table.add(["first"])] = 3.0

    for count in (14, 15, 16, 40, 1_000):
        table.add(f"n{n}" for n in range(count))
        assert table.gather(table.find(["first", "nobody", f"n{count - 1}"])).T.tolist() == [
            [3.0, 0.5, 0.5],
            FRESH,
            FRESH,
        ]


def test_no_more_than_a_quarter_is_spare_and_the_columns_are_odd_in_number() -> None:
    for count in (20, 101, 255, 4_001):
        table = Table(LAYOUT)
        table.add(map(str, range(count)))

        columns = table.data.shape[1]
        assert count < columns <= 1.25 * (count + 2)
        assert columns % 2
