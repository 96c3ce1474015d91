import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.adapters.catalog import reader
from service.adapters.catalog.reader import Contents, read_bytes

PATH = Path("f.yaml")


@pytest.fixture(params=["CSafeLoader", "SafeLoader"], autouse=True)
def _parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_LOADER", getattr(yaml, request.param))


def read(text: str | bytes) -> Contents:
    return read_bytes(text if isinstance(text, bytes) else text.encode(), PATH)


def value(text: str) -> Any:
    contents = read(text)
    assert contents.problems == []
    return contents.documents[0].value


def said(text: str | bytes) -> list[str]:
    return [str(problem) for problem in read(text).problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NO", "NO"),
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("y", "y"),
        ("true", True),
        ("FALSE", False),
        ("07:00", "07:00"),
        ("1:30:00", "1:30:00"),
        ("010", "010"),
        ("0o17", "0o17"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("2013-04-16", "2013-04-16"),
        ("-5", -5),
        ("14.4", 14.4),
        ("1e3", 1000.0),
        (".5", 0.5),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ('"5"', "5"),
        ("=", "="),
        ("5m", "5m"),
    ],
)
def test_a_plain_scalar_is_what_yaml_1_2_says(text: str, expected: object) -> None:
    found = value(f"a: {text}")["a"]
    assert expected == found
    assert type(expected) is type(found)


def test_a_key_is_text_as_it_stands() -> None:
    assert value("{NO: a, 1: b, true: c, 1.10: d}") == {"NO": "a", "1": "b", "true": "c", "1.10": "d"}


def test_every_value_knows_its_line() -> None:
    document = read("a:\n  b:\n    - 1\n    - c: 2\n---\nd: 3\n").documents[0]
    assert [
        document.line_of(where) for where in [("a",), ("a", "b"), ("a", "b", 0), ("a", "b", 1), ("a", "b", 1, "c")]
    ] == [1, 2, 3, 4, 4]
    assert document.line_of(("a", "b", "missing")) == 2


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n---\n", "~", "--- null\n...\n", "\ufeff"])
def test_what_is_empty_is_left_out(text: str) -> None:
    assert Contents() == read(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", ["f.yaml:3: a: is written twice, first on line 1; keep one"]),
        (
            "a: &x 1\nb: *x\n",
            [
                "f.yaml:1: a: the anchor &x is not allowed; remove it",
                "f.yaml:2: b: the alias *x is not allowed; write the value out",
            ],
        ),
        ("a:\n  <<: {b: 1}\n", ["f.yaml:2: a: the merge key << is not allowed; write the keys out"]),
        ("a: !!str 5\n", ["f.yaml:1: a: the tag tag:yaml.org,2002:str is not allowed; remove it"]),
        (
            "a: !!python/name:os.abort x\n",
            ["f.yaml:1: a: the tag tag:yaml.org,2002:python/name:os.abort is not allowed; remove it"],
        ),
        (
            "a:\nb: [1, ]\nc: [~]\n",
            [
                "f.yaml:1: a: has no value; write one or remove the key",
                "f.yaml:3: c[0]: has no value; write one or remove the item",
            ],
        ),
        ("? [a, b]\n: 1\n", ["f.yaml:1: has a key that is not plain text; write key: value"]),
        ("a: {~: 1}\n", ["f.yaml:1: a: has a key without a name; name it, or put it in quotes"]),
        ("a: 1e999\n", ["f.yaml:1: a: 1e999 is too large a number; write a smaller one"]),
        ('a: "\\0"\n', ["f.yaml:1: a: holds the control character U+0000; remove it"]),
        (b"a: \x00\n", ["f.yaml:1: holds the control character U+0000; remove it"]),
        (b"a: 1\nb: \x1b[31m\n", ["f.yaml:2: holds the control character U+001B; remove it"]),
        (b"a: 1\nb: \xff\n", ["f.yaml:2: is not UTF-8 text; save the file as UTF-8"]),
        ("a: 1".encode("utf-16"), ["f.yaml:1: is not UTF-8 text; save the file as UTF-8"]),
        (
            "'a b': &x {c d: 1, c d: 2}\n",
            [
                'f.yaml:1: "a b"."c d": is written twice, first on line 1; keep one',
                'f.yaml:1: "a b": the anchor &x is not allowed; remove it',
            ],
        ),
    ],
)
def test_what_is_not_allowed_is_named_with_its_line(text: str | bytes, expected: list[str]) -> None:
    assert expected == sorted(said(text))


@pytest.mark.parametrize(
    "text", ["a: [1\n", "a: b: c\n", "\ta: 1\n", "a: @x\n", 'a: "\\UFFFFFFFF"\n', "a: '\n", "]", "%"]
)
def test_what_is_not_yaml_says_so(text: str) -> None:
    contents = read(text)
    assert not contents.whole
    assert [problem.message.partition(":")[0] for problem in contents.problems] == ["is not YAML"]


def test_documents_before_a_broken_one_are_kept() -> None:
    contents = read("a: 1\n---\nb: [\n")
    assert [document.value for document in contents.documents] == [{"a": 1}]
    assert not contents.whole


def test_an_alias_bomb_is_refused_before_it_grows() -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 200))
    contents = read(bomb)
    assert len(contents.problems) == reader.MOST_PROBLEMS + 1
    assert contents.problems[-1].message == "more problems follow; mend these first"


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 50_000, "- " * 5_000 + "x", "? " * 5_000 + "x"])
def test_what_is_nested_too_deeply_is_refused(text: str) -> None:
    started = time.process_time()
    assert "nested more than 32 levels" in said(text)[0]
    assert time.process_time() - started < 20


def test_what_holds_too_many_values_is_refused() -> None:
    assert said("[" + "1," * 120_000 + "]") == ["f.yaml:1: holds more than 100000 values; split the file"]


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    path.write_bytes(b"#" * (reader.LARGEST_FILE + 1))
    assert [f"{path}: is larger than 1 MiB; split it into several files"] == [
        str(problem) for problem in reader.read(path).problems
    ]
