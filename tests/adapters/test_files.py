import gzip
import json
import os
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.adapters.decode import Decoder
from service.adapters.files import Chunk, EventFileError, EventFiles, describe
from service.adapters.files.order import OrderedFile
from service.core.catalog import Catalog, Meaning, Moment, Source
from service.core.event import DAY, HOUR, MINUTE, SECOND, Micros, Partition, Record, rfc3339

START: Micros = 1_769_851_800 * SECOND
CATALOG = Catalog(moments={"arrives": Moment(name="arrives", owner="ops")})


def line(number: int, at: Micros, **more: Any) -> bytes:
    fixed = {"type": "outcome", "moment": "arrives", "customer": "c", "outcome": "kept"}
    return json.dumps({"id": f"e{number}", "time": rfc3339(at), **fixed, **more}).encode()


def chunks(*paths: Path, source: Source | None = None, **how: Any) -> list[Chunk]:
    return list(EventFiles(paths, Decoder(CATALOG, source), **how).chunks())


def read(*paths: Path, source: Source | None = None, **how: Any) -> list[tuple[str, int, Micros]]:
    """File, line and time of each record, in the order given."""
    return [
        (Path(partition.topic).name, record.offset, record.at)
        for chunk in chunks(*paths, source=source, **how)
        for record, partition in zip(chunk.records, chunk.partitions, strict=True)
    ]


def rejected(*paths: Path, **how: Any) -> list[tuple[int, str]]:
    return [(dead.offset, dead.reason) for chunk in chunks(*paths, **how) for dead in chunk.dead]


def test_a_sorted_file_comes_out_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n".join(line(i, START + i) for i in range(5)) + b"\n")
    assert read(path) == [("a.jsonl", i + 1, START + i) for i in range(5)]


def test_a_files_partition_is_its_name_as_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(line(1, START))
    name = str(path)
    assert EventFiles([name], Decoder(CATALOG)).partitions == (Partition(name, 0, name),)


def test_gzip_is_told_by_its_first_bytes_whatever_the_name(tmp_path: Path) -> None:
    packed, plain = tmp_path / "packed.jsonl", tmp_path / "plain.gz"
    packed.write_bytes(gzip.compress(line(1, START)))
    plain.write_bytes(line(2, START))
    assert read(packed, plain) == [("packed.jsonl", 1, START), ("plain.gz", 1, START)]


