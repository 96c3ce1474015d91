"""From cells to what detectors see."""

import json

import pytest

from detectors.frame import WHOLE, Frame
from service.core.counting.tally import Cell, Values, Window
from service.core.judging import frames
from service.core.judging.frames import MAX_VALUES, OTHER, Explained, Framer
from service.core.judging.gathered import gather
from tests.core.making import at, window

NAMES = ("region", "carrier")


def rows(frame: Frame) -> dict[str, tuple[int, float, int]]:
    """(trials, hits, arrivals) by segment."""
    table = zip(frame.trials.tolist(), frame.hits.tolist(), frame.arrivals.tolist(), strict=True)
    return dict(zip(frame.segments, table, strict=True))


def made(*windows: Window, explained: tuple[Explained, ...] = (), framer: Framer | None = None) -> Frame:
    return (framer or Framer(NAMES)).frame(at(0), at(15), gather(windows), explained)


def test_cells_count_in_the_whole_and_in_each_of_their_values() -> None:
    frame = made(
        window(0, {("north", "a"): (4, 1), ("south", "a"): (2, 2)}),
        window(3, {("north", "b"): (3, 0)}),
    )
    assert rows(frame) == {
        WHOLE: (9, 3, 9),
        "carrier=a": (6, 3, 6),
        "carrier=b": (3, 0, 3),
        "region=north": (7, 1, 7),
        "region=south": (2, 2, 2),
    }
    assert (frame.start, frame.end, frame.outside) == (at(0), at(15), None)


def test_values_are_summed_for_the_whole() -> None:
    cells: dict[Values, Cell] = {
        ("north", "a"): Cell(attempts=2, value=500),
        ("south", None): Cell(attempts=1, value=30),
    }
    frame = made(Window(at(0), at(1), cells), Window(at(3), at(4), {("north", "b"): Cell(attempts=1, value=7)}))
    assert frame.beside.values == {WHOLE: 537}


def test_rows_are_sorted_by_name_and_the_whole_comes_first() -> None:
    frame = made(window(0, {("z", "a"): (1, 0), ("b", None): (1, 0)}))
    assert frame.segments == (WHOLE, "carrier=a", "region=b", "region=z")


def test_what_is_not_stated_counts_in_the_whole_and_in_no_segment() -> None:
    assert rows(made(window(0, {(None, "a"): (4, 1), (None, None): (5, 2)}))) == {
        WHOLE: (9, 3, 9),
        "carrier=a": (4, 1, 4),
    }


def test_nothing_is_a_frame_of_the_whole_alone() -> None:
    assert rows(made()) == {WHOLE: (0, 0, 0)}


def test_arrivals_are_not_attempts() -> None:
    cells: dict[Values, Cell] = {
        ("north", None): Cell(attempts=1, arrivals=0),
        (None, None): Cell(attempts=0, arrivals=7),
    }
    assert rows(made(Window(at(0), at(1), cells))) == {WHOLE: (1, 0, 7), "region=north": (1, 0, 0)}


def test_what_a_segment_explains_counts_there_as_it_is_and_elsewhere_as_usual() -> None:
    explained = (Explained("carrier", {"a": 0.1}),)
    frame = made(window(0, {("north", "a"): (10, 9), ("north", "b"): (10, 2)}), explained=explained)
    assert rows(frame) == {
        WHOLE: (20, 3, 20),
        "carrier=a": (10, 9, 10),
        "carrier=b": (10, 2, 10),
        "region=north": (20, 3, 20),
    }
    assert frame.outside is not None
    # Outside of carrier a only b's; outside of b what would be usual in a; outside of the whole nothing.
    assert frame.outside.tolist() == pytest.approx([0, 2, 1, 0])


def test_a_cell_is_explained_once() -> None:
    explained = (Explained("carrier", {"a": 0.1}), Explained("region", {"north": 0.5}))
    frame = made(window(0, {("north", "a"): (10, 9), ("north", "b"): (10, 8)}), explained=explained)
    # The first account takes carrier a, the second what is left of the north.
    assert rows(frame)[WHOLE] == (20, 6, 20)
    assert rows(frame)["region=north"] == (20, 9, 20)


def test_beyond_a_thousand_values_the_rest_is_counted_together() -> None:
    framer = Framer(("shop",))
    many: dict[Values, tuple[int, int]] = {(f"s{n}",): (1, 0) for n in range(MAX_VALUES + 20)}
    frame = framer.frame(at(0), at(15), gather([window(0, many)]))
    assert len(frame.segments) == MAX_VALUES + 2
    assert rows(frame)[f"shop={OTHER}"] == (20, 0, 20)
    assert rows(frame)[WHOLE] == (MAX_VALUES + 20, 0, MAX_VALUES + 20)
    # Those that were first keep their rows.
    later = framer.frame(at(15), at(30), gather([window(15, {("s3",): (2, 1), ("new",): (5, 1)})]))
    assert rows(later) == {WHOLE: (7, 2, 7), f"shop={OTHER}": (5, 1, 5), "shop=s3": (2, 1, 2)}


def test_a_framer_goes_on_from_its_dump() -> None:
    framer = Framer(("shop",))
    many: dict[Values, tuple[int, int]] = {(f"s{n}",): (1, 0) for n in range(MAX_VALUES)}
    framer.frame(at(0), at(15), gather([window(0, many)]))
    back = Framer(("shop",), json.loads(json.dumps(framer.dump())))
    frame = back.frame(at(15), at(30), gather([window(15, {("new",): (1, 0), ("s1",): (1, 0)})]))
    assert set(rows(frame)) == {WHOLE, "shop=s1", f"shop={OTHER}"}


def test_remembering_tuples_or_too_many_of_them_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    windows = [
        window(start, {(f"r{n % size}", f"c{n % 3}" if n % 4 else None): (1, n % 2) for n in range(start, 40)})
        for start, size in ((20, 9), (0, 40), (10, 9))
    ]

    def course(most: int) -> list[object]:
        monkeypatch.setattr(frames, "MAX_TUPLES", most)
        framer = Framer(NAMES)
        found: list[object] = [rows(made(one, framer=framer)) for one in windows]
        return [*found, framer.dump(), framer._places is None]

    *few, given_up = course(30)
    *many, kept = course(1_000)
    assert (few, given_up, kept) == (many, True, False)
