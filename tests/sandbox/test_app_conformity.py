"""The responses of the sandbox, checked against the document that the client is generated from."""

from typing import Any

import schemathesis
from batch_requests import HEADERS
from hypothesis import HealthCheck, settings
from overlaid_document import document

from gameball.sandbox import Sandbox

# The operations of the facade; Gameball has others, which the sandbox does not serve.
OPERATIONS = ["sendEventsBatch", "getBatchJob", "stopBatchJob", "getBatchStatus", "stopBatch"]
schema = schemathesis.openapi.from_dict(document()).include(operation_id=OPERATIONS)


@schema.parametrize()
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_responses_of_the_sandbox_conform_to_the_document(
    case: schemathesis.Case[Any], running_sandbox: Sandbox
) -> None:
    case.call_and_validate(
        base_url=running_sandbox.url,
        headers=HEADERS,
    )
