from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from once_per_run import once_per_run
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


def run_all(folder: Path) -> Runs:
    with ThreadPoolExecutor(2) as executor:
        running = {fault.stem: executor.submit(Run, folder / fault.stem, fault) for fault in FAULTS}
        return {name: future.result() for name, future in running.items()}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return once_per_run(tmp_path_factory, "faults", run_all)


def parameters(run: Run, key: str) -> list[tuple[str, str]]:
    return [(one.name, one.type) for one in run.surface.operations[key].parameters]


@pytest.mark.parametrize("fault", [path.stem for path in FAULTS])
def test_every_fault_is_repaired_and_openapi_yaml_is_as_published(runs: Runs, fault: str) -> None:
    run = runs[fault]
    assert run.outcome.repairs
    assert (run.repository.root / "openapi.yaml").read_bytes() == run.published
    assert not list(run.repository.root.glob(".*ing"))


def test_arrays_without_items_contain_anything(runs: Runs) -> None:
    run = runs["arrays_without_items"]
    assert run.surface.operations["GET /api/v4.0/integrations/perks"].response == "list[Any]"
    assert parameters(run, "GET /api/v4.0/integrations/perks") == [("kinds", "list[Any]")]
    assert {one.name: one.type for one in run.surface.models["Perk"].fields} == {
        "type_": "str",
        "items": "list[Any]",
        "labels": "None | list[Any]",
        "nested": "list[list[Any]]",
    }


def test_operations_without_responses_are_generated(runs: Runs) -> None:
    path = "/api/v4.0/integrations/pings"
    assert runs["operations_without_responses"].modules == {
        f"GET {path}": "pings.list_pings",
        f"POST {path}": "pings.create_ping",
        f"DELETE {path}": "pings.delete_pings",
    }


def test_path_parameters_are_those_of_the_path(runs: Runs) -> None:
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


def test_operations_with_the_same_id_get_different_names(runs: Runs) -> None:
    path = "/api/v4.0/integrations"
    assert runs["duplicate_operation_ids"].modules == {
        f"GET {path}/offers": "offers.list_offers",
        f"GET {path}/offers/{{}}": "offers.get_offer",
        f"DELETE {path}/offers/{{}}": "sales.delete_offer",
        f"GET {path}/offer/summary": "offers.get_offer_summary",
        f"GET {path}/offers/{{}}/summary": "offers.get_offer_summary_by_offer_id",
    }


def test_operations_without_tags_get_their_resource_as_tag(runs: Runs) -> None:
    assert sorted(runs["missing_tags"].modules.values()) == [
        "gift_cards.create_gift_card",
        "gift_cards.list_gift_cards",
        "service.get_health",
        "stamp_books.list_stamps",
    ]


def test_template_leftovers_are_removed_with_their_schemas(runs: Runs) -> None:
    surface = runs["template_leftovers"].surface
    assert list(surface.operations) == ["GET /api/v4.0/integrations/teams"]
    assert list(surface.models) == ["Problem"]


def test_long_names_are_shortened_in_the_middle(runs: Runs) -> None:
    run = runs["long_names"]
    assert list(run.modules.values()) == ["insights.list_insights"]
    assert max(len(path) for path in run.repository.generated()) <= 80
    assert "ListInsightsDifferenceInCurrencyOfTheShop" in run.surface.models


def merge(folder: Path) -> Repository:
    """All faults at once, put together from all their documents."""
    repository = copy_repository(folder / "repository", NO_OVERLAY)
    titles = repository.root.parent
    pages: list[Path] = []
    for path in FAULTS:
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


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return once_per_run(tmp_path_factory, "merged", merge)


def test_all_faults_in_one_document_are_repaired_as_in_separate_ones(runs: Runs, merged: Repository) -> None:
    found = read_surface(merged.generated())
    alone = [run.surface for run in runs.values()]
    assert found.operations == {key: one for surface in alone for key, one in surface.operations.items()}
    assert found.models == {key: one for surface in alone for key, one in surface.models.items()}


def test_code_generated_from_all_faults_passes_mypy(
    merged: Repository, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert check_types(merged, tmp_path_factory.getbasetemp()) == ""
