"""Two open interruptions and an app in front of them, for tests of who may do what."""

import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from service.adapters.metrics.meter import new_registry
from service.adapters.web.access.gate import Gate
from service.adapters.web.access.signing import Signer
from service.adapters.web.access.users import Users, hashed
from service.adapters.web.app import make_app
from service.adapters.web.settings import WebSettings
from service.core.catalog import Catalog, Moment, Owner
from service.core.event import HOUR
from service.core.interruption import Change
from service.core.standing import Judgement
from tests.adapters.web.apps import Health
from tests.adapters.web.world import NOW, World, interruption

CATALOG = Catalog(
    owners={"ops": Owner("ops"), "rio": Owner("rio")},
    moments={"arrives": Moment("arrives", "ops"), "leaves": Moment("leaves", "rio")},
)
KEY = b"k" * 32
PASSWORD = "correct horse"
BROWSER = {"accept": "text/html", "sec-fetch-site": "same-origin"}


class Office:
    """Two open interruptions, and an app in front of them."""

    def __init__(self, gate: Gate | None = None, host: str = "127.0.0.1") -> None:
        self.world = World(CATALOG)
        self.rows = {}
        for name in CATALOG.moments:
            row = interruption(name, (), NOW - HOUR, NOW, level="high")
            self.rows[name] = row.id
            self.world.judge(name, Judgement(NOW, (Change("opened", NOW, row),)))
        self.store = self.world.store
        self.gate = gate or Gate(Signer((KEY,)))
        settings = WebSettings(clock="event", keep=0.0)
        app = make_app(self.store, lambda: CATALOG, new_registry(), Health(), settings, now=lambda: NOW, gate=self.gate)
        self.client = TestClient(app, base_url="http://127.0.0.1", client=(host, 50_000), follow_redirects=False)

    def csrf(self, path: str = "") -> str:
        page = self.client.get(path or f"/interruptions/{self.rows['arrives']}", headers=BROWSER).text
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', page)
        return found[1] if found else ""

    def act(self, verb: str, moment: str = "arrives", headers: Any = None, **fields: str) -> Any:
        data = {"csrf": self.csrf(), "verb": verb} | fields
        return self.client.post(f"/interruptions/{self.rows[moment]}/actions", data=data, headers=headers or BROWSER)

    @property
    def done(self) -> list[tuple[str, str]]:
        return [(one.verb, one.by) for one in self.store.actions(self.rows["arrives"])]


@cache
def hash_of_password() -> str:
    """Made once: it is slow on purpose."""
    return hashed(PASSWORD)


def users(tmp_path: Path) -> Users:
    path = tmp_path / "users.yaml"
    secret = hashlib.sha256(b"program").hexdigest()
    path.write_text(
        f"""
ann: {{password: "{hash_of_password()}", role: responder, owners: [ops]}}
vic: {{password: "{hash_of_password()}"}}
root: {{password: "{hash_of_password()}", role: admin}}
robot: {{token_sha256: "{secret}", role: responder}}
"""
    )
    return Users(path)


def login(office: Office, name: str = "ann", password: str = PASSWORD) -> int:
    answer = office.client.post("/login", data={"name": name, "password": password}, headers=BROWSER)
    return int(answer.status_code)
