"""The gate that settings make."""

from pathlib import Path

import pytest

from service.adapters.web.access.signing import Signer
from service.adapters.web.access.users import hashed
from service.app.access import gate
from service.settings import CatalogError, Settings, load_settings

KAFKA = "kafka: {bootstrap_servers: [a:1]}\n"


def settings_of(folder: Path, web: str, environ: dict[str, str] | None = None) -> Settings:
    path = folder / "settings.yaml"
    path.write_text(KAFKA + f"web: {web}\n")
    return load_settings(path, environ or {})


def test_without_a_login_whoever_reaches_the_loopback_may_act_and_on_the_network_only_read(tmp_path: Path) -> None:
    assert gate(settings_of(tmp_path, "{}")).anybody.role == "admin"
    assert gate(settings_of(tmp_path, "{host: 0.0.0.0, insecure_bind: true}")).anybody.role == "viewer"


def test_keys_from_the_settings_hold_over_processes(tmp_path: Path) -> None:
    found = settings_of(tmp_path, "{key_env: KEY}", {"KEY": "old" * 9 + "\n" + "new" * 9})
    token = gate(found).signer.link("i", "pager")
    assert gate(found).signer.link_of(token) is not None


def test_a_key_that_is_added_to_the_file_signs_from_then_on_and_the_one_before_still_opens(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("old" * 9)
    running = gate(settings_of(tmp_path, "{key_file: keys}")).signer
    before, form = running.link("i", "pager"), running.csrf("session")
    file.write_text("old" * 9 + "\n" + "new" * 9)
    assert running.link_of(before) is not None
    assert running.is_csrf("session", form)
    assert Signer((b"new" * 9,)).link_of(running.link("i", "pager")) is not None
    file.write_text("new" * 9)
    assert running.link_of(before) is None
    file.write_text("short")
    assert Signer((b"new" * 9,)).link_of(running.link("i", "pager")) is not None


def test_users_and_a_proxy_may_stand_together(tmp_path: Path) -> None:
    (tmp_path / "users.yaml").write_text(f'ann: {{password: "{hashed("correct horse")}"}}\n')
    web = "{host: 0.0.0.0, login: {users_file: users.yaml, proxy: {trusted: [10.0.0.0/8], admins: [it]}}}"
    made = gate(settings_of(tmp_path, web))
    assert made.asks
    assert made.users is not None
    assert made.users.by_password("ann", "correct horse") is not None
    assert made.proxy is not None
    assert made.proxy.roles.of(["it"]) == ("admin", None)


@pytest.mark.parametrize(
    ("web", "said"),
    [
        ("{login: {}}", "web.login: asks nobody; write users_file: PATH, proxy: {trusted: [ADDRESS]} or oidc"),
        ("{login: {users_file: none.yaml}}", "none.yaml is not a file that can be read"),
        ("{login: {proxy: {trusted: [everybody]}}}", '"everybody" is not an address or a network'),
        ("{key_env: KEY}", "holds a key of less than 16 characters"),
        ("{key: abc}", "is a secret and does not belong in this file"),
        ("{host: 0.0.0.0}", "can be reached by others"),
        ("{insecure_bind: true, login: {proxy: {trusted: [10.0.0.1]}}}", "there is a login; remove it"),
    ],
)
def test_what_is_wrong_is_named(web: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(CatalogError) as error:
        settings_of(tmp_path, web, {"KEY": "short"})
    assert said in str(error.value)
    assert "abc" not in str(error.value)
