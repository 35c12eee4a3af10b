"""CodeArtifact's published model, as botocore ships it, and what it says of a request or an answer."""

import re
from collections.abc import Iterator
from typing import Any

import botocore.loaders
import botocore.session

# One for all clients: what it has read of its models, it keeps.
SESSION = botocore.session.get_session()
MODEL = SESSION.get_component("data_loader").load_service_model("codeartifact", "service-2")
SHAPES = MODEL["shapes"]
OPERATIONS = MODEL["operations"]

# Python's `re` has no Unicode categories: the model's patterns that use them, written out. Category C is
# narrowed to what tests send: controls, format characters, private use.
OTHER = r"\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\ue000-\uf8ff\ufeff"
WRITTEN_OUT = {
    r"\P{C}+": f"[^{OTHER}]+",
    r"\P{C}*": f"[^{OTHER}]*",
    r"[\P{C}\s]+": rf"(?:[^{OTHER}]|\s)+",
    r"[^\p{C}\p{IsWhitespace}]+": rf"[^{OTHER}\s]+",
}

Seen = set[tuple[str, str]]


def pattern(shape: dict) -> re.Pattern[str] | None:
    """Compile a string shape's pattern."""
    text = shape.get("pattern")
    return re.compile(WRITTEN_OUT.get(text, text)) if text else None


def members(operation: str, part: str) -> dict[str, dict]:
    """Return the members of an operation's input or output; each has `shape` and perhaps `location`."""
    reference = OPERATIONS[operation].get(part)
    return SHAPES[reference["shape"]]["members"] if reference else {}


def required(operation: str) -> list[str]:
    """Return the members that a request must have."""
    return SHAPES[OPERATIONS[operation]["input"]["shape"]].get("required", [])


def problems(name: str, value: Any, at: str, seen: Seen) -> Iterator[str]:
    """Hold a JSON value to a shape and say what is wrong; `seen` gathers the members that were there."""
    shape = SHAPES[name]
    kind = shape["type"]
    if kind == "structure":
        yield from structure_problems(name, value, at, seen)
    elif kind == "list":
        if not isinstance(value, list):
            yield f"{at}: {value!r} is no list"
            return
        for index, item in enumerate(value):
            yield from problems(shape["member"]["shape"], item, f"{at}[{index}]", seen)
    elif kind == "map":
        if not isinstance(value, dict):
            yield f"{at}: {value!r} is no map"
            return
        for key, item in value.items():
            yield from problems(shape["key"]["shape"], key, f"{at} key", seen)
            yield from problems(shape["value"]["shape"], item, f"{at}.{key}", seen)
    elif kind == "string":
        yield from string_problems(shape, value, at)
    elif kind in ("integer", "long"):
        if not isinstance(value, int) or isinstance(value, bool):
            yield f"{at}: {value!r} is no whole number"
    elif kind == "timestamp":
        # REST-JSON: seconds since the epoch, unless the model names another format; here it names none.
        if not isinstance(value, (int, float)) or isinstance(value, bool) or "timestampFormat" in shape:
            yield f"{at}: {value!r} is no timestamp"
    elif kind == "boolean":
        if not isinstance(value, bool):
            yield f"{at}: {value!r} is no boolean"
    else:
        yield f"{at}: shape {name} of type {kind} is not known here"


def structure_problems(name: str, value: Any, at: str, seen: Seen) -> Iterator[str]:
    """Hold an object to a structure: no unknown member, no missing one."""
    shape = SHAPES[name]
    if not isinstance(value, dict):
        yield f"{at}: {value!r} is no object"
        return
    known = {key: member for key, member in shape["members"].items() if "location" not in member}
    for key, item in value.items():
        if key not in known:
            yield f"{at}: unknown member {key}"
        elif item is None:
            yield f"{at}.{key}: null"
        else:
            seen.add((name, key))
            yield from problems(known[key]["shape"], item, f"{at}.{key}", seen)
    for key in shape.get("required", []):
        if key in known and key not in value:
            yield f"{at}: {key} is missing"


def string_problems(shape: dict, value: Any, at: str) -> Iterator[str]:
    """Hold a text to a string's lengths, pattern and words."""
    if not isinstance(value, str):
        yield f"{at}: {value!r} is no text"
        return
    if not shape.get("min", 0) <= len(value) <= shape.get("max", len(value)):
        yield f"{at}: {value!r} has the wrong length"
    rule = pattern(shape)
    if rule and not rule.fullmatch(value):
        yield f"{at}: {value!r} does not match {shape['pattern']}"
    if "enum" in shape and value not in shape["enum"]:
        yield f"{at}: {value!r} is none of {shape['enum']}"


def error_problems(operation: str, status: int, headers: dict[str, str], body: Any) -> Iterator[str]:
    """Hold a refusal to the errors that the model gives an operation."""
    kind = headers.get("x-amzn-errortype", "")
    if kind not in [error["shape"] for error in OPERATIONS[operation].get("errors", [])]:
        yield f"{operation} has no error {kind!r}"
        return
    shape = SHAPES[kind]
    if status != shape["error"]["httpStatusCode"]:
        yield f"{kind} came with status {status}"
    yield from structure_problems(kind, body, kind, set())
    for member in shape["members"].values():
        if member.get("location") == "header" and not headers.get(member["locationName"].lower(), "").isdigit():
            yield f"{kind}: header {member['locationName']} is missing"


def broken_values(name: str) -> Iterator[tuple[str, Any]]:
    """Yield values against a shape's rules, each with the rule's name."""
    shape = SHAPES[name]
    kind = shape["type"]
    if kind == "string":
        yield from broken_strings(shape)
    elif kind in ("integer", "long"):
        if "min" in shape:
            yield "min", shape["min"] - 1
        if "max" in shape:
            yield "max", shape["max"] + 1
        yield "type", "many"
    elif kind == "boolean":
        yield "type", "perhaps"
    elif kind == "list":
        yield "type", "one"
        for rule, value in broken_values(shape["member"]["shape"]):
            yield f"member {rule}", [value]
        if "max" in shape:
            yield "max", [{}] * (shape["max"] + 1)
    elif kind == "map":
        yield "type", ["one"]
        key, value = (SHAPES[shape[part]["shape"]].get("enum", ["1"])[0] for part in ("key", "value"))
        for rule, broken in broken_values(shape["key"]["shape"]):
            if isinstance(broken, str):
                yield f"key {rule}", {broken: value}
        for rule, broken in broken_values(shape["value"]["shape"]):
            yield f"value {rule}", {key: broken}
    elif kind == "structure":
        yield "type", "one"
        yield "unknown member", {"nobodyKnowsThis": 1}


def broken_strings(shape: dict) -> Iterator[tuple[str, Any]]:
    """Yield texts against a string's rules."""
    if "enum" in shape:
        yield "enum", "NOPE"
    if shape.get("min", 0) > 0:
        yield "min", ""
    if "max" in shape:
        yield "max", "a" * (shape["max"] + 1)
    rule = pattern(shape)
    if rule:
        filler = "a" * max(shape.get("min", 1) - 1, 1)
        odd = next(text for text in (filler + " ", filler + "\u0007", filler + "\n") if not rule.fullmatch(text))
        yield "pattern", odd
