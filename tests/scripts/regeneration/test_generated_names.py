import pytest
from regeneration.generated_names import (
    MAX_PATH,
    class_name,
    field_name,
    model_module,
    module_path_fits,
    operation_module,
)


@pytest.mark.parametrize(
    ("published", "field", "model"),
    [
        ("customerId", "customer_id", "CustomerId"),
        ("from", "from_", "From"),
        ("1st place", "field_1st_place", "Field1StPlace"),
    ],
)
def test_names_are_those_that_the_generator_makes(published: str, field: str, model: str) -> None:
    assert field_name(published) == field
    assert class_name(published) == model


def test_paths_are_those_that_the_generator_writes() -> None:
    assert operation_module("getCustomer", "Reward Campaigns") == "api/reward_campaigns/get_customer.py"
    assert model_module("RewardCampaign") == "models/reward_campaign.py"


def test_a_path_may_have_exactly_the_most_characters() -> None:
    rest = len(operation_module("", "tag")) - len(field_name(""))
    longest = "a" * (MAX_PATH - rest)
    assert len(operation_module(longest, "tag")) == MAX_PATH
    assert module_path_fits(longest, "tag")
    assert not module_path_fits(f"{longest}a", "tag")
