"""The options for the columns of a table, checked against the columns that it has."""

from collections.abc import Mapping

from attrs import evolve, frozen

from gameball.sources.mapping.row_mapping import MARK, RowMapping
from gameball.sources.shown_names import show_names


@frozen
class Columns:
    """The options for the columns of a table.

    Args:
        mapping: How to interpret its rows.
        types: The type of each typed column.
    """

    mapping: RowMapping
    types: Mapping[str, str]

    def refuse(self, names: list[str]) -> str | None:
        """Return why no row with these columns can be an event.

        Args:
            names: The names of the columns in the file.

        Returns:
            The message for the user, or None if rows can be events.
        """
        if "" in names:
            return f"column {names.index('') + 1} of {len(names)} has no name"
        if len(set(names)) < len(names):
            repeated = dict.fromkeys(name for name in names if names.count(name) > 1)
            return f"has several columns named {show_names(repeated)}"
        its_columns = f"; its columns are {show_names(names)}"
        nested = self.mapping.nested_names(names)
        known = {*names, *nested}
        for target, source in self.mapping.rename.items():
            if source not in known:
                return f"has no column {show_names([source])}, which is mapped to {target}{its_columns}"
        selection = self.mapping.selection
        for columns, said in (
            (self.types, "for which a type is given"),
            (selection.select, "which is selected"),
            (selection.drop, "which is dropped"),
        ):
            if missing := [name for name in sorted(columns) if name not in known]:
                return f"has no column {show_names(missing)}, {said}{its_columns}"
        # Whether a mark refuses a row depends on its value; everything else depends on names only.
        # A nested field is known by its full name, as after it was moved up.
        names_only = evolve(self.mapping, types={}, on_integer_id=None)
        row = {name: None for name in (*names, *nested) if name != MARK}
        fields, _, problem = names_only.interpret(row)
        if problem is not None and not {"customer_id", "name"} <= fields.keys():
            return problem + its_columns
        return problem
