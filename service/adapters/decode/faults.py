"""Why a payload could not be taken: turns a failure, slowly, into a catalogued reason and a remedy."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

import msgspec

from service.core.event import DeadLetter, Event, Partition, event_headers

TOO_LARGE = 1024 * 1024
"""Bytes; a larger payload is not looked into."""
PAYLOAD_KEPT = 64 * 1024
"""Bytes of a payload that its dead letter keeps."""
TOO_DEEP = 256
"""Levels; far below the depth at which the parsers give up, which depends on who calls them."""
DEEP_BYTES = 2 * TOO_DEEP
"""A payload of no more bytes cannot be too deep: each level takes an opening and a closing bracket."""

_DETAIL = 200
_SHORT = 60
_LONGEST_WORD = 256
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")
_PATH = re.compile(r"^(?P<what>.*) - at `(?:key` in `)?\$\.?(?P<path>[^`]*)`$", re.DOTALL)
_TIMES = ("time", "due")
_REMEDY = {
    "id": "give each event an id of its own",
    "time": "say when it happened, as 2026-01-31T09:30:00Z",
    "type": "say outcome, promise, complaint, feedback, customer or annotation",
    "moment": "name the moment as the catalogue does",
    "customer": "name whom it happened to",
    "key": "name what was promised (an order, a case), or leave key out of an outcome",
    "outcome": "say kept, broken or cancelled",
    "change": "say joined, left, grew, shrank or referred",
    "title": "say what was done",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A reason of the catalogue, and the field, value and remedy in words."""

    reason: str
    detail: str


class RefusedError(Exception):
    """Carries a fault out of a step that unwraps or maps a payload."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.detail)
        self.fault = fault


def bury(
    partition: Partition, offset: int, fault: Fault, payload: bytes, headers: Mapping[str, bytes] | None = None
) -> DeadLetter:
    """The dead letter of a payload; detail printable and short, payload cut."""
    detail, kept = _clip(fault.detail, _DETAIL), payload[:PAYLOAD_KEPT]
    return DeadLetter(partition, offset, fault.reason, detail, kept, event_headers(headers))


def shown(value: object) -> str:
    """A value as a message shows it: as JSON, printable, short."""
    if isinstance(value, HugeNumber):
        return _clip(value, _SHORT)
    if isinstance(value, str):
        # Cut before quoting: the value may be a megabyte.
        return _clip(json.dumps(value[: _SHORT + 1], ensure_ascii=False), _SHORT)
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "an array"
    return _clip(json.dumps(value), _SHORT) if isinstance(value, int | float | None) else _clip(repr(value), _SHORT)


def too_large(size: int, limit: int = TOO_LARGE) -> Fault:
    """The fault of a payload that is not looked into."""
    return Fault("too_large", f"{size} bytes are more than {limit}: send facts, and leave documents out")


def unreadable(payload: bytes, limit: int = TOO_LARGE) -> Fault | None:
    """What stands in the way of even parsing a payload: its size, its encoding, its depth."""
    if len(payload) > limit:
        return too_large(len(payload), limit)
    if not payload.isascii():
        try:
            payload.decode()
        except UnicodeDecodeError as error:
            return _not_utf8(error)
    if may_be_deep(payload) and _depth(payload) > TOO_DEEP:
        return Fault("too_deep", f"nested more than {TOO_DEEP} levels deep: send a flat object")
    return None


def may_be_deep(payload: bytes) -> bool:
    """Whether a payload has brackets enough to be too deep; most have not, and are spared the count."""
    return len(payload) > DEEP_BYTES and payload.count(b"[") + payload.count(b"{") > TOO_DEEP


def explain(payload: bytes, error: Exception) -> Fault:
    """The fault of a payload that the contract's decoder refused."""
    fault = unreadable(payload)
    if fault is not None:
        return fault
    try:
        found = parsed(payload)
    except RefusedError as refused:
        return refused.fault
    if isinstance(error, msgspec.ValidationError):
        return invalid(found, error)
    return Fault("not_json", f"{error}: send one JSON object")


def parsed(payload: bytes) -> dict[str, object]:
    """A payload's JSON object, parsed by the standard library, which says more about what is wrong.

    Numbers too big for a float stay text, so that what is wrong with them is said with their field. Raises
    RefusedError.
    """
    text = payload.decode()
    constants: list[str] = []
    try:
        found = json.loads(text, parse_constant=constants.append, parse_float=_number, parse_int=_number)
    except json.JSONDecodeError as error:
        raise RefusedError(_not_json(text, error)) from error
    except RecursionError as error:
        raise RefusedError(Fault("too_deep", "nested too deep: send a flat object")) from error
    if constants:
        detail = f"{constants[0]} is not a number in JSON: leave the field out where there is no number"
        raise RefusedError(Fault("bad_number", detail))
    if not isinstance(found, dict):
        raise RefusedError(Fault("not_an_object", f"{shown(found)} is not an object: send one JSON object a record"))
    for path, value in _texts(found):
        if not _encodable(value):
            detail = f"{path}: {shown(value)} has half of a surrogate pair: send whole characters"
            raise RefusedError(Fault("bad_text", detail))
    return found


def bad_text(event: Event) -> Fault | None:
    """The first NUL in an event's texts: JSON can say it, databases cannot hold it."""
    for path, value in _texts(msgspec.structs.asdict(event)):
        if "\0" in value:
            return Fault("bad_text", f"{path}: {shown(value)} has a NUL character: remove it")
    return None


