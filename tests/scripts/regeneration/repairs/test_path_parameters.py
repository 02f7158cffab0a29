"""The parameters that a path has in braces."""

from regeneration.repairs.path_parameters import declare_path_parameters
from repaired_documents import read


def test_a_parameter_that_the_path_shares_is_not_declared_again() -> None:
    document = read(
        """
        paths:
          /x/{id}:
            parameters: [{name: id, in: path, required: true}]
            get: {parameters: [{name: id, in: query}]}
        """
    )
    assert declare_path_parameters(document) == []


def test_a_parameter_with_another_spelling_keeps_its_schema() -> None:
    document = read(
        "paths: {'/x/{itemId}': {get: {parameters: [{name: item_id, in: path, schema: {a: 1}}]}}}"
    )
    (repair,) = declare_path_parameters(document)
    assert repair.value == [{"name": "itemId", "in": "path", "required": True, "schema": {"a": 1}}]
