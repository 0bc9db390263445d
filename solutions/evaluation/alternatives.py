"""Right answers to the evaluation set, written differently."""

ALTERNATIVES = {
    "confusion_matrix": {
        "by counting pairs in one number": """
def confusion_matrix(labels, predictions, classes):
    pair = np.array(labels, dtype=int) * classes + np.array(predictions, dtype=int)
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
        "with a Counter, in small integers": """
from collections import Counter
def confusion_matrix(labels, predictions, classes):
    seen = Counter(zip(labels, predictions))
    rows = [[seen[i, j] for j in range(classes)] for i in range(classes)]
    return np.array(rows, dtype=np.int16)
""",
        "scikit-learn's": """
import sklearn.metrics
def confusion_matrix(labels, predictions, classes):
    if not labels:
        return np.zeros((classes, classes), dtype=np.int32)
    known = np.arange(classes)
    return sklearn.metrics.confusion_matrix(labels, predictions, labels=known)
""",
        "cell by cell": """
def confusion_matrix(labels, predictions, classes):
    is_ = np.array(labels)[:, None] == np.arange(classes)
    taken = np.array(predictions)[:, None] == np.arange(classes)
    return np.einsum("ti,tj->ij", is_.astype(np.int64), taken.astype(np.int64))
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
        "by the errors of both kinds": """
def macro_f1(matrix):
    off = matrix - np.diag(np.diag(matrix))
    scores = [
        float(tp / (tp + 0.5 * (fp + fn))) if tp else 0
        for tp, fp, fn in zip(matrix.diagonal(), off.sum(0), off.sum(1))
    ]
    return np.float64(sum(scores)) / len(scores)
""",
        "in single precision": """
def macro_f1(matrix):
    m = np.asarray(matrix, dtype=np.float32)
    both = m.sum(0) + m.sum(1)
    f1 = np.divide(2 * m.diagonal(), both, out=np.zeros_like(both), where=both > 0)
    return f1.mean()
""",
        "with torch": """
def macro_f1(matrix):
    import torch
    m = torch.from_numpy(matrix.copy()).double()
    f1 = (2 * m.diagonal() / (m.sum(0) + m.sum(1))).nan_to_num()
    return f1.mean().item()
""",
        "text by text, with scikit-learn": """
from sklearn.metrics import f1_score
def macro_f1(matrix):
    classes = list(range(len(matrix)))
    pairs = [(i, j) for i in classes for j in classes for _ in range(int(matrix[i, j]))]
    if not pairs:
        return 0.0
    truth, taken = zip(*pairs)
    return f1_score(truth, taken, labels=classes, average="macro", zero_division=0)
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
        "quantiles by hand": """
def bootstrap_difference(a, b, draws):
    found = sorted(sum(int(b[t]) - int(a[t]) for t in row) / len(row) for row in draws)
    def at(share):
        place = share * (len(found) - 1)
        low = math.floor(place)
        high = min(low + 1, len(found) - 1)
        return float(found[low] + (place - low) * (found[high] - found[low]))
    return [at(0.025), at(0.975)]
""",
        "by how often each text stands in a draw": """
def bootstrap_difference(a, b, draws):
    times = np.stack([np.bincount(row, minlength=len(a)) for row in draws])
    found = np.einsum("rt,t->r", times, b - a) / draws.shape[1]
    return tuple(np.quantile(found, q) for q in (0.025, 1 - 0.025))
""",
        "with pandas": """
import pandas as pd
def bootstrap_difference(a, b, draws):
    found = pd.DataFrame(b[draws]).mean(axis=1) - pd.DataFrame(a[draws]).mean(axis=1)
    return found.quantile(0.025), found.quantile(0.975)
""",
        "in single precision, with torch": """
import torch
def bootstrap_difference(a, b, draws):
    gain = torch.from_numpy(b - a).float()[torch.from_numpy(draws)].mean(1)
    ends = torch.quantile(gain, torch.tensor([0.025, 0.975]))
    return ends[0].item(), ends[1].item()
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
    a, b = np.array(a, dtype=bool), np.array(b, dtype=bool)
    first, second = int((a & ~b).sum()), int((~a & b).sum())
    row = np.array([1.0])
    for _ in range(first + second):
        row = (np.append(row, 0) + np.append(0, row)) / 2
    return float(min(1, 2 * row[: min(first, second) + 1].sum()))
""",
        "scipy's binomial test": """
from scipy.stats import binomtest
def mcnemar(a, b):
    apart = [y for x, y in zip(a, b) if x != y]
    if not apart:
        return 1.0
    return float(binomtest(sum(apart), len(apart)).pvalue)
""",
        "the distribution from scipy": """
import scipy.stats
def mcnemar(a, b):
    a, b = np.array(a, dtype=bool), np.array(b, dtype=bool)
    ours, theirs = np.count_nonzero(a > b), np.count_nonzero(b > a)
    return min(1, 2 * scipy.stats.binom.cdf(min(ours, theirs), ours + theirs, 0.5))
""",
        "with fractions, each number of ways from the last": """
from fractions import Fraction
def mcnemar(a, b):
    ours = theirs = 0
    for x, y in zip(a, b):
        ours += x > y
        theirs += y > x
    n, ways, total = ours + theirs, 1, 0
    for i in range(min(ours, theirs) + 1):
        total += ways
        ways = ways * (n - i) // (i + 1)
    return float(min(Fraction(1), Fraction(2 * total, 2**n)))
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
        "edges from linspace, the bins from searchsorted": """
def calibration_error(confidence, right, bins=10):
    edges = np.linspace(0, 1, bins + 1)
    number = np.searchsorted(edges, confidence, side="left")
    found = 0
    for m in set(number.tolist()):
        inside = number == m
        found += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return found
""",
        "with digitize, in single precision": """
def calibration_error(confidence, right, bins=10):
    which = np.digitize(confidence, np.arange(1, bins) / bins, right=True)
    gap = np.zeros(bins, dtype=np.float32)
    np.add.at(gap, which, (confidence - right).astype(np.float32))
    return np.abs(gap).sum() / len(gap[which])
""",
        "text by text": """
def calibration_error(confidence, right, bins=10):
    held = {}
    for c, r in zip(confidence.tolist(), right.tolist()):
        held.setdefault(math.ceil(c * bins), []).append((c, r))
    total = 0.0
    for texts in held.values():
        sure = sum(c for c, _ in texts) / len(texts)
        share = sum(r for _, r in texts) / len(texts)
        total += len(texts) * abs(sure - share)
    return total / len(confidence)
""",
        "with pandas": """
import pandas as pd
def calibration_error(confidence, right, bins=10):
    table = pd.DataFrame({"gap": confidence - right, "bin": np.ceil(confidence * bins)})
    return float(table.groupby("bin")["gap"].sum().abs().sum() / len(table))
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
        "with torch's cross entropy": """
import torch
import torch.nn.functional as F
def best_temperature(logits, labels, candidates):
    z, y = torch.from_numpy(logits), torch.from_numpy(labels)
    losses = [F.cross_entropy(z / t, y).item() for t in candidates]
    return candidates[losses.index(min(losses))]
""",
        "with scipy": """
from scipy.special import logsumexp
def best_temperature(logits, labels, candidates):
    own = np.take_along_axis(logits, labels[:, None], axis=1)[:, 0]
    loss = {t: float(np.sum(logsumexp(logits / t, axis=1) - own / t)) for t in candidates}
    return sorted(loss, key=loss.get)[0]
""",
        "as distances from the own logit": """
def best_temperature(logits, labels, candidates):
    away = logits - logits[np.arange(len(labels)), labels][:, None]
    best, least = None, math.inf
    for t in candidates:
        top = np.maximum(away.max(axis=1), 0) / t
        loss = float(np.mean(top + np.log(np.exp(away / t - top[:, None]).sum(axis=1))))
        if loss < least:
            best, least = t, loss
    return best
""",
        "in single precision": """
def best_temperature(logits, labels, candidates):
    z = (logits - logits.max(1, keepdims=True)).astype(np.float32)
    hot = np.eye(z.shape[1], dtype=np.float32)[labels]
    def loss(t):
        return (np.log(np.exp(z / t).sum(1)) - (hot * z / t).sum(1)).mean()
    return np.float32(min(candidates, key=loss))
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
        "with pandas": """
import pandas as pd
def odds_gap(labels, predictions, groups):
    table = pd.DataFrame({"y": labels, "p": predictions, "g": groups})
    rates = table.groupby(["g", "y"])["p"].mean()
    def rate(g, y):
        return float(rates.get((g, y), math.nan))
    return rate(1, 1) - rate(0, 1), rate(1, 0) - rate(0, 0)
""",
        "with the mean's own NaN": """
def odds_gap(labels, predictions, groups):
    import warnings
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tpr = [predictions[(groups == g) & (labels == 1)].mean() for g in (0, 1)]
        fpr = [predictions[(groups == g) & (labels == 0)].mean() for g in (0, 1)]
    return [tpr[1] - tpr[0], fpr[1] - fpr[0]]
""",
        "from tables of counts": """
def odds_gap(labels, predictions, groups):
    table = np.zeros((2, 2, 2))
    np.add.at(table, (groups, labels, predictions), 1)
    with np.errstate(all="ignore"):
        rates = table[:, :, 1] / table.sum(-1)
    gap = rates[1] - rates[0]
    return gap[1], gap[0]
""",
    },
    "integrated_gradients": {
        "as a walk with a running sum": """
def integrated_gradients(score, gradient, x, baseline, steps):
    stride = (x - baseline) / steps
    place = baseline + stride / 2
    parts = np.zeros_like(x)
    for _ in range(steps):
        parts += stride * gradient(place)
        place = place + stride
    return parts, parts.sum() + score(baseline) - score(x)
""",
        "from a table of places": """
def integrated_gradients(score, gradient, x, baseline, steps):
    edges = np.linspace(0, 1, steps + 1)
    middles = (edges[1:] + edges[:-1])[:, None] / 2
    table = middles * x + (1 - middles) * baseline
    slopes = np.apply_along_axis(gradient, 1, table)
    parts = slopes.mean(axis=0) * (x - baseline)
    return parts, float(parts.sum()) - (score(x) - score(baseline))
""",
        "number by number": """
def integrated_gradients(score, gradient, x, baseline, steps):
    pairs = list(zip(baseline.tolist(), x.tolist()))
    columns = [[] for _ in pairs]
    for k in range(1, steps + 1):
        a = (2 * k - 1) / (2 * steps)
        slope = gradient(np.array([start + a * (end - start) for start, end in pairs]))
        for column, s in zip(columns, slope.tolist()):
            column.append(s)
    parts = [
        (end - start) * math.fsum(column) / steps
        for column, (start, end) in zip(columns, pairs)
    ]
    return np.array(parts), math.fsum([*parts, score(baseline), -score(x)])
""",
        "with torch": """
import torch
def integrated_gradients(score, gradient, x, baseline, steps):
    start, end = torch.tensor(baseline), torch.tensor(x)
    alphas = (torch.arange(steps) + 0.5).double()[:, None] / steps
    points = torch.lerp(start, end, alphas)
    slopes = torch.stack([torch.as_tensor(gradient(p.numpy())) for p in points])
    parts = (end - start) * slopes.mean(dim=0)
    return parts, parts.sum().item() - score(x) + score(baseline)
""",
        "back from the input": """
def integrated_gradients(score, gradient, x, baseline, steps):
    back = baseline - x
    places = (x + back * (1 - a) for a in np.linspace(0.5 / steps, 1 - 0.5 / steps, steps))
    total = sum(map(gradient, places))
    parts = -back / steps * total
    missing = sum(parts)
    missing -= score(x)
    missing += score(baseline)
    return [parts, missing]
""",
        "by halves of halves": """
def integrated_gradients(score, gradient, x, baseline, steps):
    def gathered(first, last):
        if last - first == 1:
            return gradient(baseline + (first + last) / (2 * steps) * (x - baseline))
        half = (first + last) // 2
        return gathered(first, half) + gathered(half, last)

    parts = np.multiply(x - baseline, gathered(0, steps)) / steps
    return parts, float(np.ones(len(x)) @ parts + score(baseline) - score(x))
""",
    },
}
