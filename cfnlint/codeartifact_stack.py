"""A rule for cfn-lint: the properties of `Custom::CodeArtifactStack`, held to the JSON Schema of the function.

cfn-lint --append-rules cfnlint -- template.yaml

What a function such as !Ref gives is not known before a deployment, so it is left alone. What stands around it is not.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from cfnlint.helpers import REGEX_DYN_REF, is_function
from cfnlint.rules import CloudFormationLintRule, RuleMatch
from cfnlint.template import Template
from jsonschema import Draft202012Validator

TYPE = "Custom::CodeArtifactStack"
HERE = Path(__file__).resolve().parent
# Beside this file in a release, in a folder of its own in the repository.
SCHEMA = json.loads(
    next(
        path for path in (HERE / "properties.json", HERE.parent / "schema/properties.json") if path.is_file()
    ).read_text(encoding="utf-8")
)
PATTERN = SCHEMA["$defs"]["PackagePattern"]
# How many characters of a value a message shows.
MOST_SHOWN = 100
# What a text is told that is no pattern at all.
FORM = (
    "must begin with / and end with *, ~ or $, as in /npm/acme/* (the scope @acme), /npm/acme/ui$ (one package) "
    "or /pypi//acme~ (acme, acme-ui and so on)"
)
# Attributes of any resource, which are written beside `Properties`.
BESIDE = [
    "Condition",
    "CreationPolicy",
    "DeletionPolicy",
    "DependsOn",
    "Metadata",
    "UpdatePolicy",
    "UpdateReplacePolicy",
]
NO_STATEMENT = "has no Statement: it would allow and deny nothing; leave it out to have no policy"
NAMES = {"object": "an object", "array": "a list", "string": "a string", "number": "a number", "boolean": "a boolean"}


class Problem(NamedTuple):
    """What is wrong, and where in the properties."""

    path: tuple[str | int, ...]
    message: str


class CodeArtifactStackProperties(CloudFormationLintRule):
    """One match for each broken rule."""

    id = "E9470"
    shortdesc = f"Properties of {TYPE}"
    description = f"The properties of {TYPE} are known, complete and of the right form"
    source_url = "schema/properties.json"
    tags = ["resources", "codeartifact"]

    def match(self, cfn: Template) -> Iterator[RuleMatch]:
        for name, resource in cfn.get_resources([TYPE]).items():
            properties = resource.get("Properties", {})
            path = ["Resources", name, *(["Properties"] if properties else [])]
            if isinstance(properties, dict):
                for problem in problems(properties):
                    yield RuleMatch([*path, *problem.path], problem.message)


def problems(properties: dict[str, Any]) -> Iterator[Problem]:
    """Everything that is wrong whatever the functions in it give."""
    known = SCHEMA["properties"]
    included = any(name.startswith("Fn::") for name in properties)
    for name in SCHEMA["required"]:
        if not included and properties.get(name, "") == "":
            yield Problem((name,) if name in properties else (), f"{name}: is required")
    for name, value in properties.items():
        if name in known:
            if value != "":
                yield from Reading(name).problems((name,), value, known[name])
        elif not name.startswith("Fn::"):
            yield Problem((name,), f"{name}: there is no such property{which_property(name)}")
    for rule in SCHEMA["allOf"]:
        if not included and breaks(properties, rule):
            for name in rule["then"].get("required", []):
                yield Problem((name,) if name in properties else (), f"{name}: is required")
            for name, wanted in rule["then"]["properties"].items():
                if wanted == {"const": ""}:
                    (other,) = rule["if"]["required"]
                    yield Problem((other,), f"{other}: cannot be combined with {name}")


class Reading(NamedTuple):
    """Reads the value of one property, and says what is wrong in the function's words."""

    property: str

    def problems(self, path: tuple[str | int, ...], value: Any, schema: dict[str, Any]) -> Iterator[Problem]:
        function, argument = is_function(value)
        if function == "Fn::If" and isinstance(argument, list):
            for index in range(1, len(argument)):
                yield from self.problems((*path, function, index), argument[index], schema)
            return
        if is_unknown(value):
            return
        found = list(self.inside(path, value, schema))
        # The rest of the schema has no words of its own, and no say about what is not known.
        if not found and not has_unknown(value) and not is_valid(value, schema):
            found = [self.problem(path, f"{rule_of(schema, value)}, got {shown(value)}{choice_meant(schema, value)}")]
        yield from found

    def problem(self, path: tuple[str | int, ...], message: str) -> Problem:
        return Problem(path, f"{self.property}: {message}")

    def inside(self, path: tuple[str | int, ...], value: Any, schema: dict[str, Any]) -> Iterator[Problem]:
        """What is wrong in the parts of a list or an object."""
        forms = [form for form in forms_of(schema) if fits(value, form)]
        if isinstance(value, list) and not is_valid(value, {"anyOf": forms} | bounds_of(schema)):
            for form in [form for form in forms if "items" in form][:1]:
                yield from self.items(path, value, form | bounds_of(schema))
        elif isinstance(value, dict):
            for form in forms[:1]:
                yield from self.members(path, value, form)

    def items(self, path: tuple[str | int, ...], value: list[Any], form: dict[str, Any]) -> Iterator[Problem]:
        sure = [item for item in value if not has_unknown(item)]
        for index, item in enumerate(value):
            if form.get("uniqueItems") and item != "" and item in sure and item in value[:index]:
                yield self.problem((*path, index), f"{item} appears twice")
            yield from self.problems((*path, index), item, form["items"])
        yield from self.too_many(path, len(sure), form.get("maxItems"))

    def too_many(self, path: tuple[str | int, ...], count: int, most: int | None) -> Iterator[Problem]:
        if most is not None and count > most:
            yield self.problem(path, f"at most {most} may be given, got {count}")

    def members(self, path: tuple[str | int, ...], value: dict[str, Any], form: dict[str, Any]) -> Iterator[Problem]:
        known, others = form.get("properties", {}), form.get("additionalProperties", True)
        if "Statement" in form.get("required", []) and not has_statement(value):
            yield self.problem(path, NO_STATEMENT)
            return
        for name in form.get("required", []):
            if name not in value:
                yield self.problem(path, f"{name} is missing")
        for name, member in value.items():
            if name in known:
                # The function names the members of an object whose members are of different kinds.
                reading = self if "required" in form else Reading(f"{self.property}.{name}")
                yield from reading.problems((*path, name), member, known[name])
            elif others is False:
                hint = did_you_mean(name, list(known)) or f"; it may have {', '.join(known)}"
                yield self.problem((*path, name), f"there is no {name} in it{hint}")
            elif isinstance(others, dict):
                if not is_valid(name, form.get("propertyNames", {})):
                    yield self.problem((*path, name), f"{rule_of(form['propertyNames'], name)}, got {shown(name)}")
                yield from self.problems((*path, name), member, others)
        yield from self.too_many(path, len(value), form.get("maxProperties"))
        if "then" in form and breaks(value, form):
            (named,) = form["if"]["required"]
            organization = form["then"]["required"][0]
            yield self.problem((*path, named), f'{named} may be ["*"] only with an {organization}')


