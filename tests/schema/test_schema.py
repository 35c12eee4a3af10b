"""`schema/properties.json` against the table that the function is held to as well."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

ROOT = Path(__file__).parents[2]
TABLE = json.loads((ROOT / "tests/fixtures/properties.json").read_text())
VALIDATOR = Draft202012Validator(json.loads((ROOT / "schema/properties.json").read_text()))


def is_valid(changes: dict[str, object]) -> bool:
    """Whether the schema takes the table's basic properties with some changed."""
    return VALIDATOR.is_valid(TABLE["base"] | changes)


def test_the_schema_is_one() -> None:
    """Of the draft it names."""
    Draft202012Validator.check_schema(VALIDATOR.schema)


def test_the_schema_takes_and_refuses_what_the_function_does() -> None:
    """The other half of this test, with the function's own reading, is in `src/properties/schema.rs`."""
    wrong = [case for case in TABLE["good"] if not is_valid(case)] + [case for case in TABLE["bad"] if is_valid(case)]
    assert wrong == []


@pytest.mark.parametrize("rule", TABLE["bad, but taken by the schema"])
def test_what_the_schema_leaves_to_the_function(rule: str) -> None:
    """Each rule that JSON Schema has no words for is one indeed: else it could be checked earlier."""
    assert [case for case in TABLE["bad, but taken by the schema"][rule] if not is_valid(case)] == []


@pytest.mark.parametrize("rule", TABLE["good, but refused by the schema"])
def test_what_the_schema_asks_of_authors(rule: str) -> None:
    """Where the function is lenient to what reaches it, and whoever writes a template should not rely on it."""
    assert [case for case in TABLE["good, but refused by the schema"][rule] if is_valid(case)] == []
