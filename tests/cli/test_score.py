"""`momentwatch score` as people and programs see it."""

import argparse
import gzip
import random
from pathlib import Path

import pytest

from service.cli import score
from tests.detectors.series.simulated import SERIES, Series, daily


def run(path: Path) -> int:
    parser = argparse.ArgumentParser()
    score.add(parser.add_subparsers())
    parsed = parser.parse_args(["score", str(path)])
    code: int = parsed.run(parsed)
    return code


def write(path: Path, series: Series) -> Path:
    rows = "".join(f"{time:.0f},{value!r}\n" for time, value in series)
    path.write_text(f"timestamp,value\n{rows}")
    return path


def lines(path: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert run(path) == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("nature", SERIES)
def test_a_score_knows_the_rows_so_far_and_no_others(
    nature: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file cut at 20 random places gives the same scores up to the cut."""
    series = SERIES[nature](20)[:700]
    whole = lines(write(tmp_path / "whole.csv", series), capsys)
    assert len(whole) == 701
    for cut in random.Random(nature).sample(range(1, 700), 20):
        assert lines(write(tmp_path / "cut.csv", series[:cut]), capsys) == whole[: cut + 1]


def test_the_first_two_columns_come_back_as_they_were(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ["2014-04-01 00:00:00,020.50", '"2014-04-01T00:05:00Z", 1e1', "1396310400,-.5", "2014-04-01 00:15:00,7."]
    path = tmp_path / "a.csv"
    path.write_bytes(("\ufeffTimestamp,value\r\n" + "\r\n".join(rows)).encode())
    assert lines(path, capsys) == ["timestamp,value,anomaly_score", *(f"{row},0" for row in rows)]


def test_gzip_is_read_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = write(tmp_path / "a.csv", daily(21)[:300])
    packed = tmp_path / "b.csv"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert lines(packed, capsys) == lines(plain, capsys)


def test_what_is_no_number_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It scores 0, and the rows around it score as if it were not there."""
    series = daily(22)[:400]
    whole = lines(write(tmp_path / "a.csv", series), capsys)
    odd = ["", "nan", "NULL", "inf", "1e999", "1_0", "0x1", "1.2.3", "--1", "\u0662"]
    rows = [f"{time:.0f},{value!r}" for time, value in series]
    for at, word in enumerate(odd):
        rows.insert(200 + 7 * at, f"1767285600,{word}")
    path = tmp_path / "b.csv"
    path.write_text("timestamp,value\n" + "\n".join(rows) + "\n")
    found = lines(path, capsys)
    assert [line for line in found if line.split(",")[1] in odd] == [f"1767285600,{word},0" for word in odd]
    assert [line for line in found if line.split(",")[1] not in odd] == whole


def test_a_time_that_is_none_is_told_and_scored_without(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.csv"
    path.write_text("timestamp,value\n" + "".join(f"row {at},{at % 7}\n" for at in range(150)))
    assert run(path) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 151
    assert err == (
        f"{path}: 150 rows have a timestamp that is no time; the time of day was not used for them: "
        "write 2014-04-01T00:05:00Z\n"
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "{} is empty: its first line must be timestamp,value"),
        (b"\n \n", "{} is empty: its first line must be timestamp,value"),
        (b"time,number\n1,2\n", "{}:1: the header is 'time,number': write timestamp,value"),
        (b"timestamp,value\n\n1,2\n3\n", "{}:4: '3' has 1 column: give two, timestamp and value"),
        (b"timestamp,value\n1,2,3\n", "{}:2: '1,2,3' has 3 columns: give two, timestamp and value"),
        (
            b'timestamp,value\n1,"2\n',
            "{}:2: '1,\"2' has a quote that is not closed: write a quote inside of quotes twice",
        ),
        (b"timestamp,value\n1,\xff\n", "{}:2: byte 3 is no UTF-8: save the file as text in UTF-8"),
        (b"timestamp,value\n1," + b"9" * 2_000_000, "{}:2: a line of more than 1048576 bytes: give one row a line"),
        (gzip.compress(b"timestamp,value\n1,2\n", mtime=0)[:-4], "{} is cut"),
        (b"\x1f\x8bnonsense", "{} is damaged"),
    ],
)
def test_a_hostile_file_is_told_by_name_line_and_remedy(
    content: bytes, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    assert run(path) == 1
    assert capsys.readouterr().err.startswith(told.format(path))


def test_a_file_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "no.csv") == 1
    assert capsys.readouterr().err == f"{tmp_path / 'no.csv'} does not exist: check the path\n"
    assert run(tmp_path) == 1
    assert capsys.readouterr().err == f"{tmp_path} is a folder: name the files in it\n"
