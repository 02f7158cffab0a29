"""Derive ids and tags for operations. The id is a verb and the resource; the tag is the resource."""

import re
from collections import Counter
from collections.abc import Collection
from typing import Final

from regeneration.document_walk import Document, Operation, listing, operations
from regeneration.generated_names import field_name, module_path_fits
from regeneration.repairs.repair import Repair

# The prefix of every path: /api/v4.0/integrations, or /api/v4 in older tutorials.
_PREFIX: Final = re.compile(r"^/?(api/)?(v\d+(\.\d+)*(/|$))?(integrations(/|$))?")
_VERBS: Final = {
    "get": "get",
    "put": "replace",
    "post": "create",
    "patch": "update",
    "delete": "delete",
    "head": "check",
    "options": "describe",
    "trace": "trace",
}
# A POST or PUT to a path that ends in one of these does that.
_ACTIONS: Final = frozenset(
    {
        "activate", "apply", "approve", "assign", "calculate", "cancel", "claim", "complete", "confirm",
        "deactivate", "disable", "enable", "export", "hold", "import", "initiate", "link", "lock", "merge",
        "pause", "preview", "publish", "redeem", "refund", "reject", "release", "reset", "resume", "retry",
        "reverse", "search", "send", "simulate", "start", "stop", "submit", "subscribe", "sync", "track",
        "transfer", "unlink", "unlock", "unsubscribe", "validate", "verify", "void",
    }
)  # fmt: skip
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def derive_tags(document: Document) -> list[Repair]:
    """Give each operation without a tag its resource as tag: the first part of its path."""
    repairs = []
    for operation in operations(document):
        if not listing(operation.content.get("tags")):
            segments = [part for part in resource_of(operation.path) if not part.startswith("{")]
            tag = " ".join(word.capitalize() for word in _words(segments[0] if segments else "general"))
            repairs.append(Repair("operation without a tag", (*operation.place, "tags"), tag, [tag]))
    return repairs


def derive_operation_ids(document: Document, reserved: Collection[str] = ()) -> list[Repair]:
    """Give an id to each operation whose own is missing, not unique or too long for a file name.

    If operations share an id, all of them get a new one, so that the order of the document does not matter.

    Args:
        document: The document, every operation of which has a tag.
        reserved: Ids that must not be used.
    """
    everything = list(operations(document))
    published = {operation.place: str(operation.content.get("operationId") or "") for operation in everything}
    count = Counter(field_name(name) for name in published.values())
    faults = {}
    for operation in everything:
        name = published[operation.place]
        if not name.strip():
            faults[operation.place] = "operation without an id"
        elif count[field_name(name)] > 1:
            faults[operation.place] = f"operation id {name} of several operations"
        elif not module_path_fits(name, str(operation.content["tags"][0])):
            faults[operation.place] = "operation id too long for a file name"
    taken = {field_name(name) for place, name in published.items() if place not in faults}
    taken |= {field_name(name) for name in reserved}
    repairs = []
    for operation in everything:
        if operation.place in faults:
            name = _first_free(operation, taken)
            taken.add(field_name(name))
            place = (*operation.place, "operationId")
            repairs.append(Repair(faults[operation.place], place, name, name))
    return repairs


def _first_free(operation: Operation, taken: set[str]) -> str:
    tag = str(operation.content["tags"][0])
    name = _shorten(operation_id(operation.method, operation.path), tag)
    # Two paths may differ only in their parameters.
    candidates = [name, *(f"{name}By{part}" for part in [_parameters(operation.path)] if part)]
    candidates += [f"{name}{number}" for number in range(2, len(taken) + 3)]
    return next(one for one in candidates if field_name(one) not in taken and module_path_fits(one, tag))


def _shorten(name: str, tag: str) -> str:
    words = _WORD.findall(name)
    # Leave room for a number. The first words (the verb) and the last ones are the most useful.
    while len(words) > 2 and not module_path_fits(f"{''.join(words)}00", tag):  # noqa: PLR2004
        del words[len(words) // 2]
    return "".join(words) if len(words) < len(_WORD.findall(name)) else name


def operation_id(method: str, path: str) -> str:
    """Return the derived id of an operation: a verb and the resource.

    ``GET /api/v4.0/integrations/customers/{customerId}/orders`` is ``listCustomerOrders``.

    Args:
        method: Its method, in lower case.
        path: Its path.
    """
    segments = resource_of(path)
    verb = _VERBS[method]
    named = [index for index, part in enumerate(segments) if not part.startswith("{")]
    if len(named) > 1 and method in {"post", "put"} and segments[-1].lower() in _ACTIONS:
        verb = segments.pop().lower()
        named.pop()
    last = named[-1] if named else -1
    words = []
    for index in named:
        before_parameter = index + 1 < len(segments) and segments[index + 1].startswith("{")
        one = before_parameter or (index == last and verb == "create")
        parts = _words(segments[index])
        words += [*parts[:-1], _singular(parts[-1])] if one else parts
    if verb == "get" and last == len(segments) - 1 and words and _singular(words[-1]) != words[-1]:
        verb = "list"
    return verb + "".join(word.capitalize() for word in words or ["root"])


def resource_of(path: str) -> list[str]:
    """Return the parts of a path after the common prefix, including parameters in braces."""
    return [part for part in _PREFIX.sub("", path).split("/") if _words(part)]


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _parameters(path: str) -> str:
    words = [word for part in resource_of(path) if part.startswith("{") for word in _words(part)]
    return "".join(word.capitalize() for word in words)


def _singular(word: str) -> str:
    """Return the singular of an English noun. It knows the endings that names of resources have."""
    if word.endswith(("ss", "us", "is", "news")) or not word.endswith("s"):
        return word
    if word.endswith("ies") and len(word) > len("ties"):
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes", "uses", "zzes")):
        return word[:-2]
    return word[:-1]
