"""What the documentation tool's template left behind."""

from regeneration.repairs.template_leftovers import skip_leftovers
from repaired_documents import places, read


def test_a_template_leftover_is_removed_with_the_schemas_that_only_it_uses() -> None:
    document = read(
        """
        paths:
          /plants: {get: {a: {schema: {$ref: '#/components/schemas/Plant'}}}}
          /x: {get: {a: {schema: {$ref: '#/components/schemas/Kept'}}}}
        components:
          schemas:
            Plant:
              properties:
                soil: {$ref: '#/components/schemas/Soil'}
                kept: {$ref: '#/components/schemas/Kept'}
            Soil: {properties: {plant: {$ref: '#/components/schemas/Plant'}}}
            Kept: {}
            NeverUsed: {}
        """
    )
    assert places(skip_leftovers(document, ["GET /plants", "POST /plants"])) == [
        "#/paths/~1plants/get",
        "#/components/schemas/Plant",
        "#/components/schemas/Soil",
    ]
