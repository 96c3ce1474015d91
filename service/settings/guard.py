"""How the service is watched over (when it is stuck, who hears its heartbeat, who is called), and what it keeps."""

from collections.abc import Callable, Mapping
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from service.adapters.catalog.fields import Name, Span, listed, wrong
from service.core.event import DAY, MINUTE
from service.core.keeping import Keep
from service.settings.fields import LocalPath, SecretOfVariable, Section


class Heartbeat(Section):
    """A dead man's switch outside: it is called at an interval, as long as all loops get on."""

    url_file: LocalPath | None = None
    url_env: SecretOfVariable | None = None
    interval: Span = MINUTE

    refused: ClassVar[Mapping[str, str]] = {
        "url": "whoever knows it can fake a heartbeat; write url_file: PATH or url_env: NAME"
    }

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.url_file is None) == (self.url_env is None):
            raise wrong("needs one of url_file and url_env; keep or add one")
        return self

    @property
    def address(self) -> Callable[[], str]:
        """Reads the address, from a file anew each time. Raises OSError, ValueError."""
        if self.url_env is not None:
            return self.url_env.reveal
        path = self.url_file
        return lambda: path.read_text(encoding="utf-8").strip() if path is not None else ""


class Emergency(Section):
    """Who is called, straight and once, when the database is away for too long."""

    to: Annotated[list[Name], listed(least=1)] = Field(examples=["[ops-phone]"])
    after: Span = 5 * MINUTE


class Guard(Section):
    """How the service is watched over."""

    stuck_after: Span = 10 * MINUTE
    heartbeat: Heartbeat | None = None
    emergency: Emergency | None = None


class Retention(Section):
    """How long what is kept; left out or null: for ever, but for the defaults."""

    minutes: Span | None = 60 * DAY
    dead_letters: Span | None = 90 * DAY
    notices: Span | None = 90 * DAY
    breaks: Span | None = None
    voices: Span | None = None
    promises: Span | None = None
    timeline: Span | None = None
    audit: Span | None = None

    @property
    def keep(self) -> Keep:
        """The same for the store."""
        return Keep(**{name: getattr(self, name) for name in Keep.__struct_fields__})
