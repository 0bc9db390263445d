"""Wrong answers that people give to the evaluation set, and their misconceptions."""

from labkit.grading import Answer, Edit

MUTANTS = {
    "confusion_matrix": [
        Edit("Counts are floats", {"dtype=int": "dtype=float"}),
        Edit(
            "Rows and columns are swapped",
            {"[label, prediction]": "[prediction, label]"},
        ),
        Answer(
            "was counted once",
            """
def confusion_matrix(labels, predictions, classes):
    matrix = np.zeros((classes, classes), dtype=int)
    matrix[labels, predictions] += 1
    return matrix
""",
        ),
        Edit("These are shares", {"return matrix": "return matrix / len(labels)"}),
        Edit("Only right answers", {"+= 1": "+= int(label == prediction)"}),
        Edit(
            "has no row",
            {
                "np.zeros((classes, classes), dtype=int)": "np.zeros((max(labels) + 1,) * 2, dtype=int)"
            },
        ),
    ],
    "macro_f1": [
        Edit("It is the accuracy", {"f1.mean()": "right.sum() / matrix.sum()"}),
        Edit(
            "weighed by the classes' sizes",
            {"f1.mean()": "np.average(f1, weights=matrix.sum(axis=1))"},
        ),
        Edit("of the last class alone", {"f1.mean()": "f1[-1]"}),
        Edit(
            "It is the mean recall",
            {"matrix.sum(axis=0) + matrix.sum(axis=1)": "2 * matrix.sum(axis=1)"},
        ),
        Edit(
            "It is the mean precision",
            {"matrix.sum(axis=0) + matrix.sum(axis=1)": "2 * matrix.sum(axis=0)"},
        ),
        Edit(
            "0/0 is NaN",
            {
                "2 * right / np.maximum(both, 1)": "2 / (matrix.sum(axis=0) / right + matrix.sum(axis=1) / right) if right.all() else right * np.nan"
            },
        ),
        Answer(
            "harmonic mean of mean precision",
            """
def macro_f1(matrix):
    right = np.diag(matrix)
    precision = (right / np.maximum(matrix.sum(axis=0), 1)).mean()
    recall = (right / np.maximum(matrix.sum(axis=1), 1)).mean()
    return float(2 * precision * recall / (precision + recall))
""",
        ),
        Edit("was left out", {"f1.mean()": "f1[right > 0].mean()"}),
    ],
    "bootstrap_difference": [
        Edit(
            "One of the differences, not a quantile between two",
            {"[0.025, 0.975])": '[0.025, 0.975], method="nearest")'},
        ),
        Edit("It is a − b", {"(b - a)[draws]": "(a - b)[draws]"}),
        Edit("the 90 % interval", {"[0.025, 0.975]": "[0.05, 0.95]"}),
        Edit(
            "not the ends",
            {
                "np.quantile(differences, [0.025, 0.975])": "differences.min(), differences.max()"
            },
        ),
        Edit("b's accuracy", {"(b - a)[draws]": "b[draws]"}),
        Edit("over the draws", {"mean(axis=1)": "mean(axis=0)"}),
        Edit("The draws were not used", {"(b - a)[draws].mean(axis=1)": "(b - a)"}),
        Answer(
            "intervals of both models were subtracted",
            """
def bootstrap_difference(a, b, draws):
    ends = [np.quantile(x[draws].mean(axis=1), [0.025, 0.975]) for x in (a, b)]
    return tuple(float(x) for x in ends[1] - ends[0])
""",
        ),
        Answer(
            "off by up to",
            """
def bootstrap_difference(a, b, draws):
    differences = b[draws[::-1]].mean(axis=1) - a[draws].mean(axis=1)
    low, high = np.quantile(differences, [0.025, 0.975])
    return float(low), float(high)
""",
        ),
    ],
    "mcnemar": [
        Edit("It is one-sided", {"2 * tail": "tail"}),
        Edit("exactly k heads", {"range(k + 1)": "[k]"}),
        Edit("All texts were counted", {"n, k = only_a + only_b, ": "n, k = len(a), "}),
        Edit("at most 1", {"min(1.0, 2 * tail)": "2 * tail"}),
        Answer(
            "approximation by χ²",
            """
def mcnemar(a, b):
    only_a = sum(x and not y for x, y in zip(a, b))
    only_b = sum(y and not x for x, y in zip(a, b))
    if only_a + only_b == 0:
        return 1.0
    chi = (only_a - only_b) ** 2 / (only_a + only_b)
    return math.erfc(math.sqrt(chi / 2))
""",
        ),
        Edit(
            "tells them apart, p is 1",
            {"return min(1.0, 2 * tail)": "return min(1.0, 2 * tail) if n else 0.0"},
        ),
    ],
    "calibration_error": [
        Edit(
            "The bins count alike",
            {
                "abs((confidence - right)[number == m].sum())": "abs((confidence - right)[number == m].mean())",
                "for m in range(1, bins + 1)": "for m in range(1, bins + 1) if (number == m).any()",
                "/ len(confidence)": "/ len({*number})",
            },
        ),
        Edit(
            "divided by the number of bins",
            {
                "[number == m].sum())": "[number == m].mean())",
                "for m in range(1, bins + 1)": "for m in range(1, bins + 1) if (number == m).any()",
                "/ len(confidence)": "/ bins",
            },
        ),
        Edit(
            "own distance was taken",
            {
                "abs((confidence - right)[number == m].sum())": "abs(confidence - right)[number == m].sum()"
            },
        ),
        Edit(
            "one bin for all",
            {"np.ceil(confidence * bins)": "np.ones(len(confidence))"},
        ),
        Edit(
            "belongs to it",
            {"np.ceil(confidence * bins)": "np.floor(confidence * bins) + 1"},
        ),
        Edit(
            "sum of the distances",
            {
                "[number == m].sum())": "[number == m].mean())",
                "for m in range(1, bins + 1)": "for m in range(1, bins + 1) if (number == m).any()",
                " / len(confidence)": "",
            },
        ),
        Edit(
            "gave NaN",
            {"[number == m].sum())": "[number == m].mean()) * (number == m).sum()"},
        ),
    ],
    "best_temperature": [
        Edit("were multiplied", {"logits / temperature": "logits * temperature"}),
        Edit("worst of them", {"return min(": "return max("}),
        Edit(
            "the place of the best",
            {
                "return min(candidates, key=loss)": "return int(np.argmin([loss(t) for t in candidates]))"
            },
        ),
        Edit(
            "exp overflows",
            {"        scaled = scaled - scaled.max(axis=1, keepdims=True)\n": ""},
        ),
        Edit(
            "No temperature changes the accuracy",
            {
                "return min(candidates, key=loss)": "return max([1.0, *candidates], key=lambda t: float((logits.argmax(1) == labels).mean()) if t in candidates or t == 1 else 0)"
            },
        ),
        Edit(
            "the loss of the best",
            {
                "return min(candidates, key=loss)": "return min(loss(t) for t in candidates)"
            },
        ),
    ],
    "odds_gap": [
        Edit(
            "Nobody is missing in group 0",
            {
                "if len(chosen) else math.nan": (
                    "if len(chosen) else [0.0, math.nan][group]"
                )
            },
        ),
        Edit(
            "The groups are swapped",
            {
                "rate(1, 1) - rate(0, 1), rate(1, 0) - rate(0, 0)": "rate(0, 1) - rate(1, 1), rate(0, 0) - rate(1, 0)"
            },
        ),
        Edit(
            "two rates are swapped",
            {
                "rate(1, 1) - rate(0, 1), rate(1, 0) - rate(0, 0)": "rate(1, 0) - rate(0, 0), rate(1, 1) - rate(0, 1)"
            },
        ),
        Edit(
            "signs were dropped",
            {
                "rate(1, 1) - rate(0, 1), rate(1, 0) - rate(0, 0)": "abs(rate(1, 1) - rate(0, 1)), abs(rate(1, 0) - rate(0, 0))"
            },
        ),
        Edit(
            "Label and prediction are swapped",
            {
                "chosen = predictions[(groups == group) & (labels == label)]": "chosen = labels[(groups == group) & (predictions == label)]"
            },
        ),
        Edit(
            "not of those with the label",
            {"float(chosen.mean())": "float(chosen.sum() / (groups == group).sum())"},
        ),
        Edit("told yes is another measure", {"& (labels == label)": ""}),
        Edit("NaN, not 0", {"math.nan": "0.0"}),
    ],
}
