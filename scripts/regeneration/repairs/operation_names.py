"""Derive the names of operations: ids of a verb and the resource, and the resource as their tag."""

import re
from collections import Counter
from collections.abc import Collection
from typing import Final

from regeneration.document_walk import Document, Operation, listing, operations
from regeneration.generated_names import field_name, module_path_fits
from regeneration.repairs.repair import Repair

# What every path begins with, and so says nothing: /api/v4.0/integrations, in older tutorials /api/v4.
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
# A path that ends in one of these says itself what a POST or PUT to it does.
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
    """Tag each operation that has no tag with its resource: the first word of its path."""
    repairs = []
    for operation in operations(document):
        if not listing(operation.content.get("tags")):
            segments = [part for part in resource_of(operation.path) if not part.startswith("{")]
            tag = " ".join(word.capitalize() for word in _words(segments[0] if segments else "general"))
            repairs.append(Repair("operation without a tag", (*operation.place, "tags"), tag, [tag]))
    return repairs


def derive_operation_ids(document: Document, reserved: Collection[str] = ()) -> list[Repair]:
    """Name each operation that has no id, or one that others have too or that is too long for a file.

    All that share an id are named anew, not all but the first: the order of a document may change.

    Args:
        document: The document, every operation of which has a tag.
        reserved: Ids that are not derived.
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
    # Two paths may differ in nothing but what is in their braces.
    candidates = [name, *(f"{name}By{part}" for part in [_parameters(operation.path)] if part)]
    candidates += [f"{name}{number}" for number in range(2, len(taken) + 3)]
    return next(one for one in candidates if field_name(one) not in taken and module_path_fits(one, tag))


def _shorten(name: str, tag: str) -> str:
    words = _WORD.findall(name)
    # Room for a number, if one is needed. The verb and the end of the path say most.
    while len(words) > 2 and not module_path_fits(f"{''.join(words)}00", tag):  # noqa: PLR2004
        del words[len(words) // 2]
    return "".join(words) if len(words) < len(_WORD.findall(name)) else name


def operation_id(method: str, path: str) -> str:
    """Return the id that an operation is given: a verb and the resource.

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
    """Return the parts of a path after what every path begins with, the braces of parameters included."""
    return [part for part in _PREFIX.sub("", path).split("/") if _words(part)]


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _parameters(path: str) -> str:
    words = [word for part in resource_of(path) if part.startswith("{") for word in _words(part)]
    return "".join(word.capitalize() for word in words)


def _singular(word: str) -> str:
    """Return an English noun in the singular, as far as names of resources need it."""
    if word.endswith(("ss", "us", "is", "news")) or not word.endswith("s"):
        return word
    if word.endswith("ies") and len(word) > len("ties"):
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes", "uses", "zzes")):
        return word[:-2]
    return word[:-1]
