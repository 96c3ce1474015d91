"""The API held against its own description: whatever is sent, the answers are as it says, and none is our error."""

import hashlib
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import positive_data_acceptance

from service.adapters.metrics.meter import new_registry
from service.adapters.web.access.gate import Gate
from service.adapters.web.access.signing import Signer
from service.adapters.web.access.throttle import Throttle
from service.adapters.web.access.users import Users
from service.adapters.web.app import make_app
from service.adapters.web.settings import WebSettings
from service.core.event import HOUR
from service.core.interruption import Change
from service.core.standing import Judgement
from tests.adapters.web.apps import Health
from tests.adapters.web.office import CATALOG, KEY
from tests.adapters.web.world import NOW, World, interruption

TOKEN = "robot"
EXAMPLES = 12
"""An operation; a longer search is for whoever changes the API: `--hypothesis-seed`."""


OPERATIONS = (
    "GET /api/v1/decisions",
    "GET /api/v1/interruptions",
    "GET /api/v1/interruptions/{identity}",
    "GET /api/v1/interruptions/{identity}/actions",
    "GET /api/v1/interruptions/{identity}/decisions",
    "GET /api/v1/interruptions/{identity}/customers",
    "GET /api/v1/silences",
    "POST /api/v1/interruptions/{identity}/actions",
    "POST /api/v1/interruptions/{identity}/contacts",
    "POST /api/v1/silences",
    "POST /api/v1/silences/{identity}/end",
)


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> BaseSchema:
    """The API of a service with two interruptions, for a program that may do everything."""
    path = tmp_path_factory.mktemp("api") / "users.yaml"
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    path.write_text(f'robot: {{token_sha256: "{digest}", role: admin}}\n')
    world = World(CATALOG)
    for name in CATALOG.moments:
        one = interruption(name, (), NOW - HOUR, NOW)
        world.judge(name, Judgement(NOW, (Change("opened", NOW, one),)))
    gate = Gate(Signer((KEY,)), Users(path), writes=Throttle(10_000, 10_000))
    settings = WebSettings(clock="event", keep=0.0)
    app = make_app(world.store, lambda: CATALOG, new_registry(), Health(), settings, now=lambda: NOW, gate=gate)
    return schemathesis.openapi.from_asgi("/openapi.json", app, headers={"host": "localhost"})


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_answer_is_as_it_is_described(described: BaseSchema, operation: str) -> None:
    found = described.find_operation_by_label(operation)
    assert found is not None, "it was renamed or removed: programs use it"
    # What takes nothing can be sent nothing wrong.
    takes = bool(found.body) or any(found.iter_parameters())
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE) if takes else (GenerationMode.POSITIVE,):

        @hypothesis.settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @hypothesis.given(case=found.as_strategy(generation_mode=mode))
        def holds(case: Any) -> None:
            # A matcher may be of the right form and still not be one: that is refused with words.
            headers = {"host": "localhost", "authorization": f"Bearer {TOKEN}"}
            case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])

        holds()


def test_every_operation_of_the_api_is_held_against_it(described: BaseSchema) -> None:
    found = {one.ok().label for one in described.get_all_operations() if isinstance(one, Ok)}
    assert {label for label in found if " /api/" in label} == set(OPERATIONS)