def test_a_gzip_file_of_several_members_with_padding_is_one_file(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    whole = line(1, START) + b"\n" + line(2, START + 1) + b"\n"
    path.write_bytes(gzip.compress(whole[:70]) + b"\0" * 9 + gzip.compress(whole[70:]) + b"\0" * 512)
    assert read(path) == [("a.gz", 1, START), ("a.gz", 2, START + 1)]


def test_blank_lines_carriage_returns_and_a_byte_order_mark_are_no_faults_but_lines_count(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.jsonl"
    lines = [
        b"\xef\xbb\xbf" + line(1, START),
        b"",
        b" \t\r",
        line(2, START + 1) + b"\r",
        b"",
        line(3, START + 2),
    ]
    path.write_bytes(b"\n".join(lines))
    assert read(path) == [("a.jsonl", 1, START), ("a.jsonl", 4, START + 1), ("a.jsonl", 6, START + 2)]
    assert rejected(path) == []


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n\r\n", b"\xef\xbb\xbf", gzip.compress(b"", mtime=0)])
def test_a_file_without_events_gives_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    assert read(path) == []
    assert rejected(path) == []


def test_no_files_are_no_events() -> None:
    assert [chunk.records for chunk in chunks() if chunk.records] == []


def test_files_are_merged_by_time_then_file_then_line(tmp_path: Path) -> None:
    a, b = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    a.write_bytes(b"\n".join(line(i, START + at) for i, at in enumerate([0, 5, 5, 9])))
    b.write_bytes(b"\n".join(line(i, START + at) for i, at in enumerate([0, 4, 5, 8, 9])))
    assert read(a, b) == [
        *(("a.jsonl", 1, START), ("b.jsonl", 1, START), ("b.jsonl", 2, START + 4)),
        *(("a.jsonl", 2, START + 5), ("a.jsonl", 3, START + 5), ("b.jsonl", 3, START + 5)),
        *(("b.jsonl", 4, START + 8), ("a.jsonl", 4, START + 9), ("b.jsonl", 5, START + 9)),
    ]


def test_a_rejected_line_is_named_with_file_line_reason_and_detail(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(line(1, START) + b"\n\noops\n" + line(2, START, moment="arives"))
    said = [describe(dead) for chunk in chunks(path) for dead in chunk.dead]
    assert said == [
        f'{path}:3: not_json: Expecting value at character 0, near "oops": send one JSON object',
        f'{path}:4: unknown_moment: moment: "arives" is not in the catalogue: did you mean arrives?',
    ]


@pytest.mark.parametrize("size", [1_048_577, 3_000_000, 10_000_000])
@pytest.mark.parametrize("unsorted", [False, True])
def test_a_line_of_megabytes_costs_its_neighbours_nothing(tmp_path: Path, size: int, unsorted: bool) -> None:
    path = tmp_path / "a.jsonl"
    first, last = (START + 1, START) if unsorted else (START, START + 1)
    path.write_bytes(line(1, first) + b"\n" + b"x" * size + b"\r\n" + line(2, last) + b"\n" + b"y" * size)
    assert sorted(read(path)) == [("a.jsonl", 1, first), ("a.jsonl", 3, last)]
    assert rejected(path) == [(2, "too_large"), (4, "too_large")]
    heads = [dead.payload for chunk in chunks(path) for dead in chunk.dead]
    assert [set(head) for head in heads] == [{ord("x")}, {ord("y")}]


def test_a_gzip_bomb_of_one_line_is_one_dead_letter(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b" " * 100_000_000 + line(1, START), compresslevel=1))
    assert rejected(path) == [(1, "too_large")]


def shuffled(count: int, seed: int = 1) -> list[bytes]:
    lines = [line(i, START + i * SECOND) for i in range(count)]
    random.Random(seed).shuffle(lines)
    return lines


@pytest.mark.parametrize("run_bytes", [64 * 1024 * 1024, 50_000, 2_000])
def test_an_unsorted_file_is_sorted_in_memory_or_on_disk(tmp_path: Path, run_bytes: int) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n".join(shuffled(9_000)))
    found = read(path, run_bytes=run_bytes)
    assert [at for _, _, at in found] == [START + i * SECOND for i in range(9_000)]
    assert len({number for _, number, _ in found}) == 9_000


def test_equal_times_of_an_unsorted_file_stay_by_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n".join(line(i, START - (i % 3) * HOUR) for i in range(300)))
    found = read(path, run_bytes=2_000)
    assert found == sorted(found, key=lambda each: (each[2], each[1]))


def test_an_odd_time_in_a_refused_line_does_not_make_a_sorted_file_unsorted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jsonl"
    odd = [line(8, START).replace(b"2026", b"9999"), line(9, START).replace(b"2026", b"0001")]
    path.write_bytes(b"\n".join([line(1, START), *odd, line(2, START + 1)]))
    monkeypatch.setattr("service.adapters.files.order.OrderedFile._spill", None)
    assert read(path) == [("a.jsonl", 1, START), ("a.jsonl", 4, START + 1)]
    assert rejected(path) == [(2, "future"), (3, "bad_time")]


def test_lines_in_envelopes_and_foreign_words_are_ordered_by_their_own_time(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    data = {"type": "outcome", "moment": "arrives", "customer": "c", "outcome": "kept", "time": "x"}
    wrapped = {"specversion": "1.0", "id": "w", "time": rfc3339(START - DAY), "data": data}
    path.write_bytes(line(1, START) + b"\n" + json.dumps(wrapped).encode())
    assert read(path) == [("a.jsonl", 2, START - DAY), ("a.jsonl", 1, START)]
    path.write_bytes(b'{"n":1,"ts":1769851801}\n{"n":2,"ts":1769851800}\n')
    fixed = {"type": "outcome", "moment": "arrives", "customer": "c", "outcome": "kept"}
    foreign = Source("s", "t", mapping={"id": "n", "time": "ts"}, constants=fixed)
    assert read(path, source=foreign) == [("a.jsonl", 2, START), ("a.jsonl", 1, START + SECOND)]


def test_a_clock_makes_what_lies_beyond_it_the_future(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(line(1, START) + b"\n" + line(2, START + DAY))
    assert rejected(path, now=START) == [(2, "future")]
    assert rejected(path) == []


def test_a_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(
        target=path.write_bytes, args=(gzip.compress(line(2, START + 1) + b"\n" + line(1, START)),)
    )
    writer.start()
    assert read(path) == [("pipe", 2, START), ("pipe", 1, START + 1)]
    writer.join()


def test_what_is_appended_while_reading_is_left_for_another_time(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(line(1, START) + b"\n")
    files = EventFiles([path], Decoder(CATALOG))
    with path.open("ab") as more:
        more.write(line(2, START - DAY))
    assert [record.offset for chunk in files.chunks() for record in chunk.records] == [1]


def test_a_file_that_changes_between_its_two_readings_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(line(1, START) + b"\n" + line(2, START + MINUTE) + b"\n" + b"oops")
    found = EventFiles([path], Decoder(CATALOG))
    file = OrderedFile(found._files[0], found._reading)
    list(file.prepare())
    path.write_bytes(line(1, START) + b"\n" + line(2, START - DAY) + b"\n" + b"oops")
    with pytest.raises(EventFileError, match="changed while it was read"):
        list(file.pieces())


def cut(whole: bytes) -> bytes:
    return whole[:-20]


def damaged(whole: bytes) -> bytes:
    return whole[:-8] + bytes([whole[-8] ^ 255]) + whole[-7:]


def trailed(whole: bytes) -> bytes:
    return whole + b"something else"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [(cut, "is cut"), (damaged, "is damaged"), (trailed, "is damaged"), (lambda w: w[:5], "is cut")],
)
def test_a_spoilt_gzip_file_is_an_error_before_any_event_comes(
    tmp_path: Path, spoil: Callable[[bytes], bytes], said: str
) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(spoil(gzip.compress(b"\n".join(line(i, START + i) for i in range(20_000)))))
    records: list[Record] = []

    def take() -> None:
        for chunk in EventFiles([path], Decoder(CATALOG)).chunks():
            records.extend(chunk.records)

    with pytest.raises(EventFileError, match=said) as raised:
        take()
    assert records == []
    assert str(path) in str(raised.value)
    assert "fetch it again" in str(raised.value)


def test_a_file_that_is_not_there_or_is_a_folder_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(EventFileError, match=r"none\.jsonl does not exist: check the path"):
        EventFiles([tmp_path / "none.jsonl"], Decoder(CATALOG))
    with pytest.raises(EventFileError, match="is a folder: name the files in it"):
        EventFiles([tmp_path], Decoder(CATALOG))
    with pytest.raises(EventFileError, match="cannot be read"):
        EventFiles(["a\0b"], Decoder(CATALOG))


def test_a_full_disk_is_an_error_with_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n".join(shuffled(1_000)))

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("service.adapters.files.order.tempfile.TemporaryFile", full)
    with pytest.raises(EventFileError, match="make room there, set TMPDIR, or sort the file first"):
        read(path, run_bytes=2_000)


@pytest.mark.parametrize("unsorted", [False, True])
def test_progress_only_grows_and_ends_at_the_total(tmp_path: Path, unsorted: bool) -> None:
    a, b = tmp_path / "a.jsonl", tmp_path / "b.gz"
    lines = shuffled(20_000) if unsorted else [line(i, START + i) for i in range(20_000)]
    a.write_bytes(b"\n".join(lines))
    b.write_bytes(gzip.compress(b"\n".join(lines), compresslevel=1))
    found = chunks(a, b, run_bytes=500_000)
    done = [chunk.bytes_done for chunk in found]
    assert done == sorted(done)
    assert done[-1] == found[-1].bytes_total == 2 * (a.stat().st_size + b.stat().st_size)
    assert max(len(chunk.records) for chunk in found) <= 10_000
    assert sum(len(chunk.records) for chunk in found) == 40_000


_lines = st.lists(
    st.one_of(
        st.tuples(st.integers(0, 8), st.integers(0, 99)).map(lambda pair: line(pair[1], START + pair[0] * MINUTE)),
        st.sampled_from([b"", b" ", b"\r", b"{", b"null", b"\xff", line(1, START, moment="x"), b"y" * 3_000]),
    ),
    max_size=40,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(_lines, min_size=1, max_size=3), st.booleans(), st.sampled_from([500, 10**6]))
def test_every_line_that_is_not_blank_comes_out_once_in_order_or_is_refused(
    tmp_path: Path, files: list[list[bytes]], packed: bool, run_bytes: int
) -> None:
    paths = [tmp_path / f"{number}.jsonl" for number in range(len(files))]
    expected: list[tuple[Micros, int, int]] = []
    refused: set[tuple[str, int]] = set()
    for number, (path, lines) in enumerate(zip(paths, files, strict=True)):
        text = b"\n".join(lines)
        path.write_bytes(gzip.compress(text) if packed else text)
        for at, each in enumerate(lines, 1):
            if each.startswith(b'{"id"') and b'"x"' not in each:
                minutes = int(json.loads(each)["time"][14:16]) - 30
                expected.append((START + minutes * MINUTE, number, at))
            elif each.strip():
                refused.add((str(path), at))
    found = chunks(*paths, run_bytes=run_bytes)
    order = {str(path): number for number, path in enumerate(paths)}
    assert sorted(expected) == [
        (record.at, order[partition.topic], record.offset)
        for chunk in found
        for record, partition in zip(chunk.records, chunk.partitions, strict=True)
    ]
    dead = [(each.partition.topic, each.offset) for chunk in found for each in chunk.dead]
    assert sorted(dead) == sorted(refused)


def test_a_reader_who_trusts_is_told_to_begin_anew_where_a_file_is_not_sorted(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    made = [line(i, START + i * SECOND, reason="x" * 3_000) for i in range(600)]
    path.write_bytes(b"\n".join([*made[1:], made[0]]))
    found = chunks(path, trusting=True)
    places = [place for place, chunk in enumerate(found) if chunk.anew]
    assert len(places) == 1
    assert sum(len(chunk.records) for chunk in found[: places[0]]) > 0
    times = [record.at for chunk in found[places[0] :] for record in chunk.records]
    assert times == [START + i * SECOND for i in range(600)]


def test_a_sorted_file_is_read_once_by_a_reader_who_trusts(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n".join(line(i, START + i * SECOND) for i in range(600)))
    trusted, looked = chunks(path, trusting=True), chunks(path)
    assert not any(chunk.anew for chunk in trusted)
    assert [chunk.records for chunk in trusted] == [chunk.records for chunk in looked]


def test_a_line_that_is_several_events_is_each_of_them_once_also_where_the_file_is_unsorted(tmp_path: Path) -> None:
    source = Source(
        "orders",
        "orders",
        mapping={"time": "at", "customer": "who", "key": "order"},
        events=(
            Meaning("shipped", "kept", "arrives"),
            Meaning("shipped", "promise", "arrives", {"key": "parcel", "due": "eta"}),
        ),
    )
    lines = [
        {
            "order": n,
            "parcel": f"p{n}",
            "who": "c",
            "shipped": n != 3,
            "at": rfc3339(START + m * HOUR),
            "eta": "2026-03-09T00:00:00Z",
        }
        for n, m in ((1, 5), (2, 1), (3, 2), (4, 4))
    ]
    file = tmp_path / "orders.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in lines))
    for run_bytes in (1, 1 << 20):
        records = [record for chunk in chunks(file, source=source, run_bytes=run_bytes) for record in chunk.records]
        assert [record.offset for record in records] == [2, 2, 4, 4, 1, 1]
        assert len({record.event.id for record in records}) == 6
