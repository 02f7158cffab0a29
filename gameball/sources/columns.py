"""The columns of a table: which of them are there, and what their names make of its rows."""

from collections.abc import Mapping

from attrs import frozen

from gameball.sources.shape import MARK, Shape, show_names


@frozen
class Columns:
    """What was said about the columns of a table.

    Args:
        shape: What its rows stand for.
        types: The type of each column that is to have one.
    """

    shape: Shape
    types: Mapping[str, str]

    def refuse(self, names: list[str]) -> str | None:
        """Tell why no row under these names can be an event.

        Args:
            names: The names of the columns, as they are in the file.

        Returns:
            What to tell the user, or None where rows can be events.
        """
        if "" in names:
            return f"has a column without a name, the {names.index('') + 1}. of {len(names)}"
        if len(set(names)) < len(names):
            repeated = dict.fromkeys(name for name in names if names.count(name) > 1)
            return f"has several columns of the name {show_names(repeated)}"
        for target, source in self.shape.rename.items():
            if source not in names:
                return f"has no column {show_names([source])}, which {target} is to be taken from"
        if missing := [name for name in self.types if name not in names]:
            return f"has no column {show_names(missing)}, which a type is given for"
        # Whether a mark refuses a row depends on what it holds; everything else depends on names only.
        _, _, problem = self.shape.interpret({name: None for name in names if name != MARK})
        return problem
