"""How good a model is, how sure of that one may be, and why it says what it says."""

from labkit.evaluation.classification import (
    F1,
    Accuracy,
    Precision,
    Recall,
    classification,
)
from labkit.evaluation.fairness import (
    counterfactual_pairs,
    families,
    two_way_interval,
)
from labkit.evaluation.text import (
    BLEU,
    ChrF,
    ExactMatch,
    Rouge1,
    Rouge2,
    RougeL,
    TokenF1,
)
from labkit.evaluation.uncertainty import (
    Interval,
    bootstrap_interval,
    paired_bootstrap,
    wilson_interval,
)

__all__ = [
    "BLEU",
    "F1",
    "Accuracy",
    "ChrF",
    "ExactMatch",
    "Interval",
    "Precision",
    "Recall",
    "Rouge1",
    "Rouge2",
    "RougeL",
    "TokenF1",
    "bootstrap_interval",
    "classification",
    "counterfactual_pairs",
    "families",
    "paired_bootstrap",
    "two_way_interval",
    "wilson_interval",
]