def invalid(found: Mapping[str, object], error: msgspec.ValidationError) -> Fault:
    """The fault that a validation error stands for; its message names the field, `found` has the value."""
    message = str(error)
    match = _PATH.match(message)
    what, path = (match["what"], match["path"]) if match else (message, "")
    if what.startswith("Object missing required field"):
        return _missing(what.split("`")[1])
    field = path.split("[")[0].split(".")[0]
    value = found.get(field)
    if value is None and field in _REMEDY:
        return _missing(field)
    if field == "dimensions" and isinstance(value, dict) and "[...]" in path:
        field, value = _odd_dimension(value)
    named = f"{field}: {shown(value)}" if field else shown(value)
    if isinstance(value, HugeNumber) or "out of range" in what:
        return Fault("bad_number", f"{named} is beyond what can be counted: send a number within ±1e12")
    return _mismatch(what, field, named, value)


def huge(event: Event) -> Fault | None:
    """The fault of an event that took a number beyond all counting for the text that belongs there."""
    for name in event.__struct_fields__:
        value = getattr(event, name)
        held = value.values() if isinstance(value, dict) else (value,)
        if any(isinstance(one, HugeNumber) for one in held):
            return Fault("bad_number", f"{name}: holds a number beyond what can be counted: send a text")
    return None


def unknown_moment(name: str, known: Iterable[str]) -> Fault:
    """The fault of an event about a moment that nobody declared."""
    names = sorted(known)
    near = get_close_matches(name[:_SHORT], names, n=1)
    remedy = f"did you mean {near[0]}?" if near else "declare it, or stop sending it"
    return Fault("unknown_moment", f"moment: {shown(name)} is not in the catalogue: {remedy}")


def no_due(moment: str) -> Fault:
    """The fault of a promise that nothing gives a date."""
    return Fault("no_due", f"due: missing, and moment {shown(moment)} declares no deadline: send due, or declare one")


def future(time: str, sane: bool) -> Fault:  # noqa: FBT001 - which of two clocks refused it
    """The fault of an event from beyond the clock."""
    why = "after the year 9000" if sane else "later than the clock and the allowed skew"
    return Fault("future", f"time: {time} is {why}: check the producer's clock and time zone")


def out_of_range(field: str, time: object) -> Fault:
    """The fault of a placeholder where a time should be."""
    return Fault("bad_time", f"{field}: {time} is outside the years 1900 to 9000: send the real one, or none")


class HugeNumber(str):
    """The digits of a number that no float holds."""

    __slots__ = ()


def _number(digits: str) -> float | int | str:
    # The length first: turning 10,000 digits into an integer is refused by Python, and slow where it is not.
    if len(digits) <= _SHORT and digits.lstrip("-").isdigit():
        return int(digits)
    number = float(digits)
    return HugeNumber(digits) if number in (float("inf"), float("-inf")) else number


def _odd_dimension(dimensions: Mapping[str, object]) -> tuple[str, object]:
    for name, value in dimensions.items():
        if not isinstance(value, str) or len(value) > _LONGEST_WORD:
            return f"dimensions.{_clip(name, _SHORT)}", value
    return "dimensions", dimensions


def _missing(field: str) -> Fault:
    return Fault("missing_field", f"{field}: missing or empty: {_REMEDY.get(field, 'send it')}")


def _mismatch(what: str, field: str, named: str, value: object) -> Fault:
    """What msgspec's message says, sorted by the words that it uses."""
    if field == "type":
        reason = "unknown_type" if isinstance(value, str) else "wrong_type"
        fault = Fault(reason, f"{named} is no type of event: {_REMEDY['type']}")
    elif field in _TIMES:
        fault = Fault("bad_time", f"{named} is no RFC 3339 time with an offset: send it as 2026-01-31T09:30:00Z")
    elif "of length >= 1" in what and field == "dimensions":
        fault = Fault("bad_text", "dimensions: a name is empty: name the dimension or leave it out")
    elif "of length >= 1" in what:
        fault = _missing(field)
    elif "of length <=" in what:
        unit = "dimensions" if "`object`" in what else "characters"
        fault = Fault("bad_text", f"{named} has more than {what.rsplit(' ', 1)[1]} {unit}: send less")
    elif "`float` >=" in what or "`float` <=" in what:
        bound = what.rsplit("`", 1)[1].strip()
        fault = Fault("bad_number", f"{named} must be {bound}: send it in its unit, or leave it out")
    elif "enum" in what:
        fault = Fault("wrong_type", f"{named} is no word of the contract: {_REMEDY.get(field, 'see there')}")
    else:
        wanted = what.replace("`", "").replace(" | null", "")
        fault = Fault("wrong_type", f"{named}: {wanted[:1].lower()}{wanted[1:]}: send that, or leave it out")
    return fault


def _not_utf8(error: UnicodeDecodeError) -> Fault:
    return Fault("bad_text", f"byte {error.start} is not UTF-8 ({error.reason}): encode the record as UTF-8")


def _not_json(text: str, error: json.JSONDecodeError) -> Fault:
    if not text.strip():
        return Fault("not_json", "an empty record: send one JSON object")
    near = shown(text[max(0, error.pos - 10) : error.pos + 20])
    return Fault("not_json", f"{error.msg} at character {error.pos}, near {near}: send one JSON object")


def _depth(payload: bytes) -> int:
    depth = deepest = 0
    for match in _BRACKET.finditer(_STRING.sub(b"", payload)):
        if match[0] in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest


def _texts(found: object) -> Iterator[tuple[str, str]]:
    """Every text with the name of its field, names of fields themselves included."""
    stack: list[tuple[str, object]] = [("", found)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, str):
            yield path or "record", value
        elif isinstance(value, dict):
            for name, inner in value.items():
                yield path or "a field's name", name
                stack.append((path or name, inner))
        elif isinstance(value, list):
            stack.extend((path, inner) for inner in value)


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _clip(text: str, length: int) -> str:
    printable = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[: length + 1])
    return printable if len(printable) <= length else printable[: length - 1] + "…"
