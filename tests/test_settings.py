"""What `serve --config FILE` accepts, and what it says of the rest."""

import copy
import pickle
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.adapters.catalog.problem import CatalogError
from service.core.catalog import Catalog, Target
from service.core.event import SECOND
from service.settings import Database, Kafka, Secret, Security, Settings, Web, load_settings

GOLDEN = Path(__file__).parent / "golden" / "settings"
KAFKA = "kafka: {bootstrap_servers: [localhost:9092]}\n"


def read(folder: Path, text: str, **environ: str) -> Settings:
    path = folder / "serve.yaml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path, environ)


def said(folder: Path, text: str, **environ: str) -> list[str]:
    with pytest.raises(CatalogError) as error:
        read(folder, text, **environ)
    return [str(problem).replace(f"{folder}/", "") for problem in error.value.problems]


def test_a_secret_from_a_file_is_read_anew_whenever_it_is_asked_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "password"
    file.write_text("first\n")
    database = "database: {url: postgresql://u@db/name, password_file: password}\n"
    secret = read(tmp_path, KAFKA + database).database.password
    assert secret is not None
    assert secret.reveal() == "first"
    file.write_text("second\n")
    assert secret.reveal() == "second"
    file.write_text("")
    assert secret.reveal() == "second"
    file.unlink()
    assert secret.reveal() == "second"
    assert "password cannot be read" in caplog.text
    assert "second" not in caplog.text


def test_a_brokers_address_is_enough(tmp_path: Path) -> None:
    found = read(tmp_path, KAFKA)
    assert found.rules == tmp_path / "rules"
    assert found.database.url == f"sqlite:///{tmp_path}/momentwatch.db"
    assert found.kafka == Kafka(bootstrap_servers=["localhost:9092"])
    assert (found.kafka.group_id, found.kafka.start, found.kafka.poll_records) == (
        "momentwatch",
        "earliest",
        5000,
    )
    assert (found.web.host, found.web.port) == ("127.0.0.1", 8080)
    assert (found.currency.code, found.currency.minor_digits) == ("EUR", 2)
    assert (found.send.timeout, found.send.allow_hosts) == (20 * SECOND, [])
    assert (found.digest, found.log_level, found.public_url) == (None, "info", "")


def test_everything_can_be_said(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cret\n")
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tmp_path / name).write_text("x")
    found = read(
        tmp_path,
        """\
rules: /etc/rules
database: {url: postgresql+psycopg://watch@db/watch, password_file: key}
kafka:
  bootstrap_servers: [a:9092, "[::1]:9093"]
  group_id: g
  client_id: c
  start: latest
  poll_records: 100
  security:
    protocol: SASL_SSL
    mechanism: SCRAM-SHA-512
    username: u
    password_env: KAFKA_PASSWORD
    ca_file: ca.pem
    cert_file: cert.pem
    key_file: key.pem
    key_password_env: KEY_PASSWORD
    check_hostname: false
web: {host: 0.0.0.0, port: 80, insecure_bind: true}
currency: {code: BRL, minor_digits: 2}
public_url: https://watch.example.com
send: {timeout: 5s, allow_hosts: [mail.example.com, 10.0.0.0/8], allow_schemes: [mailtos, json]}
digest: {weekday: friday, time: 16:30, timezone: Europe/London, to: [cco], mission: We keep our word.}
log_level: debug
""",
        KAFKA_PASSWORD="p",
        KEY_PASSWORD="k",
    )
    assert found.rules == Path("/etc/rules")
    assert found.database.password == Secret("s3cret")
    assert found.kafka is not None
    security = found.kafka.security
    assert (security.password, security.key_password_env) == (Secret("p"), Secret("k"))
    assert (security.tls, security.sasl, security.check_hostname) == (True, True, False)
    assert security.ca_file == tmp_path / "ca.pem"
    assert found.digest is not None
    assert (found.digest.iso_weekday, found.digest.hour_minute) == (5, (16, 30))
    assert str(found.digest.zone) == "Europe/London"


def test_a_secret_is_shown_nowhere(tmp_path: Path) -> None:
    found = read(tmp_path, KAFKA + "database: {url: postgresql+psycopg://h/d, password_env: PW}\n", PW="hunter2")
    password = found.database.password
    assert password is not None
    assert password.reveal() == "hunter2"
    for shown in (repr(found), str(found), f"{password}", f"{password!r}", str(found.model_dump())):
        assert "hunter2" not in shown
    with pytest.raises(TypeError):
        pickle.dumps(password)
    with pytest.raises(TypeError):
        copy.copy(password)


def test_settings_made_in_code_need_no_file() -> None:
    assert Settings(web=Web(port=0), database=Database(url="sqlite:///x.db")).kafka is None


