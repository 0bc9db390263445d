"""Right answers to the evaluation set, written differently."""

ALTERNATIVES = {
    "confusion_matrix": {
        "by counting pairs in one number": """
def confusion_matrix(labels, predictions, classes):
    pair = np.array(labels) * classes + np.array(predictions)
    return np.bincount(pair, minlength=classes**2).reshape(classes, classes)
""",
        "by one-hot vectors": """
def confusion_matrix(labels, predictions, classes):
    eye = np.eye(classes, dtype=int)
    return eye[labels].T @ eye[predictions]
""",
        "with add.at": """
def confusion_matrix(labels, predictions, classes):
    matrix = np.zeros([classes] * 2, dtype=np.int64)
    np.add.at(matrix, (labels, predictions), 1)
    return matrix
""",
    },
    "macro_f1": {
        "from precision and recall, class by class": """
def macro_f1(matrix):
    scores = []
    for c in range(len(matrix)):
        right = matrix[c][c]
        if right == 0:
            scores.append(0.0)
            continue
        precision = right / sum(row[c] for row in matrix)
        recall = right / sum(matrix[c])
        scores.append(2 * precision * recall / (precision + recall))
    return float(sum(scores) / len(scores))
""",
        "with NaN put right": """
def macro_f1(matrix):
    tp = matrix.diagonal().astype(float)
    with np.errstate(all="ignore"):
        p, r = tp / matrix.sum(0), tp / matrix.sum(1)
        f = 2 * p * r / (p + r)
    return np.nan_to_num(f).mean()
""",
    },
    "bootstrap_difference": {
        "draw by draw": """
def bootstrap_difference(a, b, draws):
    found = [np.mean(b[draw]) - np.mean(a[draw]) for draw in draws]
    return np.quantile(found, 0.025), np.quantile(found, 0.975)
""",
        "by percentiles of sums": """
def bootstrap_difference(a, b, draws):
    gained = np.take(b.astype(float) - a, draws).sum(-1) / draws.shape[1]
    ends = np.percentile(gained, (2.5, 97.5))
    return tuple(ends.tolist())
""",
    },
    "mcnemar": {
        "with logarithms": """
def mcnemar(a, b):
    wins = [int(x) - int(y) for x, y in zip(a, b) if x != y]
    n, k = len(wins), min(wins.count(1), wins.count(-1))
    def log_comb(i):
        return math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1)
    p = 2 * sum(math.exp(log_comb(i) - n * math.log(2)) for i in range(k + 1))
    return min(p, 1.0)
""",
        "Pascal's triangle": """
def mcnemar(a, b):
    a, b = np.array(a), np.array(b)
    first, second = int((a & ~b).sum()), int((~a & b).sum())
    row = np.array([1.0])
    for _ in range(first + second):
        row = (np.append(row, 0) + np.append(0, row)) / 2
    return float(min(1, 2 * row[: min(first, second) + 1].sum()))
""",
    },
    "calibration_error": {
        "with means and weights": """
def calibration_error(confidence, right, bins=10):
    edges = np.arange(bins + 1) / bins
    total = 0.0
    for low, high in zip(edges[:-1], edges[1:]):
        inside = (low < confidence) & (confidence <= high)
        if inside.sum() > 0:
            gap = np.abs(np.mean(confidence[inside]) - np.mean(right[inside]))
            total += gap * inside.sum() / len(right)
    return float(total)
""",
        "with bincount": """
def calibration_error(confidence, right, bins=10):
    which = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    sums = np.bincount(which, weights=confidence - right, minlength=bins)
    return np.abs(sums).sum() / confidence.size
""",
    },
    "best_temperature": {
        "with logaddexp": """
def best_temperature(logits, labels, candidates):
    losses = []
    for t in candidates:
        z = logits / t
        own = z[range(len(labels)), labels]
        losses.append((np.logaddexp.reduce(z, axis=1) - own).mean())
    return candidates[int(np.argmin(losses))]
""",
        "all at once": """
def best_temperature(logits, labels, candidates):
    z = logits[None] / np.array(candidates)[:, None, None]
    z = z - z.max(-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(-1, keepdims=True))
    likelihood = log_p[:, np.arange(len(labels)), labels].sum(-1)
    return float(candidates[likelihood.argmax()])
""",
    },
    "odds_gap": {
        "by counting": """
def odds_gap(labels, predictions, groups):
    def rate(group, label):
        people = [p for p, g, y in zip(predictions, groups, labels) if g == group and y == label]
        return sum(people) / len(people) if people else float("nan")
    return float(rate(1, 1) - rate(0, 1)), float(rate(1, 0) - rate(0, 0))
""",
        "by weights": """
def odds_gap(labels, predictions, groups):
    gaps = []
    for of_label in (labels, 1 - labels):
        rates = []
        for member in (groups, 1 - groups):
            weight = of_label * member
            with np.errstate(invalid="ignore"):
                rates.append(np.float64((weight * predictions).sum()) / weight.sum())
        gaps.append(float(rates[0] - rates[1]))
    return tuple(gaps)
""",
    },
}
