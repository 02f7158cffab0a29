import pytest
from regeneration.surface import (
    GeneratedModel,
    GeneratedOperation,
    Surface,
    Value,
    identity,
    read_operation,
    read_surface,
)

# In the form in which the generator writes it.
OPERATION = """
def _get_kwargs(thing_id: str, *, body: NewThing, page: Unset | int = UNSET) -> dict[str, Any]:
    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/things/{thing_id}/parts".format(thing_id=quote(str(thing_id), safe="")),
    }
    return _kwargs


def _build_response(*, client, response): ...


def sync_detailed(
    thing_id: str, *, client: AuthenticatedClient, body: NewThing, page: Unset | int = UNSET
) -> Response[Thing | ErrorDetails]: ...


async def asyncio_detailed(thing_id: str) -> Response[Thing | ErrorDetails]: ...
"""
MODEL = """
@_attrs_define
class Thing:
    customer_id: str
    note: None | Unset | str = UNSET
    additional_properties: dict[str, int] = _attrs_field(init=False, factory=dict)

    @classmethod
    def from_dict(cls, src_dict):
        d = dict(src_dict)
        customer_id = d.pop("customerId")
        note = _parse_note(d.pop("note", UNSET))
        thing = cls(customer_id=customer_id, note=note)
        return thing
"""
ENUMERATION = """
class Mood(str, Enum):
    GOOD = "good"
    BAD = "bad"

    def __str__(self) -> str:
        return str(self.value)
"""


def test_an_operation_is_read_with_its_path_parameters_and_response() -> None:
    operation = GeneratedOperation(
        module="things.create_part",
        method="post",
        path="/things/{thing_id}/parts",
        parameters=(
            Value("thing_id", "str", required=True),
            Value("body", "NewThing", required=True),
            Value("page", "int", required=False),
        ),
        response="ErrorDetails | Thing",
    )
    assert read_operation("api/things/create_part.py", OPERATION) == operation
    assert identity(operation) == "POST /things/{}/parts"


def test_a_model_is_read_with_its_fields_their_json_names_and_additional_properties() -> None:
    surface = read_surface({"models/thing.py": MODEL.encode()})
    fields = (
        Value("customer_id", "str", required=True, wire="customerId"),
        Value("note", "None | str", required=False, wire="note"),
    )
    thing = GeneratedModel("Thing", fields, is_enumeration=False, extra="dict[str, int]")
    assert surface == Surface({}, {"Thing": thing})


def test_an_enumeration_is_read_with_its_members() -> None:
    members = (Value("GOOD", "'good'", required=False), Value("BAD", "'bad'", required=False))
    mood = GeneratedModel("Mood", members, is_enumeration=True, extra="")
    assert read_surface({"models/mood.py": ENUMERATION.encode()}).models == {"Mood": mood}


@pytest.mark.parametrize("function", ["_get_kwargs", "_build_response", "sync_detailed", "asyncio_detailed"])
def test_a_module_without_every_function_of_an_operation_is_ignored(function: str) -> None:
    code = OPERATION.replace(f"def {function}(", "def other(")
    assert read_operation("api/things/create_part.py", code) is None


def test_files_without_an_operation_or_model_are_ignored() -> None:
    files = {
        "client.py": b"class Client: ...\n",
        "api/things/__init__.py": b"",
        "api/things/helper.py": b"def sync_detailed() -> None: ...\n",
        "py.typed": b"",
    }
    assert read_surface(files) == Surface({}, {})
