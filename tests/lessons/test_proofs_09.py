"""Lesson 09's claims, broken as it invites its reader to break them."""

from proofs import notices

CHANGES = {
    "names dealt to other groups": (
        "vectors = embed([name",
        "group_of = np.random.default_rng(0).permutation(group_of)\n"
        "vectors = embed([name",
        "guess-group",
    ),
    "a difference the other way round": (
        "(second - first).mean()",
        "(first - second).mean()",
        "gap-by-hand",
    ),
    "a model that reads one group's names": (
        "for group in names.values() for name in group}",
        "for group in list(names.values())[:-1] for name in group}",
        "blind-check",
    ),
    "a second shop that judges like the first": (
        "tilt=0.8",
        "tilt=0",
        "find-check",
    ),
    "senders dealt anew": (
        "> 0.5, test_groups",
        "> 0.5, np.random.default_rng(0).permutation(test_groups)",
        "odds-by-group",
    ),
    "weights left out": ("(w * g * y)", "(g * y)", "reweigh-check"),
    "a draw without the weights": ("p=w / w.sum()", "p=None", "price-check"),
    "a group with both labels": (
        "(test_truth == 0)",
        "(test_truth >= 0)",
        "no-positives",
    ),
    "directions of groups that are none": (
        "nullspace_projection(V, groups, k)",
        "nullspace_projection(V, np.random.default_rng(1).permutation(groups), k)",
        "project-check",
    ),
    "silence taken for absence": (
        "max(abs(gap.mean.low), abs(gap.mean.high))",
        "abs(gap.mean.estimate)",
        "could-have-missed",
    ),
    "a card that leaves rows out": (
        "for row, gap in rows_of_card.items():\n    results",
        "for row, gap in list(rows_of_card.items())[:3]:\n    results",
        "card-check",
    ),
}

test_the_lesson_notices = notices("09_bias", CHANGES)
