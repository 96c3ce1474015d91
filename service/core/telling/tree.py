"""The routing tree: which nodes labels end at, and which messages go out together."""

from collections.abc import Iterator, Sequence

from service.core.routes import EACH, Route
from service.core.telling.labels import Labels, matches

_SEPARATOR = "\x1f"


def nodes_of(routes: Sequence[Route], labels: Labels) -> list[Route]:
    """The nodes that labels end at: the deepest of the first that matches, and on where it says `continue`."""
    found: list[Route] = []
    for node in routes:
        if matches(node.matchers, labels):
            found += nodes_of(node.routes, labels) or [node]
            if not node.go_on:
                break
    return found


def every(routes: Sequence[Route]) -> Iterator[Route]:
    """All nodes, each before those below."""
    for node in routes:
        yield node
        yield from every(node.routes)


def group_labels(node: Route, labels: Labels) -> list[tuple[str, str]]:
    """What the messages of a node have in common."""
    names = ("interruption",) if EACH in node.group_by else node.group_by
    return [(name, labels.get(name, "")) for name in names]


def group_key(node: Route, labels: Labels) -> str:
    """The same for what goes out together."""
    parts = [node.path]
    if node.receiver is None:
        # Two owners never share a message.
        parts.append(labels["owner"])
    return _SEPARATOR.join([*parts, *(value for _, value in group_labels(node, labels))])
