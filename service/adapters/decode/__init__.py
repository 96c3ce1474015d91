"""Bytes in, events out: each record becomes an accepted event or a dead letter with a reason."""

from service.adapters.decode.decoder import Decoded, Decoder
from service.adapters.decode.faults import PAYLOAD_KEPT, TOO_LARGE, bury
from service.adapters.decode.mapping import FieldMapping, MappingError

__all__ = ["PAYLOAD_KEPT", "TOO_LARGE", "Decoded", "Decoder", "FieldMapping", "MappingError", "bury"]