@pytest.mark.parametrize("bad", sorted(GOLDEN.glob("*.yaml")), ids=lambda bad: bad.stem)
def test_a_bad_file_is_told_all_its_faults(bad: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    shutil.copy(bad, tmp_path)
    with pytest.raises(CatalogError) as error:
        load_settings(tmp_path / bad.name, {"SET": "hunter2"})
    lines = [str(problem).replace(f"{tmp_path}/", "") for problem in error.value.problems]
    assert lines == bad.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    assert "hunter2" not in "".join(lines)


def test_an_empty_file_lacks_the_brokers(tmp_path: Path) -> None:
    example = "kafka: {bootstrap_servers: [localhost:9092]}"
    assert said(tmp_path, "") == [f"serve.yaml: kafka: is missing; add one such as {example}"]


BEARER = "{protocol: SASL_SSL, mechanism: OAUTHBEARER, oauth: {%s}}"
SECURITY = [
    ("{ca_file: f}", "ca_file: has no effect with protocol PLAINTEXT; write SSL or SASL_SSL"),
    ("{username: u}", "username: has no effect with protocol PLAINTEXT; write SASL_SSL"),
    ("{protocol: SSL, mechanism: PLAIN}", "mechanism: has no effect with protocol SSL; write SASL_SSL"),
    ("{protocol: SSL, cert_file: f}", "needs cert_file and key_file together; add the other"),
    ("{protocol: SSL, key_password_env: SET}", "key_password_env: has no effect without key_file; add that"),
    (
        "{protocol: SSL, ca_file: gone}",
        "ca_file: gone is not a file that can be read; check the path and its rights",
    ),
    (
        "{protocol: SASL_SSL}",
        "protocol SASL_SSL needs a mechanism; add one such as mechanism: SCRAM-SHA-512",
    ),
    (
        "{protocol: SASL_SSL, mechanism: PLAIN, username: u}",
        "mechanism PLAIN needs username and password_file or password_env; add them",
    ),
    (
        "{protocol: SASL_SSL, mechanism: PLAIN, username: u, password_env: SET, oauth: {token_file: f}}",
        "oauth: has no effect with mechanism PLAIN; write OAUTHBEARER",
    ),
    (
        "{protocol: SASL_SSL, mechanism: OAUTHBEARER}",
        "mechanism OAUTHBEARER needs oauth; add oauth: {token_file: PATH}",
    ),
    (
        "{protocol: SASL_SSL, mechanism: OAUTHBEARER, username: u, oauth: {token_file: f}}",
        "username: has no effect with mechanism OAUTHBEARER; remove it",
    ),
    (
        "{protocol: SASL_SSL, mechanism: OAUTHBEARER, oauth: {}}",
        "oauth: needs one of token_file and token_url; keep or add one",
    ),
    (
        "{protocol: SASL_SSL, mechanism: OAUTHBEARER, oauth: {token_file: f, scope: s}}",
        "oauth.scope: has no effect with token_file; remove it",
    ),
    (
        "{protocol: SASL_SSL, mechanism: OAUTHBEARER, oauth: {token_url: 'https://id/t'}}",
        "oauth: needs client_id beside token_url; add it",
    ),
    (
        BEARER % "token_url: 'http://id/t', client_id: c, client_secret_file: f",
        "oauth.token_url: would send the client's secret in the clear; write an https:// address",
    ),
]


@pytest.mark.parametrize(("text", "expected"), SECURITY, ids=[case[1] for case in SECURITY])
def test_security_that_contradicts_itself(text: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    place = "kafka.security" + ("." if expected.partition(" ")[0].endswith(":") else ": ")
    line = f"serve.yaml:1: {place}{expected}"
    found = said(tmp_path, f"kafka: {{bootstrap_servers: [h:1], security: {text}}}\n", SET="x")
    assert found == [line]


@pytest.mark.parametrize(
    "text",
    [
        "{protocol: SASL_SSL, mechanism: OAUTHBEARER, oauth: {token_file: f}}",
        BEARER % "token_url: 'https://id/t', client_id: c, client_secret_file: f, scope: s",
        "{protocol: SASL_PLAINTEXT, mechanism: PLAIN, username: u, password_file: f}",
        "{protocol: SSL, cert_file: f, key_file: f}",
        "{protocol: SSL}",
    ],
)
def test_security_that_can_be_used(text: str, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    found = read(tmp_path, f"kafka: {{bootstrap_servers: [h:1], security: {text}}}\n")
    assert found.kafka is not None
    assert isinstance(found.kafka.security, Security)


def test_the_digest_goes_to_targets_that_exist(tmp_path: Path) -> None:
    found = read(tmp_path, KAFKA + "digest:\n  to: [cco-mail, coo]\n")
    catalog = Catalog(targets={"cco-mai": Target("cco-mai")})
    assert [str(problem).replace(f"{tmp_path}/", "") for problem in found.problems_with(catalog)] == [
        'serve.yaml:3: digest.to[0]: there is no Target "cco-mail"; did you mean cco-mai?',
        'serve.yaml:3: digest.to[1]: there is no Target "coo"; add it to the rules',
    ]


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(sorted(Settings.model_fields)), inner)
    ),
    max_leaves=10,
)


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
@given(text=st.one_of(st.text(max_size=100), _JSON.map(repr)))
def test_any_text_loads_or_is_told_why(text: str, tmp_path: Path) -> None:
    try:
        (tmp_path / "serve.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
        load_settings(tmp_path / "serve.yaml", {})
    except CatalogError as error:
        found = error.problems
    else:
        found = []
    assert all(str(problem).isprintable() for problem in found)
