"""Lesson 00's claims, broken as it invites its reader to break them."""

import pytest
from proofs import broken

pytestmark = pytest.mark.slow

CHANGES = {
    "another seed": ("setup(seed=0)\nassert", "setup(seed=1)\nassert", "seed-proof"),
    "each logit alone": (
        "probabilities = logits.softmax(dim=0)",
        "probabilities = logits.sigmoid()",
        "sum-proof",
    ),
    "thirty texts": ("n = 600", "n = 30", "verdict-proof"),
    "praise for a complaint": (
        "Worst service ever.",
        "Thanks for nothing.",
        "yours-proof",
    ),
}


@pytest.mark.parametrize(("old", "new", "objecting"), CHANGES.values(), ids=CHANGES)
def test_the_claim_that_a_change_makes_false_stops_the_lesson(old, new, objecting):
    cell, _ = broken("00_start_here", (old, new))
    assert cell == objecting
