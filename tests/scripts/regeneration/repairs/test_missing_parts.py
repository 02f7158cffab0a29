"""Arrays without items, and operations without responses."""

from regeneration.repairs.missing_parts import supply_array_items, supply_responses
from repaired_documents import places, read


def test_only_schemas_are_given_items() -> None:
    document = read(
        """
        paths:
          /x:
            get:
              responses:
                default:
                  description: D
                  content: {application/json: {schema: {type: array}, example: {type: array}}}
        components:
          schemas:
            type:
              type: object
              properties: {type: {type: array}, tuple: {type: array, prefixItems: [{}]}}
            of: {type: array, items: {type: string}, default: {type: array}}
        """
    )
    assert places(supply_array_items(document)) == [
        "#/paths/~1x/get/responses/default/content/application~1json/schema/items",
        "#/components/schemas/type/properties/type/items",
    ]


def test_operations_without_responses_are_given_one() -> None:
    document = read("paths: {/x: {get: {}, put: {responses: {}}, post: {responses: {'200': {}}}}}")
    assert places(supply_responses(document)) == ["#/paths/~1x/get/responses", "#/paths/~1x/put/responses"]
