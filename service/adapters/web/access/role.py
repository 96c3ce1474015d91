"""What people and programs may be, least first."""

from typing import Literal

Role = Literal["viewer", "responder", "admin"]
ROLES: tuple[Role, ...] = ("viewer", "responder", "admin")
