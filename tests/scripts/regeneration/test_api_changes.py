import pytest
from regeneration.api_changes import Change, compare
from regeneration.surface import GeneratedModel, GeneratedOperation, Surface, Value

KEY = "GET /things/{}"
ID = Value("thing_id", "str", required=True)
PAGE = Value("page", "int", required=False)
NAME = Value("name", "str", required=False, wire="name")


def operation(
    *parameters: Value, module: str = "things.get_thing", response: str = "Thing"
) -> GeneratedOperation:
    return GeneratedOperation(module, "get", "/things/{thing_id}", parameters, response)


def model(*fields: Value, enumeration: bool = False, extra: str = "Any") -> GeneratedModel:
    return GeneratedModel("Thing", fields, enumeration, extra)


def operations_changed(before: GeneratedOperation | None, after: GeneratedOperation | None) -> list[str]:
    old, new = (Surface({} if one is None else {KEY: one}, {}) for one in (before, after))
    return [str(change).strip() for change in compare(old, new, {})]


def models_changed(before: GeneratedModel | None, after: GeneratedModel | None) -> list[str]:
    old, new = (Surface({}, {} if one is None else {"Thing": one}) for one in (before, after))
    return [str(change).strip() for change in compare(old, new, {})]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (None, operation(), "operation added: things.get_thing GET /things/{}"),
        (operation(), None, "BREAKING  operation removed: things.get_thing GET /things/{}"),
        (
            operation(),
            operation(module="things.read_thing"),
            "BREAKING  operation changed: things.get_thing is now things.read_thing: GET /things/{}",
        ),
        (operation(ID), operation(ID, PAGE), "parameter added: things.get_thing.page (int, optional)"),
        (operation(), operation(ID), "BREAKING  parameter added: things.get_thing.thing_id (str, required)"),
        (operation(ID, PAGE), operation(ID), "BREAKING  parameter removed: things.get_thing.page"),
        (
            operation(PAGE),
            operation(Value("page", "int | str", required=False)),
            "parameter changed: things.get_thing.page (int, optional) -> (int | str, optional)",
        ),
        (
            operation(PAGE),
            operation(Value("page", "str", required=False)),
            "BREAKING  parameter changed: things.get_thing.page (int, optional) -> (str, optional)",
        ),
        (
            operation(PAGE),
            operation(Value("page", "int", required=True)),
            "BREAKING  parameter changed: things.get_thing.page (int, optional) -> (int, required)",
        ),
        (
            operation(ID, PAGE),
            operation(PAGE, ID),
            "BREAKING  parameter changed: things.get_thing the order of the parameters is different",
        ),
        (
            operation(response="Thing"),
            operation(response="ErrorDetails | Thing"),
            "response changed: things.get_thing Thing -> ErrorDetails | Thing",
        ),
        (
            operation(response="Thing"),
            operation(response="Other"),
            "BREAKING  response changed: things.get_thing Thing -> Other",
        ),
    ],
)
def test_a_change_of_an_operation_is_reported_and_marked(
    before: GeneratedOperation | None, after: GeneratedOperation | None, told: str
) -> None:
    assert operations_changed(before, after) == [told]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (None, model(), "model added: Thing"),
        (model(), None, "BREAKING  model removed: Thing"),
        (model(), model(NAME), "field added: Thing.name (str, optional)"),
        (model(NAME), model(), "BREAKING  field removed: Thing.name"),
        (
            model(NAME),
            model(Value("name", "str", required=False, wire="Name")),
            "BREAKING  field changed: Thing.name (str, optional) -> (str, optional as Name)",
        ),
        (
            model(extra="Any"),
            model(extra=""),
            "BREAKING  model changed: Thing additional properties: Any -> none",
        ),
        (
            model(),
            model(enumeration=True),
            "BREAKING  model changed: Thing is an enumeration now",
        ),
        (
            model(enumeration=True),
            model(Value("A", "'a'", required=False), enumeration=True),
            "member added: Thing.A = 'a'",
        ),
        (
            model(Value("A", "'a'", required=False), enumeration=True),
            model(enumeration=True),
            "BREAKING  member removed: Thing.A",
        ),
    ],
)
def test_a_change_of_a_model_is_reported_and_marked(
    before: GeneratedModel | None, after: GeneratedModel | None, told: str
) -> None:
    assert models_changed(before, after) == [told]


REQUIRED = Value("name", "str", required=True, wire="name")
NULLABLE = Value("name", "None | str", required=True, wire="name")
SENT = operation(Value("body", "list[Thing]", required=True), response="Any")
READ = operation(response="ErrorDetails | Thing")
BOTH = operation(Value("body", "Thing", required=True), response="Thing")


@pytest.mark.parametrize(
    ("used_by", "before", "after", "is_breaking"),
    [
        (SENT, REQUIRED, NAME, False),
        (SENT, NAME, REQUIRED, True),
        (SENT, REQUIRED, NULLABLE, False),
        (SENT, NULLABLE, REQUIRED, True),
        (READ, REQUIRED, NAME, True),
        (READ, NAME, REQUIRED, False),
        (READ, REQUIRED, NULLABLE, True),
        (READ, NULLABLE, REQUIRED, False),
        (BOTH, REQUIRED, NAME, True),
        (BOTH, NAME, REQUIRED, True),
    ],
)
def test_a_narrower_field_breaks_sending_and_a_wider_one_breaks_reading(
    used_by: GeneratedOperation, before: Value, after: Value, is_breaking: bool
) -> None:
    old, new = (Surface({KEY: used_by}, {"Thing": model(one)}) for one in (before, after))
    (change,) = compare(old, new, {})
    assert change.subject == "Thing.name"
    assert change.breaking is is_breaking


def test_a_new_required_field_breaks_only_sending() -> None:
    for used_by, is_breaking in [(SENT, True), (READ, False), (BOTH, True)]:
        old, new = (Surface({KEY: used_by}, {"Thing": model(*fields)}) for fields in ((), (REQUIRED,)))
        (change,) = compare(old, new, {})
        assert change.breaking is is_breaking


def test_a_model_within_a_model_is_sent_or_read_like_the_outer_one() -> None:
    outer = GeneratedModel("Outer", (Value("things", "list[Thing]", required=True),), False, "")  # noqa: FBT003
    operations = {KEY: operation(Value("body", "Outer", required=True), response="Any")}
    old, new = (Surface(operations, {"Outer": outer, "Thing": model(one)}) for one in (REQUIRED, NAME))
    (change,) = compare(old, new, {"Thing": ("gameball/things.py",)})
    assert not change.breaking
    assert change.used_by == ("gameball/things.py",)


def test_equal_packages_have_no_changes() -> None:
    surface = Surface({KEY: operation(ID, PAGE)}, {"Thing": model(NAME)})
    assert compare(surface, surface, {}) == ()


def test_a_change_names_the_files_that_use_it() -> None:
    old = Surface({KEY: operation()}, {})
    (change,) = compare(old, Surface({}, {}), {"things.get_thing": ("gameball/things.py",)})
    expected = Change("operation", "removed", "things.get_thing", KEY, True, ("gameball/things.py",))  # noqa: FBT003
    assert change == expected
    assert str(change).endswith("[used by gameball/things.py]")
