"""Finds the YAML files of a folder, hidden ones left out, and says which cannot be read."""

import os
import stat
from pathlib import Path

from service.adapters.catalog.problem import Problem, name_of

MOST_ENTRIES = 10_000
"""Files and folders looked at: somebody who names `/` is told so instead of waiting."""
DEEPEST = 32
_SUFFIXES = (".yaml", ".yml")


def files_of(path: Path) -> tuple[list[Path], list[Problem]]:
    """The files of a folder and its subfolders in the order of their names; a file stands alone."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return [], [_unreadable(path, error)]
    if not stat.S_ISDIR(mode):
        return ([path], []) if stat.S_ISREG(mode) else ([], [_not_regular(path)])
    search = _Search()
    search.enter(path, ())
    if not search.files and not search.problems:
        problem = Problem(name_of(path), 0, "", "holds no *.yaml or *.yml file; add one with an Owner and a Moment")
        return [], [problem]
    return search.files, search.problems


class _Search:
    def __init__(self) -> None:
        self.files: list[Path] = []
        self.problems: list[Problem] = []
        self._seen = 0

    def enter(self, folder: Path, above: tuple[tuple[int, int], ...]) -> None:
        """Walk a folder; `above` are the identities of the folders around it, to see loops of links."""
        try:
            status = folder.stat()
            names = sorted(entry.name for entry in os.scandir(folder))
        except OSError as error:
            self.problems.append(_unreadable(folder, error))
            return
        identity = (status.st_dev, status.st_ino)
        if identity in above:
            self.problems.append(Problem(name_of(folder), 0, "", "is a link to a folder around it; remove the link"))
            return
        if len(above) == DEEPEST:
            self.problems.append(Problem(name_of(folder), 0, "", f"lies more than {DEEPEST} folders deep; move it up"))
            return
        for name in names:
            self._seen += 1
            if self._seen == MOST_ENTRIES + 1:
                text = f"is the entry after the first {MOST_ENTRIES}; name a folder that holds rules only"
                self.problems.append(Problem(name_of(folder / name), 0, "", text))
            if self._seen > MOST_ENTRIES:
                return
            # Kubernetes mounts a ConfigMap as links into hidden folders: `..data` would be read twice.
            if not name.startswith("."):
                self._take(folder / name, (*above, identity))

    def _take(self, path: Path, above: tuple[tuple[int, int], ...]) -> None:
        wanted = path.name.endswith(_SUFFIXES)
        try:
            mode = path.stat().st_mode
        except OSError as error:
            if wanted or path.is_symlink():
                self.problems.append(_unreadable(path, error))
            return
        if stat.S_ISDIR(mode):
            self.enter(path, above)
        elif wanted and not stat.S_ISREG(mode):
            self.problems.append(_not_regular(path))
        elif wanted:
            self.files.append(path)


def _unreadable(path: Path, error: OSError) -> Problem:
    return Problem(name_of(path), 0, "", f"cannot be read: {error.strerror or error}; check the path and its rights")


def _not_regular(path: Path) -> Problem:
    return Problem(name_of(path), 0, "", "is neither a file nor a folder; remove it")
