"""The cells of a notebook: code without a file, which IPython gives the name of one that is not there."""

from __future__ import annotations

import linecache
import re
import sys
from typing import Any


def cell_name(file: str) -> str | None:
    """What the user calls the cell that has this file name, such as "cell 3"; None where it is no cell's."""
    ipython = shell()
    label = None if ipython is None else ipython.compile.format_code_name(file)
    number = re.search(r"\[(\d+)\]", label[1]) if label else None
    return f"cell {number[1]}" if number else None


def cell_text(file: str) -> str:
    """The text of the cell that has this file name."""
    return "".join(linecache.getlines(file))


def shell() -> Any:
    """The IPython that runs here, if one does."""
    ipython = sys.modules.get("IPython")  # where it is not imported there are no cells
    return ipython.get_ipython() if ipython is not None else None
