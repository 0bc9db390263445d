"""Tables of texts, to be read: aligned left, and wrapped, not cut."""

from typing import Any

import pandas as pd
from pandas.io.formats.style import Styler


def table(columns: Any, rows: int | None = None) -> Styler:
    """Texts side by side, as the last line of a cell; numbers with one decimal.

    Args:
        columns: What `pandas.DataFrame` takes: a dictionary of lists, a list of
            dictionaries, a frame. Its index is not shown.
        rows: How many of the first rows; all without it.
    """
    frame = pd.DataFrame(columns)
    left = [{"selector": "th, td", "props": "text-align: left; white-space: normal"}]
    style = (frame if rows is None else frame.head(rows)).style.hide()
    return style.format(precision=1, escape="html").set_table_styles(left)
