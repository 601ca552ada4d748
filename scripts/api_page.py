"""The page of the API: every operation with its scope, parameters and answers, and every object with its fields."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

INTRODUCTION = """
Send `Authorization: Bearer KEY`. Errors are `application/problem+json` with a stable `code`, a `detail` and a
`next_step`; [what each status means](#failures) is the same everywhere. Changing calls take an `Idempotency-Key` where
it is listed: the same key and request get the same answer for seven days, another request under it 422. Lists give
`next_cursor`; send it back as `cursor`. `/openapi.json` is the same contract for programs.
""".strip()


def routes_page(made: str) -> str:
    """The page in Markdown; `made` says that it is generated."""
    from api.app import create_app
    from api.contract import FAILURES

    contract = json.loads(json.dumps(create_app().openapi()))
    scopes = _scopes()
    rows = ["# API v1", made, "", INTRODUCTION, ""]
    for tag, operations in _by_tag(contract["paths"]).items():
        rows += [f"## {tag.capitalize()}", ""]
        for method, path, operation in operations:
            rows += _operation(method, path, operation, scopes.get(operation["operationId"], ""))
    rows += [
        "## Failures",
        "",
        "| status | when |",
        "|---|---|",
        *(f"| {at} | {why} |" for at, why in FAILURES.items()),
    ]
    rows += ["", "## Objects", ""]
    for name, schema in sorted(contract["components"]["schemas"].items()):
        rows += _object(name, schema)
    return "\n".join(rows).rstrip() + "\n"


def _scopes() -> dict[str, str]:
    """The scope that each operation asks for."""
    from api.app import ROUTERS
    from api.contract import operation_id

    found = {}
    for router in ROUTERS:
        for route in router.routes:
            waiting = [route.dependant]  # type: ignore[attr-defined]
            while waiting:
                one = waiting.pop()
                waiting += one.dependencies
                if scope := getattr(one.call, "required_scope", None):
                    found[operation_id(route)] = str(scope)  # type: ignore[arg-type]
    return found


def _by_tag(paths: dict[str, Any]) -> dict[str, list[tuple[str, str, dict[str, Any]]]]:
    found: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, operations in sorted(paths.items()):
        for method, operation in operations.items():
            found.setdefault(operation.get("tags", ["health"])[0], []).append((method.upper(), path, operation))
    return dict(sorted(found.items()))


def _operation(method: str, path: str, operation: dict[str, Any], scope: str) -> Iterator[str]:
    said = operation.get("description") or operation.get("summary") or ""
    yield from (f"### `{method} {path}`", "", " ".join(said.split()), "")
    if scope:
        yield from (f"Scope `{scope}`.", "")
    asked = [one for one in operation.get("parameters", []) if one["in"] != "path"]
    if asked:
        yield from ("| parameter | in | type | meaning |", "|---|---|---|---|")
        yield from (_row(one["name"], one["schema"], one["in"], one.get("description")) for one in asked)
        yield ""
    for media, body in operation.get("requestBody", {}).get("content", {}).items():
        yield from (f"Takes `{media}`: {_type(body.get('schema', {}))}.", "")
        yield from _fields(body.get("schema", {}))
    answers = {at: one for at, one in operation["responses"].items() if at[0] in "23"}
    told = ", ".join(f"{at} {_content(one)}".strip() for at, one in answers.items())
    yield from (f"Answers {told}.", "")


def _content(answer: dict[str, Any]) -> str:
    kinds = [(media, body.get("schema", {})) for media, body in answer.get("content", {}).items()]
    return ", ".join(_type(schema) if media == "application/json" else f"`{media}`" for media, schema in kinds)


def _object(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield from (f"### {name}", "")
    if said := " ".join(schema.get("description", "").split()):
        yield from (said, "")
    if "enum" in schema:
        yield from (", ".join(f"`{value}`" for value in schema["enum"]), "")
    yield from _fields(schema)


def _fields(schema: dict[str, Any]) -> Iterator[str]:
    if schema.get("properties"):
        required = schema.get("required", [])
        yield from ("| field | | type | meaning |", "|---|---|---|---|")
        for name, field in schema["properties"].items():
            yield _row(name, field, "required" if name in required else "", field.get("description"))
        yield ""


def _row(name: str, schema: dict[str, Any], where: str, said: str | None) -> str:
    meaning = " ".join((said or schema.get("description") or "").split())
    given = f" Default `{json.dumps(schema['default'])}`." if schema.get("default") not in (None, "", [], {}) else ""
    cells = (f"`{name}`", where, _type(schema), (meaning + given).strip())
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(one) for one in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    kind = schema.get("format") or schema.get("type") or "anything"
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    bounds = [f"{word} {schema[key]:g}" for key, word in BOUNDS.items() if isinstance(schema.get(key), int | float)]
    return " ".join([str(kind), *bounds])


BOUNDS = {
    "minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below",
    "minLength": "of at least", "maxLength": "of at most",
}  # fmt: skip
