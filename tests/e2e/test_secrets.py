"""What is secret stays so: no password shows on the output, in the log, on a page or among the metrics."""

from pathlib import Path

import pytest

from service.core.event import HOUR
from tests.e2e.events import MOMENT, OWNER, RULE, produce, source, trouble
from tests.e2e.running import Serve, momentwatch, write_catalogue
from tests.harness.fixtures import BrokerFactory
from tests.harness.kafka import KafkaBroker
from tests.harness.kafka_security import PASSWORD, Listener
from tests.harness.process import LOOPBACK, free_port

CANARY = "canary-8f3b1c77"
PAGES = ("/", "/metrics", "/readyz", "/healthz", "/interruptions", "/moments/delivered", "/openapi.json")


@pytest.fixture
def broker(kafka_brokers: BrokerFactory) -> KafkaBroker:
    return kafka_brokers(listeners=[Listener.SASL_SCRAM])


def shown(service: Serve) -> str:
    """Everything that anybody can read of the service."""
    return service.said() + "".join(service.get(page)[1] for page in PAGES)


def test_a_password_that_the_broker_refuses_and_a_token_that_a_target_refuses_are_never_shown(
    tmp_path: Path, broker: KafkaBroker
) -> None:
    topic = broker.create_topic()
    secret = tmp_path / "password"
    secret.write_text(f"{CANARY}-kafka\n")
    address = f"mailto://ops:{CANARY}-mail@{LOOPBACK}:{free_port()}/?from=watch@shop.example&to=ops@shop.example"
    hook = f"jsons://{LOOPBACK}:{free_port()}/hooks/{CANARY}-hook/{CANARY}-token"
    targets = [
        {"kind": "Target", "name": "inbox", "url": {"env": "MAIL_URL"}},
        {"kind": "Target", "name": "hook", "url": {"env": "HOOK_URL"}},
    ]
    owner = {**OWNER, "targets": ["inbox", "hook"]}
    rules = write_catalogue(tmp_path / "rules", owner, *targets, MOMENT, RULE, source(topic, "event"))
    settings = {
        "log_level": "debug",
        "send": {"allow_hosts": ["127.0.0.0/8"], "timeout": "5s"},
        "environment": {"MAIL_URL": address, "HOOK_URL": hook},
    }
    security = {"protocol": "SASL_PLAINTEXT", "mechanism": "SCRAM-SHA-256", "username": "momentwatch"}
    barred = {
        "bootstrap_servers": [broker.bootstrap(Listener.SASL_SCRAM)],
        "security": {**security, "password_file": str(secret)},
    }
    service = Serve(tmp_path / "barred", rules, barred, **settings)
    service.start()
    service.until(lambda: service.get("/healthz")[0] == 200, "the page")
    service.until(lambda: "the source is away" in service.said(), "the reason")
    assert not service.ready()
    assert CANARY not in shown(service)
    # As whoever changes a password does: the next log-in has it.
    secret.write_text(f"{PASSWORD}\n")
    service.until(service.ready, "the password that was put right")
    assert service.end() == 0
    assert CANARY not in service.said()

    produce(broker.bootstrap_servers, topic, trouble(1_700_000_000_000_000 // HOUR * HOUR))
    plain = {"bootstrap_servers": [broker.bootstrap_servers]}
    service = Serve(tmp_path / "heard", rules, plain, **settings).begin()
    service.until(lambda: service.metric("notices_total") >= 2, "attempts to send")
    service.until(lambda: "delivered" in service.get("/interruptions")[1], "the page")
    assert CANARY not in shown(service)
    assert service.end() == 0
    assert CANARY not in service.said()


def test_a_database_password_is_never_shown_while_the_database_is_away(tmp_path: Path) -> None:
    rules = write_catalogue(tmp_path / "rules", OWNER, MOMENT, source("shop"))
    service = Serve(
        tmp_path / "run",
        rules,
        {"bootstrap_servers": [f"{LOOPBACK}:{free_port()}"]},
        database={"url": f"postgresql+psycopg://watch@{LOOPBACK}:{free_port()}/watch", "password_env": "DB_PASSWORD"},
        environment={"DB_PASSWORD": CANARY},
        log_level="debug",
    )
    service.start()
    service.until(lambda: "the database is away" in service.said(), "the reason")
    assert CANARY not in service.said()
    service.kill()


def test_a_secret_in_the_wrong_place_is_refused_and_not_repeated(tmp_path: Path) -> None:
    rules = write_catalogue(tmp_path / "rules", OWNER, MOMENT, source("shop"))
    wrong = {"bootstrap_servers": ["localhost:9092"], "security": {"protocol": "SASL_SSL", "password": CANARY}}
    Serve(tmp_path / "run", rules, wrong, database={"url": f"postgresql+psycopg://u:{CANARY}@db/watch"})
    done = momentwatch("serve", "--config", tmp_path / "run" / "momentwatch.yaml")
    assert done.returncode == 2
    assert "password_file" in done.stderr
    assert CANARY not in done.stdout + done.stderr
