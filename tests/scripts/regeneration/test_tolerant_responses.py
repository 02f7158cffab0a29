"""Nulls and unseen values, in every place of every response of a document of some 70 operations."""

import copy
import importlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest
import regenerate
from full_document import build_document
from once_per_run import once_per_run
from regenerate_project import REPOSITORY, Repository, copy_repository
from regeneration.document_walk import Document, Place, mapping, operations, resolve
from regeneration.openapi_document import format_document, load_document
from regeneration.surface import Surface, read_surface
from regeneration.tolerant_responses import relax_responses

Case = tuple[Place, Any]
_SAMPLES = {"string": "text", "number": 1.5, "integer": 1, "boolean": True, "null": None}


def without_tolerance(root: Path, source: Path) -> Document:
    """Return the document as it is before responses are made tolerant."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(regenerate, "relax_responses", lambda document: document)
        return regenerate.build_document(root, load_document(source))[0]


def meant(document: Document, schema: object) -> Document:
    """Return the schema that is meant, of a union the first part that is not null."""
    found = resolve(document, schema)
    parts = [*found.get("allOf", []), *found.get("anyOf", []), *found.get("oneOf", [])]
    return meant(document, parts[0]) if parts and "properties" not in found else found


def kind_of(schema: Document) -> object:
    kinds = schema.get("type", "object" if "properties" in schema else None)
    return kinds[0] if isinstance(kinds, list) else kinds


def sample(document: Document, schema: object, above: tuple[str, ...] = ()) -> Any:
    """Return a value that a schema describes, as deep as it goes without repeating itself."""
    found = meant(document, schema)
    if values := [value for value in found.get("enum", []) if value is not None]:
        return values[0]
    key = json.dumps(found, sort_keys=True)
    if kind_of(found) == "array":
        return [sample(document, found["items"], above)] if found.get("items") else ["anything"]
    if kind_of(found) == "object":
        if key in above:
            return {}
        return {
            name: sample(document, child, (*above, key))
            for name, child in mapping(found.get("properties")).items()
        }
    if found.get("format") == "date-time":
        return "2026-03-01T10:00:00+00:00"
    return _SAMPLES.get(str(kind_of(found)), "anything")


def changes(document: Document, schema: object, value: Any, place: Place = ()) -> Iterator[Case]:
    """Yield what a response may hold one day: each optional property null, each enumeration another value."""
    found = meant(document, schema)
    if found.get("enum"):
        yield place, "never heard of" if isinstance(value, str) else 987654
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from changes(document, found.get("items"), item, (*place, index))
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name not in found.get("required", []):
                yield (*place, name), None
            yield from changes(document, found["properties"][name], inner, (*place, name))


def changed(content: Any, place: Place, value: Any) -> Any:
    if not place:
        return value
    result = copy.deepcopy(content)
    holder = result
    for part in place[:-1]:
        holder = holder[part]
    holder[place[-1]] = value
    return result


def holds_a_bare_mapping(value: Any) -> bool:
    """Tell whether anything below was left unread."""
    if attrs.has(type(value)):
        fields = [one.name for one in attrs.fields(type(value)) if one.name != "additional_properties"]
        return any(holds_a_bare_mapping(getattr(value, name)) for name in fields)
    if isinstance(value, list):
        return any(map(holds_a_bare_mapping, value))
    return isinstance(value, dict)


@attrs.frozen
class Full:
    """The raw client of the full document, under a name of its own."""

    repository: Repository
    document: Document
    surface: Surface
    package: str


def generate_full(folder: Path) -> Full:
    repository = copy_repository(folder / "repository")
    source = folder / "full.yaml"
    source.write_bytes(format_document(build_document()))
    done = repository.regenerate_here("--from", source)
    assert done.returncode == 0, done.stderr
    shutil.copytree(repository.package, folder / "package" / "tolerant_gameball_api")
    document = without_tolerance(repository.root, source)
    return Full(repository, document, read_surface(repository.generated()), "tolerant_gameball_api")


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Full]:
    made = once_per_run(tmp_path_factory, "tolerant", generate_full)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(made.repository.root.parent / "package"))
        yield made


def read_response(full: Full, module: str, status: str, content: Any) -> Any:
    client = importlib.import_module(full.package).AuthenticatedClient(base_url="http://x", token="")
    code = int(status.replace("XX", "00")) if status != "default" else 200
    operation = importlib.import_module(f"{full.package}.api.{module}")
    return operation._build_response(client=client, response=httpx.Response(code, json=content)).parsed


def test_every_response_with_a_null_or_an_unseen_value_is_read_and_kept(full: Full) -> None:
    nulls, unseen, unread = 0, 0, []
    for one in operations(full.document):
        key = f"{one.method.upper()} " + "/".join("{}" if "{" in p else p for p in one.path.split("/"))
        module = full.surface.operations[key].module
        for status, response in one.content["responses"].items():
            media = mapping(resolve(full.document, response).get("content")).get("application/json")
            if media is None:
                continue
            content = sample(full.document, media["schema"])
            for place, value in [((), content), *changes(full.document, media["schema"], content)]:
                nulls += bool(place) and value is None
                unseen += value in ("never heard of", 987654)
                given = changed(content, place, value)
                try:
                    parsed = read_response(full, module, status, given)
                except (AttributeError, KeyError, TypeError, ValueError) as error:
                    unread.append(f"{module} {status} {place}: {error!r}")
                    continue
                if parsed.to_dict() != given or holds_a_bare_mapping(parsed):
                    unread.append(f"{module} {status} {place}: {parsed}")
    assert unread == []
    # Twice an enumeration, in the responses of several operations each.
    assert nulls > 250
    assert unseen > 5


def document_of(schema: Document, body: Document | None = None, **components: Document) -> Document:
    """Return a document with one operation that responds with one schema and may take another."""
    operation: Document = {"responses": {"200": {"content": {"application/json": {"schema": schema}}}}}
    if body is not None:
        operation["requestBody"] = {"content": {"application/json": {"schema": body}}}
    operation["operationId"] = "doIt"
    return {"paths": {"/a": {"post": operation}}, "components": {"schemas": components}}


def relaxed(document: Document) -> tuple[Any, Any, Any]:
    """Return the schemas of the response and of the request, and the components."""
    result = relax_responses(document)
    operation = result["paths"]["/a"]["post"]
    response = operation["responses"]["200"]["content"]["application/json"]["schema"]
    request = mapping(operation.get("requestBody")).get("content", {"application/json": {"schema": None}})
    return response, request["application/json"]["schema"], result["components"]["schemas"]


MOOD: Document = {"type": "string", "enum": ["good", "bad"]}


def test_a_request_is_not_made_tolerant() -> None:
    schema = {"type": "object", "properties": {"mood": MOOD, "note": {"type": "string"}}}
    response, request, _ = relaxed(document_of(schema, schema))
    assert request == schema
    assert response["properties"] == {
        "mood": {"anyOf": [{**MOOD, "title": "mood"}, {"type": "string"}, {"type": "null"}]},
        "note": {"type": ["string", "null"]},
    }


def test_a_required_field_may_have_another_value_and_may_not_be_null() -> None:
    schema = {"type": "object", "required": ["mood"], "properties": {"mood": MOOD}}
    response, _, _ = relaxed(document_of(schema))
    assert response["properties"]["mood"] == {"anyOf": [{**MOOD, "title": "mood"}, {"type": "string"}]}


def test_a_component_that_is_an_enumeration_is_not_changed() -> None:
    reference = {"$ref": "#/components/schemas/Mood"}
    schema = {"type": "object", "properties": {"mood": reference, "more": {"allOf": [reference]}}}
    response, request, components = relaxed(document_of(schema, schema, Mood=MOOD))
    assert components == {"Mood": MOOD}
    assert request == schema
    opened = {"anyOf": [reference, {"type": "string"}, {"type": "null"}]}
    assert response["properties"] == {"mood": opened, "more": opened}


def test_a_component_that_requests_and_responses_share_is_made_tolerant() -> None:
    reference = {"$ref": "#/components/schemas/Note"}
    note = {"type": "object", "properties": {"text": {"type": "string"}, "next": reference}}
    response, request, components = relaxed(
        document_of({"type": "array", "items": reference}, reference, Note=note)
    )
    assert response == {"type": "array", "items": reference}
    assert request == reference
    assert components["Note"]["properties"] == {
        "text": {"type": ["string", "null"]},
        "next": {"oneOf": [reference, {"type": "null"}]},
    }


def test_a_component_that_only_requests_use_is_not_changed() -> None:
    note = {"type": "object", "properties": {"mood": MOOD}}
    _, _, components = relaxed(
        document_of({"type": "object"}, {"$ref": "#/components/schemas/Note"}, Note=note)
    )
    assert components == {"Note": note}


def test_a_union_with_an_enumeration_accepts_other_values() -> None:
    union = {"oneOf": [{"$ref": "#/components/schemas/Mood"}, {"type": "null"}]}
    schema = {"type": "object", "properties": {"mood": union}}
    response, _, _ = relaxed(document_of(schema, Mood=MOOD))
    assert response["properties"]["mood"] == {"oneOf": [*union["oneOf"], {"type": "string"}]}


def test_a_field_with_one_documented_value_may_have_another() -> None:
    kinds = {"kind": {"const": "order"}, "seen": {"type": "boolean", "enum": [True]}}
    response, _, _ = relaxed(document_of({"type": "object", "required": [*kinds], "properties": kinds}))
    assert response["properties"] == {"kind": {"type": "string"}, "seen": {"type": "boolean"}}


def test_tolerance_changes_no_name(full: Full, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(regenerate, "relax_responses", lambda document: document)
        strict = copy_repository(tmp_path / "strict")
        done = strict.regenerate_here("--from", full.repository.root / "openapi.yaml")
    assert done.returncode == 0, done.stderr
    surface = read_surface(strict.generated())
    assert surface.models.keys() == full.surface.models.keys()
    assert surface.operations.keys() == full.surface.operations.keys()
    for name, model in surface.models.items():
        assert [one.name for one in model.fields] == [one.name for one in full.surface.models[name].fields]


def test_the_committed_client_reads_nulls() -> None:
    committed = read_surface(
        {
            path.relative_to(REPOSITORY / "generated" / "gameball_api").as_posix(): path.read_bytes()
            for path in (REPOSITORY / "generated" / "gameball_api").rglob("*.py")
        }
    )
    assert {one.name: one.type for one in committed.models["BatchJobResponse"].fields} == {
        "successful": "None | list[BatchJobItem]",
        "failed": "None | list[BatchJobItem]",
    }
