"""Widgets that a page without a kernel shows, too."""

from collections.abc import Sequence
from uuid import uuid4

import ipywidgets
from IPython.display import display


class Live(ipywidgets.VBox):
    """What the reader works with, and what stands in for it where nothing is alive."""

    def __init__(self, children: Sequence[ipywidgets.Widget]) -> None:
        self.stand_in = f"labkit-still-{uuid4().hex}"
        hide = f"<style>.{self.stand_in} {{display: none !important}}</style>"
        unseen = ipywidgets.Layout(display="none")
        super().__init__([*children, ipywidgets.HTML(hide, layout=unseen)])

    def still(self) -> tuple[str, str]:
        """The stand-in as it is now, as HTML and as plain text."""
        raise NotImplementedError

    def _ipython_display_(self) -> None:
        """Show the widget, and the stand-in that the widget, once alive, hides.

        One output with both would not do. A page that has the widgets' state, but can
        load no code for them, would show neither; nor would a notebook that is opened
        again without its kernel.
        """
        live = self._repr_mimebundle_()
        live["text/plain"] = "Run this cell in JupyterLab to use its controls."
        display(live, raw=True)
        page, plain = self.still()
        page = f'<div class="{self.stand_in}">{page}</div>'
        display({"text/html": page, "text/plain": plain}, raw=True)
