"""The document is complete: whoever reads it alone can write a client."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from api.app import create_app
from api.idempotency import HEADER
from core.settings import load_settings

PUBLIC = {
    "POST /api/v1/auth/login",
    "POST /api/v1/auth/refresh",
    "POST /api/v1/auth/logout",
    "POST /api/v1/devices/pair",
    "GET /health",
    "GET /ready",
}
"""The addresses that need no token. An addition is a decision, not an accident."""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(load_settings({})).openapi()


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_public_addresses_are_these(document: dict[str, Any]) -> None:
    assert {name for name, operation in operations(document).items() if not operation.get("security")} == PUBLIC


def test_every_operation_says_what_it_does_and_what_it_refuses(document: dict[str, Any]) -> None:
    names = set()
    for name, operation in operations(document).items():
        assert operation["summary"], name
        assert operation["description"], name
        assert operation["tags"][0] in {tag["name"] for tag in document["tags"]}
        names.add(operation["operationId"])
        refusals = {status for status in operation["responses"] if int(status) >= 400}
        if name.startswith(("GET /health", "GET /ready")):
            continue
        assert "503" in refusals, name
        assert "429" in refusals, name
        if name not in PUBLIC:
            assert {"401", "403"} <= refusals, name
        if "{" in name:
            assert "404" in refusals, name
        for status in refusals:
            assert "application/problem+json" in operation["responses"][status]["content"], (name, status)
    assert len(names) == len(operations(document))


def test_every_shape_that_is_sent_or_returned_has_an_example_that_fits(document: dict[str, Any]) -> None:
    shapes = document["components"]["schemas"]
    for name in sorted(_shapes_in_use(document)):
        assert "examples" in shapes[name], f"{name} has no example"
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        for example in shapes[name]["examples"]:
            Draft202012Validator(schema).validate(example)


def test_acts_take_a_key(document: dict[str, Any]) -> None:
    approve = operations(document)["POST /api/v1/drafts/{draft_id}/approve"]
    assert HEADER in {parameter["name"] for parameter in approve["parameters"]}
    login = operations(document)["POST /api/v1/auth/login"]
    assert HEADER not in {parameter["name"] for parameter in login.get("parameters", [])}


def _shapes_in_use(document: dict[str, Any]) -> set[str]:
    found = set()
    for operation in operations(document).values():
        bodies = [operation.get("requestBody", {}), *(r for s, r in operation["responses"].items() if int(s) < 400)]
        for body in bodies:
            reference = body.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref")
            if reference:
                found.add(reference.rsplit("/", 1)[1])
    return found
