"""What is said of bad files, letter for letter: each `golden/bad-*.yaml` beside its `.txt`."""

import shutil
from pathlib import Path

import pytest

from service.adapters.catalog import CatalogError, load
from tests.adapters.catalog.helpers import CHAT, OPS, document, lines, problems

GOLDEN = Path(__file__).parent / "golden"


def of_folder(folder: Path) -> list[str]:
    with pytest.raises(CatalogError) as error:
        load(folder)
    return lines(folder, error.value.problems)


@pytest.mark.parametrize("bad", sorted(GOLDEN.glob("bad-*.yaml")), ids=lambda bad: bad.stem)
def test_a_bad_file_is_told_all_its_faults(bad: Path, tmp_path: Path) -> None:
    shutil.copy(bad, tmp_path)
    shutil.copy(GOLDEN / "around.yaml", tmp_path)
    expected = bad.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    assert of_folder(tmp_path) == expected


@pytest.mark.parametrize("url", ["slack://xoxb-1234/secret", "{env: slack://xoxb-1234/secret}", "[xoxb-1234]"])
def test_no_error_repeats_a_secret(url: str, tmp_path: Path) -> None:
    said = problems(tmp_path, document("Target", f"url: {url}"), OPS, CHAT)
    assert said
    assert "xoxb" not in "".join(said)


def test_two_of_a_name_name_both_places(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(OPS)
    (tmp_path / "b.yaml").write_text(f"{CHAT}\n---\n{OPS}")
    first = f"{tmp_path}/a.yaml:1"
    message = f'Owner "ops" is declared already at {first}; rename or remove one'
    assert of_folder(tmp_path) == [f"b.yaml:3: metadata.name: {message}"]


def test_managers_in_a_circle_are_named_once(tmp_path: Path) -> None:
    managers = [("a", "b"), ("b", "c"), ("c", "a"), ("d", "a"), ("e", "e")]
    owners = [document("Owner", f"manager: {manager}", name=name) for name, manager in managers]
    remedy = "leave out the manager of whoever is on top"
    assert problems(tmp_path, *owners) == [
        f"rules.yaml:5: spec.manager: is a circle: a → b → c → a; {remedy}",
        f"rules.yaml:33: spec.manager: is a circle: e → e; {remedy}",
    ]


def test_one_topic_is_read_by_one_source(tmp_path: Path) -> None:
    sources = [document("Source", "topic: t", name=name) for name in ("a", "b")]
    said = problems(tmp_path, *sources)
    assert said == ['rules.yaml:12: spec.topic: "t" is read by Source a already; keep one of them']


def test_the_problems_of_all_files_are_said_at_once_and_in_order(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("a: 1\na: 2\n")
    (tmp_path / "a.yaml").write_text("[\n")
    (tmp_path / "c.yaml").write_text(document("Moment", "window: 2m\nowner: ops"))
    assert of_folder(tmp_path) == [
        "a.yaml:2: is not YAML: did not find expected node content; mend the line",
        "b.yaml:2: a: is written twice, first on line 1; keep one",
        "c.yaml:5: spec.window: 2m is not a window; write one of 1m, 5m, 10m, 15m, 30m, 1h",
    ]


def test_what_could_not_be_read_is_not_called_missing(tmp_path: Path) -> None:
    broken = OPS.replace("[chat]", "5")
    said = problems(tmp_path, broken, document("Moment", "owner: ops"))
    assert said == ["rules.yaml:1: spec.targets: 5 is a number where a list is expected; write [5]"]
