"""CloudEvents 1.0: the contract's object in an envelope, structured (one object) or binary (headers)."""

from collections.abc import Mapping
from typing import get_args

from service.adapters.decode.faults import Fault, RefusedError, shown
from service.core.event import Event

MARK = "specversion"
"""The key that makes an object an envelope."""
_MARK = f'"{MARK}"'.encode()
_TYPES = frozenset(kind.__struct_config__.tag for kind in get_args(Event))


def marked(payload: bytes) -> bool:
    """Whether a text may hold an envelope; `unwrap` looks closer."""
    return _MARK in payload


def wrapped(payload: bytes, headers: Mapping[str, bytes]) -> bool:
    """Whether a payload may come in an envelope."""
    return "ce_specversion" in headers or marked(payload)


def unwrap(found: Mapping[str, object], headers: Mapping[str, bytes]) -> dict[str, object]:
    """The contract's fields: the data, with id and time from the envelope where it has them.

    `type` is the data's; the envelope's stands in only where the data has none. Raises RefusedError.
    """
    if "ce_specversion" in headers:
        outer: dict[str, object] = {name: _text(name, headers[f"ce_{name}"]) for name in _named(headers)}
        data = found
    elif "specversion" in found:
        outer = dict(found)
        data = _data(found)
    else:
        return dict(found)
    version = outer["specversion"]
    if not isinstance(version, str) or not version.startswith("1."):
        fault = Fault("wrong_type", f"specversion: {shown(version)} is not CloudEvents 1.0: send specversion 1.0")
        raise RefusedError(fault)
    fields = dict(data)
    for name in ("id", "time"):
        if outer.get(name) is not None:
            fields[name] = outer[name]
    kind = outer.get("type")
    if "type" not in fields and isinstance(kind, str) and kind in _TYPES:
        fields["type"] = kind
    return fields


def _named(headers: Mapping[str, bytes]) -> list[str]:
    return [name for name in ("specversion", "id", "time", "type") if headers.get(f"ce_{name}") is not None]


def _text(name: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        fault = Fault("bad_text", f"header ce_{name} is not UTF-8 at byte {error.start}: encode it as UTF-8")
        raise RefusedError(fault) from error


def _data(found: Mapping[str, object]) -> dict[str, object]:
    data = found.get("data")
    if isinstance(data, dict):
        return data
    if "data_base64" in found:
        detail = "data_base64: binary data is not read: send the event as a JSON object in data"
        raise RefusedError(Fault("wrong_type", detail))
    if data is None:
        detail = "data: missing: send the event as a JSON object in data"
        raise RefusedError(Fault("missing_field", detail))
    detail = f"data: {shown(data)} is not an object: send the event as a JSON object in data"
    raise RefusedError(Fault("wrong_type", detail))
