"""The document that ``generated/`` is made from: ``openapi.yaml`` with the overlay applied."""

from pathlib import Path
from typing import Any

from regenerate import build_document
from regeneration.openapi_document import load_document

ROOT = Path(__file__).resolve().parents[2]


def document() -> dict[str, Any]:
    """What the client is generated from."""
    built, _ = build_document(ROOT, load_document(ROOT / "openapi.yaml"))
    return built
