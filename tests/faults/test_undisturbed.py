"""What counts as another outcome than that of a run that nobody disturbed."""

import json
from typing import Any

from tests.faults.undisturbed import differences


def decided(interruption: str, reason: str, at: int = 1) -> tuple[Any, ...]:
    return "decided", interruption, at, json.dumps({"reason": reason})


def told(interruption: str, reason: str) -> tuple[Any, ...]:
    return "told", interruption, reason, "phone", f"{interruption}-{reason}"


WENT = [("i-1", "moment", "opened"), ("i-2", "moment", "opened")]
CALM = [*WENT, *(row for i in ("i-1", "i-2") for row in (decided(i, "opened"), told(i, "opened")))]


def test_who_was_told_of_what_and_when_is_the_same() -> None:
    assert differences(CALM, CALM) == []
    assert differences([row for row in CALM if row != told("i-1", "opened")], CALM)
    assert differences([*CALM, told("i-1", "opened")], CALM)
    assert differences([decided("i-1", "opened", 2) if row == decided("i-1", "opened") else row for row in CALM], CALM)


def test_what_was_over_before_anybody_could_be_told_need_not_be_told_and_must_have_been() -> None:
    late = [*WENT, decided("i-1", "over_before_told"), decided("i-2", "opened"), told("i-2", "opened")]
    assert differences(late, CALM) == []
    assert differences(CALM, late) == []
    assert differences(late[1:], CALM)
    assert differences([row for row in late if row != told("i-2", "opened")], CALM)
