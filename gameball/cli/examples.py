"""The examples that ``--help`` shows for each command; a test runs every one of them."""

from typing import Final

EXAMPLES: Final[dict[str, tuple[str, ...]]] = {
    "send": (
        "gameball send events.jsonl",
        "gameball send users.csv --map customer_id=user_id,name=action --types amount=float,at=datetime",
        "gameball send events.jsonl --skip-invalid --rejects rejects.jsonl --wait",
        "gameball send events.parquet --dry-run",
        "zcat events.jsonl.gz | gameball send - --json",
    ),
    "job status": ("gameball job status 1001 1002",),
    "job wait": ("gameball job wait 1001 --timeout 600",),
    "job stop": ("gameball job stop 1001",),
    "ledger show": (
        "gameball ledger show events.jsonl.ledger",
        "gameball ledger show events.jsonl.ledger --unsent > unsent.jsonl",
    ),
    "sandbox": ("gameball sandbox --port 8600 --enforce-limits",),
    "demo": ("gameball demo",),
}


def epilogue(command: str) -> str:
    """Return what stands below a command's help."""
    heading = "Examples" if len(EXAMPLES[command]) > 1 else "Example"
    return "\n".join((f"{heading}:", "", *(f"  {line}" for line in EXAMPLES[command])))
