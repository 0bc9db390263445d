"""Lesson 00's claims, broken as it invites its reader to break them."""

from proofs import notices

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

test_the_lesson_notices = notices("00_start_here", CHANGES)
