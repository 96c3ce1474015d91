"""The loop with the real notifier and real receivers: down, slow, asking to wait, and then well."""

from pathlib import Path
from random import Random

from service.adapters.sender import AppriseNotifier, SenderSettings
from service.adapters.store.memory import MemoryStore
from service.core.catalog import Target
from service.core.event import MINUTE, SECOND, Micros
from service.core.outbox import OutboxRow
from service.core.telling.route import Notice
from service.loops.retry import Policy
from service.loops.send import Sender
from tests.adapters.sender.receivers import Reply, http_receiver, message, smtp_server

START: Micros = 1_700_000_000 * SECOND


class Desk:
    def __init__(self, folder: Path, **urls: str) -> None:
        targets = {}
        for name, url in urls.items():
            (folder / name).write_text(url, encoding="utf-8")
            targets[name] = Target(name, url_file=str(folder / name))
        self.targets = targets
        self.now = START
        self.store = MemoryStore()
        self.patience(20.0)

    def patience(self, seconds: float) -> None:
        """Wait so long for an answer from now on: long enough to get one, or to have handed over what has none."""
        settings = SenderSettings(deadline_s=seconds, allow_hosts=frozenset({"127.0.0.1"}))
        self.sender = Sender(
            self.store,
            AppriseNotifier(self.targets, settings),
            lambda: self.now,
            random=Random(1),
            policy=Policy(jitter=0.0),
        )

    def put(self, target: str) -> None:
        key = f"key-{target}"
        self.store.enqueue([Notice(key, target, "opened", message(key=key))], self.now)

    def after(self, pause: Micros) -> dict[str, OutboxRow]:
        self.now += pause
        self.sender.run_once()
        return {row.notice.target: row for row in self.store.outbox()}


def test_what_a_busy_target_asks_for_is_kept_and_then_it_is_sent_once(tmp_path: Path) -> None:
    with http_receiver(Reply(429, {"Retry-After": "90"})) as receiver:
        desk = Desk(tmp_path, hook=f"json://127.0.0.1:{receiver.port}/")
        desk.put("hook")
        assert desk.after(0)["hook"].last_error == "answered 429"
        desk.after(89 * SECOND)
        assert len(receiver.posted) == 1
        assert desk.after(SECOND)["hook"].state == "sent"
        desk.after(60 * MINUTE)
        assert [posted.json["repeat"] for posted in receiver.posted] == [False, False]


def test_a_slow_target_gets_one_repeat_that_says_so(tmp_path: Path) -> None:
    with http_receiver(Reply(drip_s=60)) as receiver:
        desk = Desk(tmp_path, hook=f"json://127.0.0.1:{receiver.port}/")
        desk.put("hook")
        desk.patience(3.0)
        row = desk.after(0)["hook"]
        desk.patience(20.0)
        assert (row.state, row.ambiguous) == ("waiting", True)
        assert desk.after(5 * MINUTE)["hook"].state == "sent"
        first, second = (posted.json for posted in receiver.posted)
        assert first["key"] == second["key"]
        assert (first["repeat"], second["repeat"]) == (False, True)
        assert second["message"].startswith("You may have this already")


def test_one_target_that_is_down_keeps_no_mail_back(tmp_path: Path) -> None:
    with smtp_server() as mailbox:
        mail = f"mailto://127.0.0.1:{mailbox.port}/?from=watch@shop.example&to=ops@shop.example"
        desk = Desk(tmp_path, down="json://127.0.0.1:1/", mail=mail)
        desk.put("down")
        desk.put("mail")
        rows = desk.after(0)
        assert (rows["down"].state, rows["mail"].state) == ("waiting", "sent")
        assert len(mailbox.mails) == 1
        with http_receiver() as receiver:
            (tmp_path / "down").write_text(f"json://127.0.0.1:{receiver.port}/", encoding="utf-8")
            assert desk.after(10 * SECOND)["down"].state == "sent"
        assert len(mailbox.mails) == 1
