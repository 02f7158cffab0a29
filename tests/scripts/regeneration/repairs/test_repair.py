import copy

import pytest
from regeneration.document_walk import Document
from regeneration.repairs.repair import NOTHING, Repair, is_overruled, make_repairs

DOCUMENT: Document = {"paths": {"/x": {"get": {"tags": ["A"]}}}, "servers": [{"url": "a"}]}


def test_repairs_set_and_remove_values_in_a_copy() -> None:
    before = copy.deepcopy(DOCUMENT)
    repairs = [
        Repair("no id", ("paths", "/x", "get", "operationId"), "getX", "getX"),
        Repair("odd server", ("servers", 0, "url"), "b", "b"),
        Repair("odd tag", ("paths", "/x", "get", "tags"), "removed", NOTHING),
        Repair("no schema", ("components", "schemas", "New"), "added", {}),
    ]
    assert make_repairs(DOCUMENT, repairs) == {
        "paths": {"/x": {"get": {"operationId": "getX"}}},
        "servers": [{"url": "b"}],
        "components": {"schemas": {"New": {}}},
    }
    assert before == DOCUMENT


def test_the_value_of_a_repair_is_copied_into_the_document() -> None:
    value: Document = {}
    result = make_repairs(DOCUMENT, [Repair("no schema", ("new",), "added", value)])
    result["new"]["changed"] = True
    assert value == {}


@pytest.mark.parametrize(
    ("place", "value", "expected"),
    [
        (("servers", 0, "url"), "a", False),
        (("servers", 0, "url"), "b", True),
        (("servers", 1, "url"), "b", True),
        (("servers", 0, "url"), NOTHING, False),
        (("servers", 1, "url"), NOTHING, False),
    ],
)
def test_a_repair_is_overruled_where_the_document_has_another_value(
    place: tuple[str | int, ...], value: object, expected: bool
) -> None:
    assert is_overruled(DOCUMENT, Repair("fault", place, "remedy", value)) is expected


def test_a_repair_names_its_fault_place_and_remedy() -> None:
    repair = Repair("operation without an id", ("paths", "/x", "get", "operationId"), "getX", "getX")
    assert str(repair) == "operation without an id at #/paths/~1x/get/operationId: getX"
