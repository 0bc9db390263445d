"""Pictures, with words for those who do not see them."""

from labkit.plots.explorers import (
    attention_explorer,
    mask_explorer,
    softmax_explorer,
    span_corruption_explorer,
)
from labkit.plots.figures import (
    PALETTE,
    Picture,
    axes,
    bars,
    coloured_tokens,
    confusion_matrix,
    heat_map,
    histogram,
    lines,
    reliability_diagram,
)
from labkit.plots.live import Live
from labkit.plots.tables import table

__all__ = [
    "PALETTE",
    "Live",
    "Picture",
    "attention_explorer",
    "axes",
    "bars",
    "coloured_tokens",
    "confusion_matrix",
    "heat_map",
    "histogram",
    "lines",
    "mask_explorer",
    "reliability_diagram",
    "softmax_explorer",
    "span_corruption_explorer",
    "table",
]
