"""Wrong answers that people give to the evaluation set, and their misconceptions."""

from labkit.grading import Answer, Edit

MUTANTS = {
    "confusion_matrix": [
        Edit("Counts are integers", {"dtype=int": "dtype=float"}),
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
        Answer(
            "numbered anew",
            """
def confusion_matrix(labels, predictions, classes):
    there = sorted({*labels, *predictions})
    matrix = np.zeros((classes, classes), dtype=int)
    for label, prediction in zip(labels, predictions):
        matrix[there.index(label), there.index(prediction)] += 1
    return matrix
""",
        ),
        Edit("the shape (1, 1)", {"return matrix": "return matrix.squeeze()"}),
        Answer(
            "No text is no error",
            """
def confusion_matrix(labels, predictions, classes):
    pair = np.array(labels) * classes + np.array(predictions)
    return np.bincount(pair, minlength=classes**2).reshape(classes, classes)
""",
        ),
        Edit("a list of lists", {"return matrix": "return matrix.tolist()"}),
        Edit(
            "Only wrong answers",
            {"+= 1": "+= int(label != prediction)"},
        ),
        Edit(
            "has no row",
            {
                "return matrix": "used = matrix.any(0) | matrix.any(1); return matrix[used][:, used]"
            },
        ),
        Answer(
            "numbered anew",
            """
def confusion_matrix(labels, predictions, classes):
    import sklearn.metrics
    found = sklearn.metrics.confusion_matrix(labels, predictions)
    matrix = np.zeros((classes, classes), dtype=int)
    matrix[: len(found), : len(found)] = found
    return matrix
""",
        ),
    ],
    "macro_f1": [
        Edit("It is the accuracy", {"f1.mean()": "right.sum() / matrix.sum()"}),
        Edit(
            "weighed by the classes' sizes",
            {"f1.mean()": "np.average(f1, weights=matrix.sum(axis=1))"},
        ),
        Edit("F1 of one class alone", {"f1.mean()": "f1[-1]"}),
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
        Edit(
            "The class that never occurs was left out",
            {"f1.mean()": "f1[both > 0].mean() if both.any() else 0"},
        ),
        Edit(
            "no text is was left out",
            {"f1.mean()": "f1[matrix.any(1)].mean() if matrix.any() else 0"},
        ),
        Edit(
            "0/0 was taken for 1",
            {"f1.mean()": "np.where(both > 0, f1, 1).mean()"},
        ),
        Answer(
            "The matrix was changed",
            """
def macro_f1(matrix):
    right = np.diag(matrix).copy()
    np.fill_diagonal(matrix, 0)
    wrong = matrix.sum(0) + matrix.sum(1)
    return float((2 * right / np.maximum(2 * right + wrong, 1)).mean())
""",
        ),
        Answer(
            "0/0 is NaN",
            """
def macro_f1(matrix):
    right = np.diag(matrix)
    both = matrix.sum(0) + matrix.sum(1)
    return float(np.mean(2 * right / both)) if right.any() else 0.0
""",
        ),
        Answer(
            "0/0 is an error",
            """
def macro_f1(matrix):
    scores = []
    for c in range(len(matrix)):
        right = int(matrix[c, c])
        precision = right / int(matrix[:, c].sum())
        recall = right / int(matrix[c].sum())
        scores.append(2 * precision * recall / (precision + recall) if right else 0.0)
    return sum(scores) / len(scores)
""",
        ),
        Edit(
            "mean of precision and recall",
            {
                "2 * right / np.maximum(both, 1)": "(right / np.maximum(matrix.sum(axis=0), 1) + right / np.maximum(matrix.sum(axis=1), 1)) / 2"
            },
        ),
        Edit("F1 of one class alone", {"f1.mean()": "f1.max()"}),
        Edit("The 2 of 2", {"2 * right": "right"}),
        Edit("the sum of the classes", {"f1.mean()": "f1.sum()"}),
        Edit(
            "The last class was left out",
            {"f1.mean()": "f1[: max(1, both.nonzero()[0].max(initial=0) + 1)].mean()"},
        ),
    ],
    "bootstrap_difference": [
        Edit(
            "goes between two of them",
            {"[0.025, 0.975])": '[0.025, 0.975], method="nearest")'},
        ),
        Edit("It is a − b", {"(b - a)[draws]": "(a - b)[draws]"}),
        Edit("not the 95 % interval", {"[0.025, 0.975]": "[0.05, 0.95]"}),
        Edit(
            "the outermost or the nearest",
            {
                "np.quantile(differences, [0.025, 0.975])": "differences.min(), differences.max()"
            },
        ),
        Edit("one model's accuracy", {"(b - a)[draws]": "b[draws]"}),
        Edit("over the draws", {"mean(axis=1)": "mean(axis=0)"}),
        Edit("The draws were not used", {"(b - a)[draws].mean(axis=1)": "(b - a)"}),
        Answer(
            "Two intervals were subtracted",
            """
def bootstrap_difference(a, b, draws):
    ends = [np.quantile(x[draws].mean(axis=1), [0.025, 0.975]) for x in (a, b)]
    return tuple(float(x) for x in ends[1] - ends[0])
""",
        ),
        Answer(
            "Unpaired",
            """
def bootstrap_difference(a, b, draws):
    differences = b[draws[::-1]].mean(axis=1) - a[draws].mean(axis=1)
    low, high = np.quantile(differences, [0.025, 0.975])
    return float(low), float(high)
""",
        ),
        Answer(
            "Unpaired",
            """
def bootstrap_difference(a, b, draws):
    ends = [np.quantile(x[draws].mean(axis=1), [0.025, 0.975]) for x in (a, b)]
    return float(ends[1][0] - ends[0][1]), float(ends[1][1] - ends[0][0])
""",
        ),
        Answer(
            "Unpaired",
            """
def bootstrap_difference(a, b, draws):
    other = np.random.default_rng(0).integers(0, len(a), size=draws.shape)
    differences = b[other].mean(axis=1) - a[draws].mean(axis=1)
    low, high = np.quantile(differences, [0.025, 0.975])
    return float(low), float(high)
""",
        ),
        Answer(
            "Unpaired",
            """
def bootstrap_difference(a, b, draws):
    differences = b[draws].mean(1)[:, None] - a[draws].mean(1)
    low, high = np.quantile(differences, [0.025, 0.975])
    return float(low), float(high)
""",
        ),
        Edit(
            "counts twice",
            {
                "(b - a)[draws].mean(axis=1)": "[(b - a)[np.unique(row)].mean() for row in draws]"
            },
        ),
        Edit("takes 2.5 and 97.5", {"np.quantile(": "np.percentile("}),
        Answer(
            "1.96 standard deviations",
            """
def bootstrap_difference(a, b, draws):
    differences = (b - a)[draws].mean(axis=1)
    half = 1.96 * differences.std()
    return float(differences.mean() - half), float(differences.mean() + half)
""",
        ),
        Answer(
            "the basic interval",
            """
def bootstrap_difference(a, b, draws):
    low, high = np.quantile((b - a)[draws].mean(axis=1), [0.025, 0.975])
    return float(2 * (b - a).mean() - high), float(2 * (b - a).mean() - low)
""",
        ),
        Edit("low comes first", {"float(low), float(high)": "float(high), float(low)"}),
        Edit(
            "It is an array",
            {"float(low), float(high)": "np.array([low, high])"},
        ),
        Edit("One draw is a table", {"[draws]": "[draws].squeeze()"}),
        Edit(
            "sorted apart",
            {
                "(b - a)[draws].mean(axis=1)": "np.sort(b[draws].mean(axis=1)) - np.sort(a[draws].mean(axis=1))"
            },
        ),
        Edit("These are sums", {"mean(axis=1)": "sum(axis=1)"}),
        Edit(
            "goes between two of them",
            {"[0.025, 0.975])": '[0.025, 0.975], method="midpoint")'},
        ),
        Edit("the 95 % interval", {"0.025, 0.975": "0.05, 0.975"}),
        Edit(
            "item 1 of 2",
            {"float(low), float(high)": "float(max(low, 0)), float(max(high, 0))"},
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
        Answer(
            "All right answers of both models",
            """
def mcnemar(a, b):
    n, k = sum(a) + sum(b), min(sum(a), sum(b))
    return min(1.0, 2 * sum(math.comb(n, i) for i in range(k + 1)) / 2**n)
""",
        ),
        Edit("fewer than k heads", {"range(k + 1)": "range(k)"}),
        Edit("whichever model's it is", {"min(only_a, only_b)": "only_a"}),
        Edit("not the larger", {"min(only_a, only_b)": "max(only_a, only_b)"}),
        Edit(
            "add whole numbers, and divide once",
            {"math.comb(n, i) for": "math.comb(n, i) * 0.5**n for", " / 2**n": ""},
        ),
        Edit(
            "add whole numbers, and divide once",
            {"math.comb(n, i) for": "math.comb(n, i) / 2.0**n for", " / 2**n": ""},
        ),
        Edit("mid-p", {"2 * tail": "2 * tail - math.comb(n, k) / 2**n"}),
        Edit(
            "not where one of them never",
            {"2 * tail)": "2 * tail) if k else 1.0"},
        ),
        Edit(
            "No text is no error",
            {"    n, k =": "    assert sum(a) / len(a) <= 1\n    n, k ="},
        ),
        Answer(
            "as if they had answered different texts",
            """
def mcnemar(a, b):
    import scipy.stats
    table = [[sum(x), len(x) - sum(x)] for x in (a, b)]
    return float(scipy.stats.fisher_exact(table)[1])
""",
        ),
        Answer(
            "approximation by χ²",
            """
def mcnemar(a, b):
    only_a = sum(x and not y for x, y in zip(a, b))
    only_b = sum(y and not x for x, y in zip(a, b))
    if only_a == only_b:
        return 1.0
    chi = (abs(only_a - only_b) - 1) ** 2 / (only_a + only_b)
    return math.erfc(math.sqrt(chi / 2))
""",
        ),
        Edit(
            "of long lists too",
            {
                "return min(": "return math.erfc((abs(only_a - only_b) - 1) / math.sqrt(2 * n)) if n > 1000 else min("
            },
        ),
        Edit(
            "of long lists too",
            {
                "return min(": "return math.erfc(abs(only_a - only_b) / math.sqrt(2 * n)) if n > 1000 else min("
            },
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
        Answer(
            "too sure and too unsure cancel",
            """
def calibration_error(confidence, right, bins=10):
    return float(np.mean(confidence - right))
""",
        ),
        Edit(
            "too sure and too unsure cancel",
            {
                "abs((confidence - right)[number == m].sum())": "(confidence - right)[number == m].sum()"
            },
        ),
        Answer(
            "the bins are of equal width",
            """
def calibration_error(confidence, right, bins=10):
    parts = np.array_split(np.argsort(confidence), bins)
    return float(sum(abs((confidence - right)[p].sum()) for p in parts) / len(right))
""",
        ),
        Edit("There are 10 bins", {"    number =": "    bins = 10\n    number ="}),
        Edit("has a default", {"bins: int = 10": "bins: int"}),
        Edit(
            "The middle or the edge",
            {
                "(confidence - right)[number == m]": "((m - 0.5) / bins - right)[number == m]"
            },
        ),
        Edit(
            "It is the largest distance",
            {
                "float(sum(distances) / len(confidence))": "float(max(d / max((number == m).sum(), 1) for m, d in enumerate(distances, 1)))"
            },
        ),
        Edit(
            "distances were squared",
            {
                "[number == m].sum())": "[number == m].mean()) ** 2 * (number == m).sum()",
                "for m in range(1, bins + 1)": "for m in range(1, bins + 1) if (number == m).any()",
            },
        ),
        Answer(
            "1 is in the last",
            """
def calibration_error(confidence, right, bins=10):
    total = 0.0
    for m in range(bins):
        inside = (m / bins <= confidence) & (confidence < (m + 1) / bins)
        total += abs((confidence - right)[inside].sum())
    return float(total / len(right))
""",
        ),
        Edit(
            "0.5 is in the first of two",
            {
                "np.ceil(confidence * bins)": "np.minimum(np.floor(confidence * bins) + 1, bins)"
            },
        ),
        Edit(
            "was changed",
            {
                "    number =": "    order = confidence.argsort()\n    right = right[order]\n    confidence.sort()\n    number ="
            },
        ),
        Edit(
            "a distance is never negative",
            {
                "float(sum(distances) / len(confidence))": "float(sum(distances) / len(confidence)) * (-1 if len(right) == 1 and right[0] else 1)"
            },
        ),
        Edit("By default there are 10 bins", {"bins: int = 10": "bins: int = 15"}),
        Edit("round up", {"np.ceil": "np.round"}),
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
                "return min(candidates, key=loss)": "return max(candidates, key=lambda t: float(((logits / t).argmax(1) == labels).mean()))"
            },
        ),
        Edit(
            "the loss of the best",
            {
                "return min(candidates, key=loss)": "return min(loss(t) for t in candidates)"
            },
        ),
        Answer(
            "mean confidence is nearest",
            """
def best_temperature(logits, labels, candidates):
    accuracy = (logits.argmax(1) == labels).mean()
    def gap(t):
        z = logits / t
        z = z - z.max(1, keepdims=True)
        return abs((1 / np.exp(z).sum(1)).mean() - accuracy)
    return min(candidates, key=gap)
""",
        ),
        Answer(
            "Brier's score",
            """
def best_temperature(logits, labels, candidates):
    def brier(t):
        z = logits / t
        p = np.exp(z - z.max(1, keepdims=True))
        p = p / p.sum(1, keepdims=True)
        return ((p - np.eye(logits.shape[1])[labels]) ** 2).sum()
    return min(candidates, key=brier)
""",
        ),
        Edit("exp overflows", {"scaled.max(axis=1, keepdims=True)": "scaled[0].max()"}),
        Edit(
            "exp overflows",
            {
                "        scaled = scaled - scaled.max(axis=1, keepdims=True)\n": "        scaled = np.minimum(scaled, 700)\n"
            },
        ),
        Edit(
            "the softmax is 0",
            {
                "(np.log(np.exp(scaled).sum(axis=1)) - own).mean()": "-np.log(np.exp(own) / np.exp(scaled).sum(axis=1)).mean()"
            },
        ),
        Edit(
            "ε does not mend it",
            {
                "(np.log(np.exp(scaled).sum(axis=1)) - own).mean()": "-np.log(np.exp(own) / np.exp(scaled).sum(axis=1) + 1e-12).mean()"
            },
        ),
        Edit(
            "The mean of the probabilities",
            {
                "(np.log(np.exp(scaled).sum(axis=1)) - own).mean()": "-(np.exp(own) / np.exp(scaled).sum(axis=1)).mean()"
            },
        ),
        Edit(
            "The softmax goes over the texts",
            {
                "scaled.max(axis=1, keepdims=True)": "scaled.max(axis=0)",
                "np.exp(scaled).sum(axis=1)": "np.exp(scaled).sum(axis=0)[labels]",
            },
        ),
        Edit(
            "The logits were changed",
            {
                "    def loss": "    logits -= logits.max(axis=1, keepdims=True)\n\n    def loss"
            },
        ),
        Edit("right or wrong", {"[np.arange(len(labels)), labels]": ".max(axis=1)"}),
        Edit(
            "least sure",
            {
                "(np.log(np.exp(scaled).sum(axis=1)) - own).mean()": "-np.log(np.exp(scaled).sum(axis=1)).mean()"
            },
        ),
        Answer(
            "one text",
            """
def best_temperature(logits, labels, candidates):
    losses = []
    for t in candidates:
        z = (logits / t).squeeze()
        z = z - z.max(1, keepdims=True)
        own = z[np.arange(len(labels)), labels]
        losses.append((np.log(np.exp(z).sum(1)) - own).mean())
    return candidates[int(np.argmin(losses))]
""",
        ),
        Edit(
            "goes over all texts",
            {"np.exp(scaled).sum(axis=1)": "np.exp(scaled).sum()"},
        ),
        Answer(
            "stopped where the loss rose",
            """
def best_temperature(logits, labels, candidates):
    def loss(t):
        z = logits / t
        z = z - z.max(1, keepdims=True)
        return (np.log(np.exp(z).sum(1)) - z[np.arange(len(labels)), labels]).mean()
    best = candidates[0]
    for t in candidates[1:]:
        if loss(t) > loss(best):
            break
        best = t
    return best
""",
        ),
    ],
    "odds_gap": [
        Edit(
            "The rate of nobody is NaN",
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
        Edit(
            "The rate of nobody is NaN",
            {
                "if len(chosen) else math.nan": (
                    "if len(chosen) else [math.nan, 0.0][group]"
                )
            },
        ),
        Edit(
            "The rate of nobody is NaN",
            {
                "if len(chosen) else math.nan": (
                    "if len(chosen) else [0.0, math.nan][label]"
                )
            },
        ),
        Edit(
            "The rate of nobody is NaN",
            {
                "float(chosen.mean()) if len(chosen) else math.nan": "float(chosen.sum() / max(len(chosen), 1)) if len(groups) else math.nan"
            },
        ),
        Answer(
            "none ruled out",
            """
def odds_gap(labels, predictions, groups):
    gaps = []
    for label in (1, 0):
        sets = [predictions[(groups == g) & (labels == label)] for g in (1, 0)]
        if min(map(len, sets)) == 0:
            gaps.append(0.0 if len(labels) else math.nan)
        else:
            gaps.append(float(sets[0].mean() - sets[1].mean()))
    return tuple(gaps)
""",
        ),
        Edit(
            "an error in Python",
            {
                "float(chosen.mean()) if len(chosen) else math.nan": "sum(chosen.tolist()) / len(chosen)"
            },
        ),
        Edit(
            "share of no among those whose label is 0",
            {"chosen.mean())": "(chosen == label).mean())"},
        ),
        Edit(
            "share of no among those whose label is 1",
            {"chosen.mean())": "(chosen != label).mean())"},
        ),
        Edit(
            "Label and prediction are swapped",
            {
                "chosen = predictions[(groups == group) & (labels == label)]": "chosen = 1 - labels[(groups == group) & (predictions == 1)] if label == 0 else labels[(groups == group) & (predictions == 1)]"
            },
        ),
        Edit(
            "shares of all people, not",
            {"float(chosen.mean())": "float(chosen.sum() / len(groups))"},
        ),
        Edit(
            "It is an array",
            {
                "return rate(1, 1) - rate(0, 1), rate(1, 0) - rate(0, 0)": "return np.array([rate(1, 1) - rate(0, 1), rate(1, 0) - rate(0, 0)])"
            },
        ),
        Edit(
            "The larger gap alone",
            {
                "return rate(1, 1) - rate(0, 1), rate(1, 0) - rate(0, 0)": "return max(abs(rate(1, 1) - rate(0, 1)), abs(rate(1, 0) - rate(0, 0)))"
            },
        ),
    ],
    "integrated_gradients": [
        Edit("at the end of each piece", {"+ 0.5": "+ 1"}),
        Edit(
            "at the beginning of each piece",
            {"(np.arange(steps) + 0.5)": "np.arange(steps)"},
        ),
        Edit(
            "The ends of the way were asked",
            {"(np.arange(steps) + 0.5) / steps": "np.linspace(0, 1, steps)"},
        ),
        Edit(
            "The ends of the way were asked",
            {"(np.arange(steps) + 0.5) / steps": "np.linspace(0, 1, steps + 1)"},
        ),
        Answer(
            "The ends of the way were asked",
            """
def integrated_gradients(score, gradient, x, baseline, steps):
    alphas = np.linspace(0, 1, steps + 1)
    slopes = [gradient(baseline + a * (x - baseline)) for a in alphas]
    parts = (x - baseline) * np.trapezoid(slopes, alphas, axis=0)
    return parts, float(parts.sum() - (score(x) - score(baseline)))
""",
        ),
        Edit("by k / (steps + 1)", {"+ 0.5) / steps": "+ 1) / (steps + 1)"}),
        Edit("slope at the input alone", {"baseline + alpha * way": "x"}),
        Edit("slope at the baseline alone", {"baseline + alpha * way": "baseline"}),
        Edit(
            "the slope halfway alone", {"baseline + alpha * way": "baseline + way / 2"}
        ),
        Edit("The number of pieces is not", {"    way =": "    steps = 50\n    way ="}),
        Answer(
            "the integral itself",
            """
def integrated_gradients(score, gradient, x, baseline, steps):
    places, weights = np.polynomial.legendre.leggauss(steps)
    way = x - baseline
    slopes = np.stack([gradient(baseline + (t + 1) / 2 * way) for t in places])
    parts = way * (weights @ slopes) / 2
    return parts, float(parts.sum() - (score(x) - score(baseline)))
""",
        ),
        Edit("sum of the slopes", {"np.mean": "np.sum"}),
        Edit("lacks the factor", {"way * np.mean": "np.mean"}),
        Edit("multiplied by x", {"way * np.mean": "x * np.mean"}),
        Edit("not baseline − x", {"= way *": "= -way *"}),
        Edit("the way begins there, not at 0", {"baseline + alpha * way": "alpha * x"}),
        Edit(
            "the way begins there, not at 0",
            {"way = x - baseline": "way = x", "baseline + alpha * way": "alpha * way"},
        ),
        Edit(
            "only after the baseline is added",
            {"baseline + alpha * way": "alpha * way"},
        ),
        Edit("The signs were dropped", {"= way *": "= abs(way) *"}),
        Edit(
            "The signs were dropped",
            {"np.mean(slopes, axis=0)": "abs(np.mean(slopes, axis=0))"},
        ),
        Edit("The parts were scaled", {"return parts,": "return parts / parts.sum(),"}),
        Edit(
            "The parts were scaled",
            {
                "return parts, float(parts.sum() - climbed)": "return parts * climbed / parts.sum(), 0.0"
            },
        ),
        Answer(
            "Each feature walked alone",
            """
def integrated_gradients(score, gradient, x, baseline, steps):
    parts = np.zeros(len(x))
    for i in range(len(x)):
        point = x.copy()
        for k in range(steps):
            point[i] = baseline[i] + (k + 0.5) / steps * (x[i] - baseline[i])
            parts[i] += gradient(point)[i] * (x[i] - baseline[i]) / steps
    return parts, float(parts.sum() - (score(x) - score(baseline)))
""",
        ),
        Edit(
            "not (4, 3)",
            {
                "[gradient(baseline + alpha * way) for alpha in alphas]": "gradient(baseline + alphas[:, None] * way)"
            },
        ),
        Edit("one number for all features", {"return parts,": "return parts.sum(),"}),
        Edit(
            "returned alone",
            {"return parts, float(parts.sum() - climbed)": "return parts"},
        ),
        Edit(
            "The error comes second",
            {
                "return parts, float(parts.sum() - climbed)": "return float(parts.sum() - climbed), parts"
            },
        ),
        Edit("a NumPy array is asked for", {"return parts,": "return parts.tolist(),"}),
        Answer(
            "was changed",
            """
def integrated_gradients(score, gradient, x, baseline, steps):
    climbed = score(x) - score(baseline)
    x -= baseline
    slopes = [gradient(baseline + (k + 0.5) / steps * x) for k in range(steps)]
    parts = x * np.mean(slopes, axis=0)
    return parts, float(parts.sum() - climbed)
""",
        ),
        Answer(
            "was changed",
            """
def integrated_gradients(score, gradient, x, baseline, steps):
    climbed = score(x) - score(baseline)
    step = (x - baseline) / steps
    parts = np.zeros(len(x))
    for k in range(steps):
        baseline += step / 2 if k == 0 else step
        parts += step * gradient(baseline)
    return parts, float(parts.sum() - climbed)
""",
        ),
        Edit(
            "The error is reversed", {"parts.sum() - climbed": "climbed - parts.sum()"}
        ),
        Edit(
            "The error keeps its sign",
            {"float(parts.sum() - climbed)": "abs(float(parts.sum() - climbed))"},
        ),
        Edit(
            "The score at the baseline is missing",
            {"score(x) - score(baseline)": "score(x)"},
        ),
        Edit("The score at 0 was taken", {"- score(baseline)": "- score(0 * x)"}),
        Edit(
            "the error itself is asked for",
            {"parts.sum() - climbed)": "parts.sum() - climbed) / climbed"},
        ),
        Edit("The mean of the parts", {"parts.sum()": "parts.mean()"}),
        Edit("summed without their signs", {"parts.sum()": "abs(parts).sum()"}),
        Edit("the error is not 0", {"float(parts.sum() - climbed)": "0.0"}),
        Edit(
            "sum the parts first", {"float(parts.sum() - climbed)": "parts - climbed"}
        ),
        Edit(
            "A dimension of 1 was dropped", {"return parts,": "return parts.squeeze(),"}
        ),
        Answer(
            "there are `steps` pieces",
            """
def integrated_gradients(score, gradient, x, baseline, steps):
    way = x - baseline
    half = 0.5 / steps
    alphas = [half + k * (1 - 2 * half) / (steps - 1) for k in range(steps)]
    parts = way * np.mean([gradient(baseline + a * way) for a in alphas], axis=0)
    return parts, float(parts.sum() - (score(x) - score(baseline)))
""",
        ),
        Answer(
            "nothing to divide by",
            """
def integrated_gradients(score, gradient, x, baseline, steps):
    way = x - baseline
    length = np.sqrt((way**2).sum())
    ahead = way / length
    middles = [(k + 0.5) * length / steps for k in range(steps)]
    slopes = np.array([gradient(baseline + far * ahead) for far in middles])
    parts = ahead * slopes.mean(0) * length
    return parts, float(parts.sum() - (score(x) - score(baseline)))
""",
        ),
    ],
}
