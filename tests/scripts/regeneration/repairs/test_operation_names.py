import pytest
from regeneration.document_walk import Document, operations
from regeneration.generated_names import MAX_PATH, operation_module
from regeneration.repairs.operation_names import derive_operation_ids, derive_tags, operation_id
from regeneration.repairs.repair import make_repairs

PREFIX = "/api/v4.0/integrations"


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("get", "customers", "listCustomers"),
        ("get", "customers/{customerId}", "getCustomer"),
        ("post", "customers", "createCustomer"),
        ("put", "customers/{customerId}", "replaceCustomer"),
        ("patch", "customers/{customerId}", "updateCustomer"),
        ("delete", "customers/{customerId}", "deleteCustomer"),
        ("get", "customers/{customerId}/balance", "getCustomerBalance"),
        ("get", "customers/{customerId}/gift-cards", "listCustomerGiftCards"),
        ("get", "batches/{batchId}/status", "getBatchStatus"),
        ("post", "batches/{batchId}/stop", "stopBatch"),
        ("post", "companies/{id}/merge", "mergeCompany"),
        ("get", "leaderBoard", "getLeaderBoard"),
        ("get", "", "getRoot"),
    ],
)
def test_a_derived_id_is_a_verb_and_the_resource(method: str, path: str, name: str) -> None:
    assert operation_id(method, f"{PREFIX}/{path}") == name


def named(paths: Document) -> dict[str, str]:
    """Return the id that each path's first operation has once all have one."""
    document: Document = {"paths": paths}
    document = make_repairs(document, derive_tags(document))
    document = make_repairs(document, derive_operation_ids(document, ["getTaken"]))
    return {one.path: one.content["operationId"] for one in operations(document)}


@pytest.mark.parametrize(
    ("path", "tag"),
    [
        ("customers/{customerId}/orders", "Customers"),
        ("reward-campaigns", "Reward Campaigns"),
        ("leaderBoards/{id}", "Leader Boards"),
        ("{id}", "General"),
    ],
)
def test_a_tag_is_the_first_word_of_the_path(path: str, tag: str) -> None:
    (repair,) = derive_tags({"paths": {f"{PREFIX}/{path}": {"get": {}}}})
    assert repair.value == [tag]


def test_a_published_tag_or_id_is_kept() -> None:
    document: Document = {"paths": {"/x": {"get": {"tags": ["Mine"], "operationId": "mine"}}}}
    assert derive_tags(document) == []
    assert derive_operation_ids(document) == []


def test_operations_with_the_same_id_get_the_same_new_ids_in_any_order() -> None:
    paths = {f"{PREFIX}/{path}": {"get": {"operationId": "same"}} for path in ("boxes", "crates", "barrels")}
    names = named(paths)
    assert set(names.values()) == {"listBoxes", "listCrates", "listBarrels"}
    assert named(dict(reversed(paths.items()))) == names


def test_an_id_that_is_taken_gets_the_names_of_the_parameters() -> None:
    paths: Document = {
        "/customers": {"get": {"operationId": "getOrder"}},
        "/orders/{orderId}": {"get": {}},
        "/taken/{takenId}": {"get": {}},
    }
    assert list(named(paths).values()) == ["getOrder", "getOrderByOrderId", "getTakenByTakenId"]


def test_an_id_that_is_too_long_for_a_file_is_shortened_in_the_middle() -> None:
    path = f"{PREFIX}/customers/{'/'.join(['somewhere', 'further', 'below'] * 5)}/balance"
    (name,) = named({path: {"get": {}}}).values()
    assert name.startswith("getCustomers")
    assert name.endswith("Balance")
    assert len(operation_module(name, "Customers")) <= MAX_PATH
