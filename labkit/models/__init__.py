"""The models of the course, of a few parts that are taught."""

from labkit.models.attention import (
    MultiHeadAttention,
    causal_mask,
    padding_mask,
    scaled_dot_product_attention,
    softmax,
)
from labkit.models.objectives import (
    NO_LOSS,
    causal_lm_loss,
    reassemble,
    span_corruption,
)
from labkit.models.transformer import GPT, Config

__all__ = [
    "GPT",
    "NO_LOSS",
    "Config",
    "MultiHeadAttention",
    "causal_lm_loss",
    "causal_mask",
    "padding_mask",
    "reassemble",
    "scaled_dot_product_attention",
    "softmax",
    "span_corruption",
]
