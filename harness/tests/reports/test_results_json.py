"""``results.json`` holds the whole run in the form that its schema describes."""

import json
from typing import Any

import pytest

from asgi_conformance.reports import results_json
from asgi_conformance.reports.run import Run
from asgi_conformance.verdict import Level, Outcome

SCHEMA: dict[str, Any] = json.loads(results_json.SCHEMA.read_text("utf-8"))
TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}
UNDERSTOOD = {
    *("$ref", "type", "const", "enum", "minimum", "required", "properties", "additionalProperties", "items"),
    *("$schema", "$defs", "title", "description"),
}


def problems(value: object, schema: dict[str, Any] | bool, at: str = "$") -> list[str]:
    """Where `value` is not as `schema` says; just the words of JSON Schema that ours uses."""
    if isinstance(schema, bool):
        return [] if schema else [f"{at}: not foreseen"]
    assert set(schema) <= UNDERSTOOD
    found: list[str] = []
    if "$ref" in schema:
        found += problems(value, SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")], at)
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    # Python takes True for an integer, JSON does not.
    if kinds and type(value) not in [kind for name in kinds for kind in TYPES[name]]:
        return [*found, f"{at}: not {kinds}"]
    if "const" in schema and value != schema["const"]:
        found.append(f"{at}: not {schema['const']}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at}: not one of {schema['enum']}")
    if isinstance(value, int | float) and value < schema.get("minimum", value):
        found.append(f"{at}: too small")
    if isinstance(value, list):
        found += [p for i, item in enumerate(value) for p in problems(item, schema.get("items", True), f"{at}[{i}]")]
    if isinstance(value, dict):
        known = schema.get("properties", {})
        found += [f"{at}.{name}: missing" for name in schema.get("required", ()) if name not in value]
        for name, item in value.items():
            found += problems(item, known.get(name, schema.get("additionalProperties", True)), f"{at}.{name}")
    return found


@pytest.mark.parametrize("name", ["mixed", "conformant", "catalogue"])
def test_the_text_is_as_the_schema_says(name: str, request: pytest.FixtureRequest) -> None:
    run: Run = request.getfixturevalue(name)
    record = json.loads(results_json.render(run))
    assert problems(record, SCHEMA) == []
    assert len(record["verdicts"]) == len(run.verdicts)


def test_an_empty_run_is_as_the_schema_says() -> None:
    assert problems(json.loads(results_json.render(Run({}, ()))), SCHEMA) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), 2),
        (("extra",), 1),
        (("environment", "duration_s"), -1),
        (("environment", "versions"), {"fastapi": 1}),
        (("verdicts", 0, "outcome"), "skipped"),
        (("verdicts", 0, "level"), "MAY"),
        (("verdicts", 0, "route"), 7),
        (("verdicts", 0, "colour"), "red"),
        (("verdicts", 0, "transcript"), [{"at_ms": 0.0}]),
        (("verdicts", 0, "transcript"), [{"at_ms": 0.0, "direction": ">", "text": "", "here": 1}]),
        (("verdicts", 0, "duration_s"), True),
    ],
)
def test_the_schema_refuses_what_is_wrong(mixed: Run, path: tuple[str | int, ...], value: object) -> None:
    record: Any = json.loads(results_json.render(mixed))
    inner = record
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    assert problems(record, SCHEMA)


def test_the_schema_knows_the_levels_and_outcomes_of_the_model() -> None:
    properties = SCHEMA["$defs"]["verdict"]["properties"]
    assert properties["level"]["enum"] == [str(level) for level in Level]
    assert properties["outcome"]["enum"] == [str(outcome) for outcome in Outcome]


def test_what_was_rendered_is_read_back(mixed: Run) -> None:
    environment, verdicts = results_json.read(results_json.render(mixed))
    assert Run(environment, verdicts, mixed.rules) == mixed


@pytest.mark.parametrize("text", ["{}", "[]", '{"schema": 2}', '{"schema": 1, "environment": {}}', "{"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"results\.json|Expecting"):
        results_json.read(text)


def test_transcripts_keep_what_no_encoding_takes(mixed: Run) -> None:
    assert results_json.render(mixed).isascii()
