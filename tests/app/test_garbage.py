"""While the service starts, threads take short turns and no garbage is sought; afterwards it is, but seldom."""

import subprocess
import sys

SCRIPT = """
import gc, sys
from service.app.garbage import starting

before = sys.getswitchinterval()
try:
    with starting():
        held = [[] for _ in range(1000)]
        print(gc.isenabled(), sys.getswitchinterval() < before / 5)
        raise KeyError
except KeyError:
    pass
print(gc.isenabled(), sys.getswitchinterval() == before, gc.get_freeze_count() > 1000, gc.get_threshold()[0] >= 10_000)
"""


def test_a_start_is_set_for_speed_and_what_it_made_is_never_looked_through() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)  # noqa: S603

    assert done.stdout.splitlines() == ["False True", "True True True True"]
