"""Declares exactly the parameters that a path has in braces."""

import re
from typing import Final

from regeneration.document_walk import Document, Operation, listing, operations, resolve
from regeneration.repairs.repair import Repair

_PLACEHOLDER: Final = re.compile(r"{([^{}]+)}")


def declare_path_parameters(document: Document) -> list[Repair]:
    """Declare the parameters in a path's braces, and no others, for each of its operations."""
    return [repair for operation in operations(document) for repair in _path_parameters(document, operation)]


def _path_parameters(document: Document, operation: Operation) -> list[Repair]:
    own = listing(operation.content.get("parameters"))
    shared = listing(document["paths"][operation.path].get("parameters"))
    wanted = list(dict.fromkeys(_PLACEHOLDER.findall(operation.path)))
    shared_names = {parameter.get("name") for parameter in _in_path(document, shared)}
    kept, remedies = [], []
    missing = [
        name
        for name in wanted
        if name not in shared_names | {one.get("name") for one in _in_path(document, own)}
    ]
    for parameter in own:
        meant = resolve(document, parameter)
        if meant.get("in") != "path":
            kept.append(parameter)
            continue
        name = str(meant.get("name"))
        if name not in wanted:
            # The path may have it in another spelling. Then keep its description.
            same = next((one for one in missing if _plain(one) == _plain(name)), None)
            if same is None:
                remedies.append(f"{name} removed, because the path does not have it")
                continue
            missing.remove(same)
            remedies.append(f"{name} renamed to {same}, the name in the path")
            name = same
        if meant.get("name") != name or meant.get("required") is not True:
            if meant.get("name") == name:
                remedies.append(f"{name} marked as required")
            parameter = {**meant, "name": name, "required": True}  # noqa: PLW2901 - the same parameter, fixed
        kept.append(parameter)
    remedies += [f"{name} declared as a string" for name in missing]
    added = tuple(
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in missing
    )
    place = (*operation.place, "parameters")
    return [Repair("path parameters", place, ", ".join(remedies), [*kept, *added], added)] if remedies else []


def _in_path(document: Document, parameters: list[object]) -> list[Document]:
    resolved = [resolve(document, parameter) for parameter in parameters]
    return [parameter for parameter in resolved if parameter.get("in") == "path"]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