def forms_of(schema: dict[str, Any], rule: str | None = None) -> Iterator[dict[str, Any]]:
    """The alternatives of a schema, without the empty string, each with the rule that it is told by."""
    while "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    own = schema.get("description", "")
    rule = own if own.startswith("must ") else rule
    if "anyOf" in schema:
        for alternative in schema["anyOf"]:
            yield from forms_of(alternative, rule)
    elif schema.get("const") != "":
        yield schema | {"description": rule or ""}


def types_of(form: dict[str, Any]) -> list[str]:
    if "type" in form:
        return form["type"] if isinstance(form["type"], list) else [form["type"]]
    if "enum" in form or "const" in form:
        return [type_of(value) for value in form.get("enum", [form.get("const")])]
    return list(NAMES)


def type_of(value: Any) -> str:
    types = {dict: "object", list: "array", str: "string", bool: "boolean"}
    return next((name for kind, name in types.items() if isinstance(value, kind)), "number")


def fits(value: Any, form: dict[str, Any]) -> bool:
    return type_of(value) in types_of(form)


def rule_of(schema: dict[str, Any], value: Any) -> str:
    """The rule that a value breaks, in the function's words as far as the schema has them."""
    forms = list(forms_of(schema))
    texts = [form for form in forms if types_of(form) == ["string"]]
    if texts and isinstance(value, str) and len(value) > (longest := texts[0].get("maxLength", len(value))):
        return f"must be at most {longest} characters"
    if isinstance(value, str) and any(form["description"] == PATTERN["description"] for form in texts):
        return rule_of_pattern(value)
    choices = choices_of(forms)
    if choices:
        return "must be true or false" if True in choices else f"must be one of {', '.join(choices)}"
    members = next((form["properties"] for form in forms if form.get("additionalProperties") is False), None)
    types = list(dict.fromkeys(name for form in forms for name in types_of(form)))
    if members and len(types) == 1:
        return f"must be an object with the members {', '.join(members)}"
    told = next((form["description"] for form in forms if form["description"]), "")
    if told and (any(fits(value, form) for form in texts) or "object" in types):
        return told
    if told and isinstance(value, (int, float)):
        return f"{told}, in quotes"
    *most, last = (NAMES[name] for name in types)
    return f"must be {', '.join(most)} or {last}" if most else f"must be {last}"


