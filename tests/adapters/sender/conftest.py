"""A notifier whose targets are files, allowed to reach loopback."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.adapters.sender import AppriseNotifier, SenderSettings
from service.core.catalog import Target
from tests.adapters.sender.receivers import HttpReceiver, Mailbox, http_receiver, smtp_server

Build = Callable[..., AppriseNotifier]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """`build(name=url, …)`: a notifier for these targets, each URL in a file of its own."""

    def made(
        deadline_s: float = 5.0, allow: frozenset[str] = frozenset({"127.0.0.0/8"}), **urls: str
    ) -> AppriseNotifier:
        targets = {}
        for name, url in urls.items():
            place = tmp_path / name
            place.write_text(url + "\n", encoding="utf-8")
            targets[name] = Target(name, url_file=str(place))
        return AppriseNotifier(targets, SenderSettings(deadline_s=deadline_s, allow_hosts=allow))

    return made


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with http_receiver() as started:
        yield started


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with smtp_server() as started:
        yield started
