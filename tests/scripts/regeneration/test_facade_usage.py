from regeneration.facade_usage import read_usage, read_wire_usage
from regeneration.surface import GeneratedModel, GeneratedOperation, Surface, Value

THING_ID = Value("thing_id", "str", required=True)


def operation(*parameters: Value, response: str = "Thing") -> GeneratedOperation:
    return GeneratedOperation("things.get_thing", "get", "/things/{thing_id}", parameters, response)


def model(name: str, *fields: Value, extra: str = "") -> GeneratedModel:
    return GeneratedModel(name, fields, is_enumeration=False, extra=extra)


def surface(one: GeneratedOperation, *models: GeneratedModel) -> Surface:
    return Surface({"GET /things/{}": one}, {model.name: model for model in models})


def test_models_are_used_by_the_files_that_import_them_or_what_needs_them() -> None:
    package = surface(
        operation(THING_ID),
        model("Thing", Value("part", "list[Part]", required=False)),
        model("Part"),
        model("Unused"),
    )
    files = {
        "operation.py": "from gameball_api.api.things import get_thing\n",
        "tag.py": "def late():\n    from gameball_api.api import things\n",
        "module.py": "import gameball_api.api.things.get_thing\n",
        "model.py": "from gameball_api.models import Part\n",
        "submodule.py": "from gameball_api.models.part import Part\n",
        "other.py": "from gameball_api import AuthenticatedClient\nfrom .models import Unused\n",
    }
    usage = read_usage(files, [package])
    through = ("module.py", "operation.py", "tag.py")
    assert usage["things.get_thing"] == through
    assert usage["Thing"] == through
    assert usage["Part"] == ("model.py", *through[:2], "submodule.py", "tag.py")
    assert "Unused" not in usage


def test_the_body_and_further_properties_of_a_model_are_used_too() -> None:
    body = Value("body", "ThingBody", required=True)
    package = surface(
        operation(body, response="Any"), model("ThingBody", extra="Label"), model("Label"), model("Thing")
    )
    files = {"a.py": "from gameball_api.api.things import get_thing\n"}
    assert read_usage(files, [package]).keys() >= {"things.get_thing", "ThingBody", "Label"}
    assert "Thing" not in read_usage(files, [package])


def test_a_model_that_only_one_of_two_packages_has_is_used() -> None:
    before = surface(operation(response="Old"), model("Old"))
    after = surface(operation(response="New"), model("New"))
    usage = read_usage({"a.py": "from gameball_api.api.things import get_thing\n"}, [before, after])
    assert usage["Old"] == usage["New"] == ("a.py",)


def test_models_that_refer_to_each_other_are_followed_once() -> None:
    node = model("Node", Value("next", "Node", required=False))
    assert read_usage({"a.py": "from gameball_api.models import Node\n"}, [surface(operation(), node)]) == {
        "Node": ("a.py",)
    }


def test_names_of_json_fields_are_found_in_strings_bytes_and_json() -> None:
    files = {
        "string.py": "body['customerId'] = 1\n",
        "bytes.py": "start = b'{\"customerId\":'\n",
        "json.py": 'text = \'{"events": {}, "customerId" : 1}\'\n',
        "other.py": "customerId = f'not the customerId of a field'\n",
    }
    usage = read_wire_usage(files)
    assert usage["customerId"] == ("bytes.py", "json.py", "string.py")
    assert usage["events"] == ("json.py",)
