from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from regenerate import regenerate
from regenerate_project import FAULTS, NO_OVERLAY, Repository, check_types, copy_repository
from regeneration.surface import Surface, read_surface

Runs = Mapping[str, "Run"]


class Run:
    """A run on the document of one fault."""

    def __init__(self, folder: Path, fault: Path) -> None:
        self.repository = copy_repository(folder, NO_OVERLAY)
        self.published = fault.read_bytes()
        # In this process, several at once: starting a command takes longer than what it does here.
        self.outcome = regenerate(self.repository.root, [str(fault)], None, check=False)

    @property
    def surface(self) -> Surface:
        return read_surface(self.repository.generated())

    @property
    def modules(self) -> dict[str, str]:
        return {key: operation.module for key, operation in self.surface.operations.items()}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    folder = tmp_path_factory.mktemp("faults")
    with ThreadPoolExecutor(2) as executor:
        running = {fault.stem: executor.submit(Run, folder / fault.stem, fault) for fault in FAULTS}
        yield {name: future.result() for name, future in running.items()}


def parameters(run: Run, key: str) -> list[tuple[str, str]]:
    return [(one.name, one.type) for one in run.surface.operations[key].parameters]


@pytest.mark.parametrize("fault", [path.stem for path in FAULTS])
def test_every_fault_is_repaired_and_the_document_kept_as_published(runs: Runs, fault: str) -> None:
    run = runs[fault]
    assert run.outcome.repairs
    assert (run.repository.root / "openapi.yaml").read_bytes() == run.published
    assert not list(run.repository.root.glob(".*ing"))


def test_arrays_without_items_hold_anything(runs: Runs) -> None:
    run = runs["arrays_without_items"]
    assert run.surface.operations["GET /api/v4.0/integrations/perks"].answer == "list[Any]"
    assert parameters(run, "GET /api/v4.0/integrations/perks") == [("kinds", "list[Any]")]
    assert {one.name: one.type for one in run.surface.models["Perk"].fields} == {
        "type_": "str",
        "items": "list[Any]",
        "labels": "None | list[Any]",
        "nested": "list[list[Any]]",
    }


def test_operations_without_responses_are_there(runs: Runs) -> None:
    path = "/api/v4.0/integrations/pings"
    assert runs["operations_without_responses"].modules == {
        f"GET {path}": "pings.list_pings",
        f"POST {path}": "pings.create_ping",
        f"DELETE {path}": "pings.delete_pings",
    }


def test_path_parameters_are_what_the_path_says(runs: Runs) -> None:
    run = runs["undeclared_path_parameters"]
    wallet = "/api/v4.0/integrations/wallets/{}"
    assert parameters(run, f"GET {wallet}") == [("wallet_id", "str")]
    assert parameters(run, f"GET {wallet}/entries/{{}}") == [
        ("wallet_id", "int"),
        ("entry_id", "int"),
        ("verbose", "bool"),
    ]
    assert parameters(run, f"DELETE {wallet}/entries/{{}}") == [("wallet_id", "int"), ("entry_id", "int")]


def test_operations_without_ids_are_named_by_verb_and_resource(runs: Runs) -> None:
    assert sorted(runs["missing_operation_ids"].modules.values()) == [
        "shops.create_shop",
        "shops.delete_shop",
        "shops.get_shop",
        "shops.get_shop_status",
        "shops.get_shops_nearby",
        "shops.list_shop_opening_hours",
        "shops.list_shops",
        "shops.pause_shop",
        "shops.replace_shop",
        "shops.update_shop",
    ]


def test_operations_of_one_id_are_told_apart(runs: Runs) -> None:
    path = "/api/v4.0/integrations"
    assert runs["duplicate_operation_ids"].modules == {
        f"GET {path}/offers": "offers.list_offers",
        f"GET {path}/offers/{{}}": "offers.get_offer",
        f"DELETE {path}/offers/{{}}": "sales.delete_offer",
        f"GET {path}/offer/summary": "offers.get_offer_summary",
        f"GET {path}/offers/{{}}/summary": "offers.get_offer_summary_by_offer_id",
    }


def test_operations_without_tags_are_put_with_their_resource(runs: Runs) -> None:
    assert sorted(runs["missing_tags"].modules.values()) == [
        "gift_cards.create_gift_card",
        "gift_cards.list_gift_cards",
        "service.get_health",
        "stamp_books.list_stamps",
    ]


