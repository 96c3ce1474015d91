"""A progress bar on standard error, only where somebody looks at it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from service.core.counting.changes import Counts

Tell = Callable[[int, int, Counts], None]


@contextmanager
def bar(what: str) -> Iterator[Tell]:
    """A function to tell how far it is: done, total, and the counts so far."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=40),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[read]:,} " + what),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(file=sys.stderr)
    with Progress(*columns, console=console, transient=False, disable=not console.is_terminal) as progress:
        task = progress.add_task("reading", total=None, read=0)

        def tell(done: int, total: int, counts: Counts) -> None:
            progress.update(task, completed=done, total=total, read=counts.read)

        yield tell
