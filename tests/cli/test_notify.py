"""`momentwatch notify --test`: one mail, one post, or a reason why not."""

import argparse
from pathlib import Path

import pytest

from service.cli import notify
from tests.adapters.sender.receivers import http_receiver, smtp_server


def configured(folder: Path, **urls: str) -> Path:
    rules = folder / "rules"
    rules.mkdir()
    documents = []
    for name, url in urls.items():
        (folder / f"{name}.url").write_text(url, encoding="utf-8")
        documents.append(
            "apiVersion: momentwatch/v1\nkind: Target\n"
            f"metadata: {{name: {name}}}\nspec: {{url: {{file: {folder / name}.url}}}}\n"
        )
    documents.append(
        f"apiVersion: momentwatch/v1\nkind: Owner\nmetadata: {{name: ops}}\nspec: {{targets: [{', '.join(urls)}]}}\n"
    )
    documents.append(
        "apiVersion: momentwatch/v1\nkind: Moment\nmetadata: {name: departs-on-time}\nspec: {owner: ops}\n"
    )
    (rules / "all.yaml").write_text("---\n".join(documents), encoding="utf-8")
    config = folder / "momentwatch.yaml"
    config.write_text(
        "kafka: {bootstrap_servers: ['localhost:9092']}\nsend: {timeout: 2s, allow_hosts: [127.0.0.1]}\n",
        encoding="utf-8",
    )
    return config


def command(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    notify.add(parser.add_subparsers(dest="command"))
    parsed = parser.parse_args(["notify", *arguments])
    code: int = parsed.run(parsed)
    return code


def test_a_test_goes_down_the_real_route(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with smtp_server() as mailbox:
        url = f"mailto://127.0.0.1:{mailbox.port}/?from=watch@shop.example&to=ops@shop.example"
        config = configured(tmp_path, mail=url)
        assert command("--test", "mail", "--config", str(config)) == 0
        (mail,) = mailbox.mails
    assert mail["Subject"] == "TEST · momentwatch can reach you"
    assert capsys.readouterr().out == "mail: sent: taken for 1\n"


def test_what_did_not_arrive_says_why_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = configured(tmp_path, hook="json://127.0.0.1:1/s3cret-t0ken")
    assert command("--test", "hook", "--config", str(config)) == 1
    assert capsys.readouterr().out == "hook: failed: no connection\n"


def test_two_tests_are_two_notices(tmp_path: Path) -> None:
    with http_receiver() as receiver:
        config = configured(tmp_path, hook=f"json://127.0.0.1:{receiver.port}/")
        for _ in range(2):
            assert command("--test", "hook", "--config", str(config)) == 0
        assert len({posted.json["key"] for posted in receiver.posted}) == 2


def test_a_target_that_nobody_declared_is_named_with_what_was_meant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configured(tmp_path, mail="json://127.0.0.1:1/")
    assert command("--test", "mial", "--config", str(config)) == 2
    assert 'no target "mial"' in capsys.readouterr().err


def test_settings_that_are_bad_end_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("--test", "mail", "--config", str(tmp_path / "none.yaml")) == 2
    assert "none.yaml" in capsys.readouterr().err
