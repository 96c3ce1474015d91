import errno
import os
from pathlib import Path

import pytest

from service.adapters.catalog import CatalogError, folder, load
from tests.adapters.catalog.helpers import OPS, lines


def said(path: Path, root: Path) -> list[str]:
    with pytest.raises(CatalogError) as error:
        load(path)
    return lines(root, error.value.problems)


def test_yaml_files_of_all_subfolders_are_read_and_nothing_else(tmp_path: Path) -> None:
    for number, name in enumerate(["a.yaml", "b.yml", "c/d.yaml", "c/e/f.yml"]):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(OPS.replace("ops", f"ops-{number}").replace("targets: [chat]", ""))
    for name in ["README.md", "g.yaml.bak", ".hidden.yaml", "h.json"]:
        (tmp_path / name).write_text("[")
    assert list(load(tmp_path).catalog.owners) == ["ops-0", "ops-1", "ops-2", "ops-3"]


def test_a_mounted_config_map_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "..2024_01_01").mkdir()
    (tmp_path / "..2024_01_01" / "a.yaml").write_text(OPS.replace("targets: [chat]", ""))
    (tmp_path / "..data").symlink_to("..2024_01_01")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    assert list(load(tmp_path).catalog.owners) == ["ops"]


def test_one_file_stands_alone_whatever_its_name(tmp_path: Path) -> None:
    path = tmp_path / ".owners.txt"
    path.write_text(OPS.replace("targets: [chat]", ""))
    assert list(load(path).catalog.owners) == ["ops"]


def test_a_folder_without_yaml_is_an_error(tmp_path: Path) -> None:
    remedy = "holds no *.yaml or *.yml file; add one with an Owner and a Moment"
    assert said(tmp_path, tmp_path) == [f"{tmp_path}: {remedy}"]


def test_a_folder_of_empty_files_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("# nothing yet\n---\n")
    assert said(tmp_path, tmp_path) == [f"{tmp_path}: declares nothing; add an Owner and a Moment"]


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    remedy = "cannot be read: No such file or directory; check the path and its rights"
    assert said(tmp_path / "rules", tmp_path) == [f"rules: {remedy}"]


def test_links_that_lead_nowhere_or_in_circles_are_errors(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to("gone.yaml")
    (tmp_path / "b.yaml").symlink_to("b.yaml")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "up").symlink_to("..")
    assert said(tmp_path, tmp_path) == [
        "a.yaml: cannot be read: No such file or directory; check the path and its rights",
        "b.yaml: cannot be read: Too many levels of symbolic links; check the path and its rights",
        "c/up: is a link to a folder around it; remove the link",
    ]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yaml")
    assert said(tmp_path, tmp_path) == ["a.yaml: is neither a file nor a folder; remove it"]


def test_a_file_without_rights_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, mode: str) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    (tmp_path / "a.yaml").write_text(OPS)
    monkeypatch.setattr(Path, "open", refuse)
    remedy = "cannot be read: Permission denied; check the path and its rights"
    assert said(tmp_path, tmp_path) == [f"a.yaml: {remedy}"]


def test_too_many_entries_stop_the_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "MOST_ENTRIES", 3)
    for name in "abcde":
        (tmp_path / f"{name}.yaml").write_text("")
    remedy = "is the entry after the first 3; name a folder that holds rules only"
    assert said(tmp_path, tmp_path) == [f"d.yaml: {remedy}"]


def test_a_name_that_no_terminal_can_print_is_escaped(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff\n.yaml"))
    path.write_text("[")
    (line,) = said(tmp_path, tmp_path)
    assert line.startswith("a\\xff\\n.yaml:2: is not YAML")
