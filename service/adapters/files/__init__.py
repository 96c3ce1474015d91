"""Events from JSON Lines files, plain or gzip: several at once, in the order of time."""

from service.adapters.files.lines import EventFileError
from service.adapters.files.source import Chunk, EventFiles, describe

__all__ = ["Chunk", "EventFileError", "EventFiles", "describe"]