def choices_of(forms: list[dict[str, Any]]) -> list[Any]:
    return next((form["enum"] for form in forms if "enum" in form), [])


def choice_meant(schema: dict[str, Any], value: Any) -> str:
    choices = [choice for choice in choices_of(list(forms_of(schema))) if isinstance(choice, str)]
    meant = did_you_mean(value, choices) if isinstance(value, str) else ""
    return f" ({meant.removeprefix(', ')})" if meant else ""


def rule_of_pattern(text: str) -> str:
    """The rule that a package pattern breaks: the usual slips in the function's words, others in the schema's."""
    formats = SCHEMA["$defs"]["Format"]["enum"]
    format, _, rest = text.removeprefix("/").partition("/")
    if not text.startswith("/") or text[-1] not in "*~$":
        return FORM
    if text == "/*":
        return "must not be the root /*, which holds every package"
    if format not in formats:
        return f"must begin with a format: {', '.join(f'/{each}/' for each in formats)}"
    if rest in ("*", "/*"):
        example = f"/{format}//acme-*" if format in ("pypi", "nuget", "ruby", "cargo") else f"/{format}/acme/*"
        return f"names a format alone, and so holds its public packages too: name some, as in {example}"
    if format == "npm" and "/@" in text:
        written = text.replace("//@", "/").replace("/@", "/")
        remedy = f": write {written}" if is_valid(written, PATTERN) else ""
        return f"holds nothing, for the service has the scopes of npm without their @{remedy}"
    return PATTERN["description"]


def has_statement(policy: dict[str, Any]) -> bool:
    """Whether a policy has a statement, or what a function may give as one."""
    given = policy.get("Statement", [])
    statements = given if isinstance(given, list) else [given]
    return any(isinstance(statement, dict) for statement in statements)


def bounds_of(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: schema[name] for name in ("maxItems", "uniqueItems") if name in schema}


def is_unknown(value: Any) -> bool:
    """Whether only a deployment tells what it is: a function's value, or a reference to a parameter store."""
    if isinstance(value, str):
        return bool(REGEX_DYN_REF.findall(value))
    return is_function(value)[0] is not None


def has_unknown(value: Any) -> bool:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return is_unknown(value) or any(map(has_unknown, parts))


def is_valid(value: Any, schema: dict[str, Any]) -> bool:
    return Draft202012Validator(schema | {"$defs": SCHEMA["$defs"]}).is_valid(value)


def breaks(value: dict[str, Any], rule: dict[str, Any]) -> bool:
    """Whether an if and then is broken both if the functions give something and if they give nothing."""
    condition = {"if": rule["if"], "then": rule["then"]}
    return not any(is_valid(resolved(value, given), condition) for given in ("given by a function", ""))


def resolved(value: Any, given: str) -> Any:
    if is_unknown(value):
        # An attribute is something in any case.
        return given or ("an attribute" if "Fn::GetAtt" in value else "")
    if isinstance(value, dict):
        return {name: resolved(member, given) for name, member in value.items()}
    return [resolved(item, given) for item in value] if isinstance(value, list) else value


def which_property(got: str) -> str:
    """The property that is meant by a name of another tool's, or the nearest one, if one is near."""
    if got in BESIDE:
        hint = ", did you mean DeletionMode?" if got == "DeletionPolicy" else ""
        return f"; the attribute {got} of a resource is beside its Properties{hint}"
    elsewhere = SCHEMA["x-elsewhere"].get(folded(got))
    return f", did you mean {elsewhere}?" if elsewhere else did_you_mean(got, list(SCHEMA["properties"]))


def did_you_mean(got: str, names: list[str]) -> str:
    nearest = difflib.get_close_matches(folded(got), map(folded, names), n=1, cutoff=0.7)
    return next((f", did you mean {name}?" for name in names if [folded(name)] == nearest), "")


def folded(name: str) -> str:
    """A name without what sets snake_case, kebab-case and CamelCase apart, and without what all connections have."""
    return name.lower().replace("public:", "").replace("_", "").replace("-", "")


def shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
