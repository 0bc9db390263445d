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
        "return second - first",
        "return first - second",
        "gap-known",
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
        "(test_groups == group)",
        "(np.random.default_rng(0).permutation(test_groups) == group)",
        "odds-check",
    ),
    "tickets repeated, no name swapped": (
        "[swap(ticket) for ticket in tickets]",
        "tickets",
        "augment-check",
    ),
    "weights left out": ("(w * g * y)", "(g * y)", "reweigh-check"),
    "a draw without the weights": ("p=w / w.sum()", "p=None", "price-check"),
    "a group with both labels": (
        "only_complaints = test_truth == 0",
        "only_complaints = test_truth >= 0",
        "no-positives",
    ),
    "directions of groups that are none": (
        "(V, groups, max(sizes))",
        "(V, np.random.default_rng(1).permutation(groups), max(sizes))",
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