def test_no_reference_costs_an_operation_or_a_schema(runs: Runs) -> None:
    surface = runs["dropped_references"].surface
    assert {one.module for one in surface.operations.values()} == {
        "missions.list_missions",
        "missions.create_mission",
        "missions.list_quests",
    }
    assert set(surface.models) == {
        "Challenge",
        "ConditionObject",
        "CreateMissionResponse201",
        "CreateMissionResponse201First",
        "Difficulty",
        "ListMissionsResponse200",
        "ListMissionsResponse200First",
        "Mission",
        "MissionPrize",
        "MissionPrize2",
        "Place",
        "Quest",
        "Refusal",
        "Reward",
    }
    types = {one.name: one.type for one in surface.models["Mission"].fields}
    assert types == {
        "steps": "None | list[Any | str]",
        "reward": "Any",
        "prize": "MissionPrize | None",
        "tags": "Any",
        "parameters": "Any",
    }
    assert [one.type for one in surface.models["Reward"].fields] == ["MissionPrize2"]
    assert [one.type for one in surface.models["Place"].fields] == ["Place", "list[Place]"]
    assert [one.type for one in surface.models["Quest"].fields] == ["ConditionObject | str", "Difficulty"]
    assert [one.type for one in surface.models["ConditionObject"].fields] == ["list[ConditionObject | str]"]


def test_template_leftovers_are_left_out_with_their_schemas(runs: Runs) -> None:
    surface = runs["template_leftovers"].surface
    assert list(surface.operations) == ["GET /api/v4.0/integrations/teams"]
    assert list(surface.models) == ["Problem"]


def test_long_names_are_shortened_to_what_says_most(runs: Runs) -> None:
    run = runs["long_names"]
    assert list(run.modules.values()) == ["insights.list_insights"]
    assert max(len(path) for path in run.repository.generated()) <= 80
    assert "ListInsightsDifferenceInCurrencyOfTheShop" in run.surface.models


def test_what_requests_and_answers_carry_is_made_readable(runs: Runs) -> None:
    run = runs["unreadable_messages"]
    path = "/api/v4.0/integrations/receipts"
    assert parameters(run, f"GET {path}") == [("shop", "str"), ("filter_", "str"), ("page", "int")]
    assert run.surface.operations[f"GET {path}"].answer == "File"
    assert parameters(run, f"POST {path}") == [("body", "CreateReceiptBody")]
    fields = run.surface.models["CreateReceiptBody"].fields
    assert [(one.name, one.required) for one in fields] == [("number", True), ("shop", True), ("note", False)]


def test_every_value_of_an_enumeration_is_kept(runs: Runs) -> None:
    run = runs["odd_enumerations"]
    assert parameters(run, "GET /api/v4.0/integrations/ratings") == [("stars", "float")]
    models = run.surface.models
    assert set(models) == {f"ListRatingsResponse200{name}" for name in ("", "Mood", "Sure")}
    mood = {one.name: one.type for one in models["ListRatingsResponse200Mood"].fields}
    assert mood == {
        "GOOD_0": "'good'",
        "GOOD_1": "'Good'",
        "SO_SO_2": "'so-so'",
        "SO_SO_3": "'so_so'",
        "VALUE_4": "''",
        "VALUE_5": "'+'",
    }
    assert [one.name for one in models["ListRatingsResponse200Sure"].fields] == ["NO", "YES"]


def test_what_openapi_3_0_writes_otherwise_is_understood(runs: Runs) -> None:
    surface = runs["openapi_3_0"].surface
    assert surface.operations["GET /api/v4.0/integrations/streaks"].answer == "None | Streak"
    assert set(surface.models) == {"Streak", "Level"}
    assert {one.name: one.type for one in surface.models["Streak"].fields} == {
        "started_on": "None | datetime.date",
        "days": "None | int",
        "share": "None | float",
        "on": "None | bool",
        "level": "Level | None | str",
        "best": "None | Streak",
    }


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """All faults at once, put together from all their documents of OpenAPI 3.1."""
    repository = copy_repository(tmp_path_factory.mktemp("merged") / "repository", NO_OVERLAY)
    given = [path for path in FAULTS if path.stem != "openapi_3_0"]
    titles = repository.root.parent
    pages: list[Path] = []
    for path in given:
        text = path.read_text(encoding="utf-8")
        title = next(line for line in text.splitlines() if line.startswith("info: "))
        page = titles / f"{path.stem}.md"
        page.write_text(
            f"# A page\n\n```yaml\n{text.replace(title, 'info: {title: All, version: 1.0.0}')}```\n"
        )
        pages.append(page)
    done = repository.regenerate("--from", *pages)
    assert done.returncode == 0, done.stderr
    return repository


def test_all_faults_together_are_repaired_as_each_alone(runs: Runs, merged: Repository) -> None:
    found = read_surface(merged.generated())
    alone = [run.surface for name, run in runs.items() if name != "openapi_3_0"]
    assert found.operations == {key: one for surface in alone for key, one in surface.operations.items()}
    assert found.models == {key: one for surface in alone for key, one in surface.models.items()}


def test_what_is_generated_of_all_faults_passes_mypy(
    merged: Repository, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert check_types(merged, tmp_path_factory.getbasetemp()) == ""
