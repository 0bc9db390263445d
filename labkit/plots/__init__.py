"""Pictures, with words for those who do not see them."""

from labkit.plots.explorers import (
    attention_explorer,
    mask_explorer,
    softmax_explorer,
    span_corruption_explorer,
)
from labkit.plots.figures import (
    DASHES,
    MARKERS,
    PALETTE,
    Picture,
    attention_heat_map,
    axes,
    bars,
    coloured_tokens,
    confusion_matrix,
    curves,
    differences,
    learning_curve,
    loss_against_tokens,
    reliability_diagram,
    training_curve,
)
from labkit.plots.tables import table

__all__ = [
    "DASHES",
    "MARKERS",
    "PALETTE",
    "Picture",
    "attention_explorer",
    "attention_heat_map",
    "axes",
    "bars",
    "coloured_tokens",
    "confusion_matrix",
    "curves",
    "differences",
    "learning_curve",
    "loss_against_tokens",
    "mask_explorer",
    "reliability_diagram",
    "softmax_explorer",
    "span_corruption_explorer",
    "table",
    "training_curve",
]
