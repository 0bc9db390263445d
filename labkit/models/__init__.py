"""The models of the course, of a few parts that are taught."""

from labkit.models.attention import (
    KeyValueCache,
    MultiHeadAttention,
    RelativePositionBias,
    causal_mask,
    padding_mask,
    relative_position_bucket,
    scaled_dot_product_attention,
    softmax,
)
from labkit.models.objectives import (
    NO_LOSS,
    causal_lm,
    causal_lm_loss,
    masked_lm,
    reassemble,
    span_corruption,
)
from labkit.models.transformer import BERT, GPT, T5, Config

__all__ = [
    "BERT",
    "GPT",
    "NO_LOSS",
    "T5",
    "Config",
    "KeyValueCache",
    "MultiHeadAttention",
    "RelativePositionBias",
    "causal_lm",
    "causal_lm_loss",
    "causal_mask",
    "masked_lm",
    "padding_mask",
    "reassemble",
    "relative_position_bucket",
    "scaled_dot_product_attention",
    "softmax",
    "span_corruption",
]
