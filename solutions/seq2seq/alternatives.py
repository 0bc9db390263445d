"""Right answers to the seq2seq set, written differently."""

ALTERNATIVES = {
    "shift_right": {
        "into an empty tensor": """
def shift_right(labels, start_id, pad_id):
    moved = torch.empty_like(labels)
    moved[:, 0] = start_id
    moved[:, 1:] = torch.where(labels[:, :-1] < 0, pad_id, labels[:, :-1])
    return moved
""",
        "by padding on the left": """
def shift_right(labels, start_id, pad_id):
    known = labels.clone()
    known[known == -100] = pad_id
    return torch.nn.functional.pad(known, (1, 0), value=start_id)[:, :-1]
""",
        "row by row": """
def shift_right(labels, start_id, pad_id):
    rows = []
    for row in labels.tolist():
        new = [start_id]
        for token in row[:-1]:
            new.append(pad_id if token == -100 else token)
        rows.append(new)
    return torch.tensor(rows, dtype=labels.dtype)
""",
        "rolled": """
def shift_right(labels, start_id, pad_id):
    moved = labels.roll(1, dims=-1)
    moved[..., 0] = start_id
    moved[moved == -100] = pad_id
    return moved
""",
        "with NumPy": """
import numpy as np

def shift_right(labels, start_id, pad_id):
    ids = np.where(labels.numpy() == -100, pad_id, labels.numpy())
    ids = np.insert(ids, 0, start_id, axis=1)[:, :-1]
    return torch.as_tensor(ids)
""",
    },
    "greedy_search": {
        "with a for loop": """
def greedy_search(next_logits, start_id, end_id, longest):
    written = []
    for _ in range(longest):
        token = torch.max(next_logits([start_id] + written), dim=-1).indices.item()
        written.append(token)
        if token == end_id:
            return written
    return written
""",
        "by recursion": """
def greedy_search(next_logits, start_id, end_id, longest):
    def go_on(ids):
        if len(ids) == longest + 1 or (len(ids) > 1 and ids[-1] == end_id):
            return ids
        logits = next_logits(ids).tolist()
        return go_on(ids + [max(range(len(logits)), key=logits.__getitem__)])
    return go_on([start_id])[1:]
""",
        "with topk, and what was written apart": """
def greedy_search(next_logits, start_id, end_id, longest):
    written = []
    while len(written) < longest and (not written or written[-1] != end_id):
        _, best = next_logits([start_id] + written).softmax(-1).topk(1)
        written += best.tolist()
    return written
""",
        "with NumPy": """
import numpy as np

def greedy_search(next_logits, start_id, end_id, longest):
    ids = np.array([start_id])
    for _ in range(longest):
        token = np.argmax(next_logits(ids.tolist()).numpy())
        ids = np.append(ids, token)
        if token == end_id:
            break
    return ids[1:].tolist()
""",
        "a generator": """
def greedy_search(next_logits, start_id, end_id, longest):
    def tokens():
        ids = [start_id]
        for _ in range(longest):
            logits = next_logits(list(ids))
            ids.append(sorted(range(logits.numel()), key=lambda i: logits[i].item())[-1])
            yield ids[-1]
            if ids[-1] == end_id:
                return
    return tuple(tokens())
""",
        "without a stop, and cut": """
def greedy_search(next_logits, start_id, end_id, longest):
    ids = [start_id]
    for _ in range(longest):
        ids.append(next_logits(ids).argmax().item())
    ids = ids[1:]
    return ids[: ids.index(end_id) + 1] if end_id in ids else ids
""",
    },
    "best_hypothesis": {
        "with tensors": """
def best_hypothesis(hypotheses, penalty):
    sums = torch.tensor([sum(h) for h in hypotheses], dtype=torch.double)
    sizes = torch.tensor([len(h) for h in hypotheses], dtype=torch.double)
    return int((sums / sizes.pow(penalty)).argmax())
""",
        "with a loop": """
def best_hypothesis(hypotheses, penalty):
    best, where = -math.inf, 0
    for number, log_p in enumerate(hypotheses):
        score = sum(log_p) * math.exp(-penalty * math.log(len(log_p)))
        if score > best:
            best, where = score, number
    return where
""",
        "with NumPy": """
import numpy as np

def best_hypothesis(hypotheses, penalty):
    scores = [np.sum(h) / np.power(float(len(h)), penalty) for h in hypotheses]
    return np.argmax(scores)
""",
        "padded into one tensor": """
def best_hypothesis(hypotheses, penalty):
    longest = max(map(len, hypotheses))
    rows = [h + [0.0] * (longest - len(h)) for h in hypotheses]
    sizes = torch.tensor([[len(h)] for h in hypotheses], dtype=torch.double)
    total = torch.tensor(rows, dtype=torch.double).sum(1, keepdim=True)
    return int((total * sizes ** -penalty).argmax(0))
""",
        "by sorting": """
def best_hypothesis(hypotheses, penalty):
    numbered = list(enumerate(hypotheses))
    numbered.sort(key=lambda pair: -math.fsum(pair[1]) / len(pair[1]) ** penalty)
    return numbered[0][0]
""",
        "with reduce": """
from functools import reduce

def best_hypothesis(hypotheses, penalty):
    def score(i):
        return sum(p / len(hypotheses[i]) ** penalty for p in hypotheses[i])
    return reduce(lambda a, b: b if score(b) > score(a) else a, range(len(hypotheses)))
""",
    },
    "beam_search": {
        "with topk over all extensions": """
def beam_search(next_logits, start_id, end_id, longest, beams):
    texts, sums, finished = [[start_id]], torch.zeros(1), []
    for _ in range(longest):
        if not texts:
            break
        log_p = torch.stack([next_logits(ids).log_softmax(-1) for ids in texts])
        scores = (sums[:, None] + log_p).flatten()
        best = scores.topk(min(beams, len(scores)))
        longer = [
            (texts[i // log_p.shape[1]] + [i % log_p.shape[1]], s)
            for s, i in zip(best.values.tolist(), best.indices.tolist())
        ]
        finished += [pair for pair in longer if pair[0][-1] == end_id]
        left = [pair for pair in longer if pair[0][-1] != end_id]
        texts, sums = [ids for ids, _ in left], torch.tensor([s for _, s in left])
    finished += list(zip(texts, sums.tolist()))
    return max(finished, key=lambda pair: pair[1] / (len(pair[0]) - 1))[0][1:]
""",
        "tokens and their logarithms": """
def beam_search(next_logits, start_id, end_id, longest, beams):
    live, done = [((), ())], []
    for _ in range(longest):
        candidates = []
        for written, log_p in live:
            logits = next_logits([start_id, *written]).double()
            scores = logits - logits.logsumexp(0)
            for token, score in enumerate(scores.tolist()):
                candidates.append((written + (token,), log_p + (score,)))
        candidates.sort(key=lambda c: sum(c[1]), reverse=True)
        live = []
        for candidate in candidates[:beams]:
            (done if candidate[0][-1] == end_id else live).append(candidate)
    means = [(sum(log_p) / len(log_p), written) for written, log_p in done + live]
    return list(max(means)[1])
""",
        "with a heap, and dictionaries": """
import heapq

def beam_search(next_logits, start_id, end_id, longest, beams):
    live, finished = {(): 0.0}, {}
    for _ in range(longest):
        longer = {}
        for text, total in live.items():
            row = torch.log(torch.softmax(next_logits([start_id, *text]).double(), 0))
            for token in range(row.numel()):
                longer[text + (token,)] = total + row[token].item()
        live = {}
        for text in heapq.nlargest(beams, longer, key=longer.get):
            (finished if text[-1] == end_id else live)[text] = longer[text]
        if not live:
            break
    finished.update(live)
    return list(max(finished, key=lambda text: finished[text] / len(text)))
""",
        "by recursion": """
def beam_search(next_logits, start_id, end_id, longest, beams):
    def finish(texts, steps):
        live = [t for t in texts if not t[0] or t[0][-1] != end_id]
        done = [t for t in texts if t[0] and t[0][-1] == end_id]
        if steps == 0 or not live:
            return done + live
        longer = []
        for ids, total in live:
            logits = next_logits([start_id] + ids).tolist()
            top = max(logits)
            norm = top + math.log(sum(math.exp(x - top) for x in logits))
            longer += [(ids + [i], total + x - norm) for i, x in enumerate(logits)]
        longer.sort(key=lambda text: text[1])
        return done + finish(longer[::-1][:beams], steps - 1)
    def mean(text):
        return text[1] / len(text[0])
    return sorted(finish([([], 0.0)], longest), key=mean)[-1][0]
""",
        "an object for each text": """
from dataclasses import dataclass

@dataclass
class Text:
    ids: list
    total: float
    done: bool = False

    @property
    def mean(self):
        return self.total / (len(self.ids) - 1)

def beam_search(next_logits, start_id, end_id, longest, beams):
    texts, step = [Text([start_id], 0.0)], 0
    kept = []
    while texts and step < longest:
        step += 1
        candidates = []
        for text in texts:
            log_p = torch.nn.functional.log_softmax(next_logits(text.ids), dim=0)
            for token, gain in enumerate(log_p):
                ids = text.ids + [token]
                total = text.total + gain.item()
                candidates.append(Text(ids, total, token == end_id))
        candidates = sorted(candidates, key=lambda text: text.total, reverse=True)
        kept += [text for text in candidates[:beams] if text.done]
        texts = [text for text in candidates[:beams] if not text.done]
    return max(kept + texts, key=lambda text: text.mean).ids[1:]
""",
        "with NumPy, in products": """
import numpy as np

def beam_search(next_logits, start_id, end_id, longest, beams):
    beginnings, chances, done = [[start_id]], np.ones(1), []
    for _ in range(longest):
        if not beginnings:
            break
        rows = np.stack([next_logits(ids).double().softmax(-1).numpy() for ids in beginnings])
        table = chances[:, None] * rows
        order = np.argsort(-table, axis=None)[:beams]
        texts = []
        for text, token in zip(*np.unravel_index(order, table.shape)):
            texts.append((beginnings[text] + [int(token)], table[text, token]))
        done += [text for text in texts if text[0][-1] == end_id]
        left = [text for text in texts if text[0][-1] != end_id]
        beginnings, chances = [ids for ids, _ in left], np.array([p for _, p in left])
    done += list(zip(beginnings, chances))
    return max(done, key=lambda text: np.log(text[1]) / (len(text[0]) - 1))[0][1:]
""",
    },
    "nucleus": {
        "token by token": """
def nucleus(logits, p):
    probabilities = torch.softmax(logits, dim=0)
    kept, total = torch.zeros_like(probabilities), 0.0
    for token in probabilities.argsort(descending=True).tolist():
        kept[token] = probabilities[token]
        total += probabilities[token].item()
        if total >= p:
            break
    return kept / kept.sum()
""",
        "with topk, more and more": """
def nucleus(logits, p):
    probabilities = logits.softmax(-1)
    for k in range(1, len(logits) + 1):
        best = probabilities.topk(k)
        if k == len(logits) or best.values.sum() >= p:
            result = torch.zeros_like(logits)
            result[best.indices] = best.values / best.values.sum()
            return result
""",
        "from the least likely on": """
def nucleus(logits, p):
    ordered, order = torch.sort(logits, descending=False)
    out = ordered.softmax(-1).cumsum(-1) <= 1 - p
    out[-1] = False
    left = logits.clone()
    left[order[out]] = -float("inf")
    return left.softmax(-1)
""",
        "with NumPy": """
import numpy as np

def nucleus(logits, p):
    x = logits.numpy().astype(np.float64)
    e = np.exp(x - x.max())
    probabilities = e / e.sum()
    order = np.argsort(-probabilities)
    cut = np.searchsorted(np.cumsum(probabilities[order]), p) + 1
    kept = np.zeros_like(probabilities)
    kept[order[:cut]] = probabilities[order[:cut]]
    return torch.from_numpy(kept / kept.sum())
""",
        "by taking from a heap": """
import heapq

def nucleus(logits, p):
    top = float(logits.max())
    weights = [math.exp(float(x) - top) for x in logits]
    heap = [(-w, i) for i, w in enumerate(weights)]
    heapq.heapify(heap)
    left, kept = p * math.fsum(weights), {}
    while heap and (left > 0 or not kept):
        weight, token = heapq.heappop(heap)
        kept[token] = -weight
        left += weight
    total = math.fsum(kept.values())
    return torch.tensor([kept.get(i, 0.0) / total for i in range(len(weights))])
""",
    },
    "rouge_l": {
        "a whole table": """
def rouge_l(prediction, reference):
    a, b = prediction.lower().split(), reference.lower().split()
    if not a or not b:
        return 0.0
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            if a[i - 1] == b[j - 1]:
                table[i][j] = table[i - 1][j - 1] + 1
            else:
                table[i][j] = max(table[i - 1][j], table[i][j - 1])
    c = table[-1][-1]
    if c == 0:
        return 0.0
    precision, recall = c / len(a), c / len(b)
    return 2 * precision * recall / (precision + recall)
""",
        "remembered recursion": """
def rouge_l(prediction, reference):
    from functools import cache
    a, b = prediction.lower().split(), reference.lower().split()
    @cache
    def longest(i, j):
        if i == len(a) or j == len(b):
            return 0
        if a[i] == b[j]:
            return 1 + longest(i + 1, j + 1)
        return max(longest(i + 1, j), longest(i, j + 1))
    return 2 * longest(0, 0) / (len(a) + len(b) or 1)
""",
        "with NumPy": """
import numpy as np

def rouge_l(prediction, reference):
    ours, theirs = prediction.lower().split(), reference.lower().split()
    table = np.zeros((len(ours) + 1, len(theirs) + 1), dtype=int)
    for i, j in np.ndindex(len(ours), len(theirs)):
        equal = ours[i] == theirs[j]
        table[i + 1, j + 1] = table[i, j] + 1 if equal else max(table[i, j + 1], table[i + 1, j])
    c = table[-1, -1]
    return 0.0 if c == 0 else 2 / (len(ours) / c + len(theirs) / c)
""",
        "with the harmonic mean of statistics": """
import re
from statistics import harmonic_mean

def rouge_l(prediction, reference):
    a, b = (re.findall(r"\\S+", text.lower()) for text in (prediction, reference))
    if not (a and b):
        return 0
    row = [0] * (len(b) + 1)
    for word in a:
        diagonal = 0
        for j in range(len(b)):
            above = row[j + 1]
            row[j + 1] = diagonal + 1 if word == b[j] else max(above, row[j])
            diagonal = above
    return harmonic_mean([row[-1] / len(a), row[-1] / len(b)])
""",
        "by the edits that are left": """
def rouge_l(prediction, reference):
    a, b = prediction.lower().split(), reference.lower().split()
    reached, edits = {1: 0}, 0
    while True:
        for k in range(-edits, edits + 1, 2):
            down = k == -edits or (k != edits and reached[k - 1] < reached[k + 1])
            x = reached[k + 1] if down else reached[k - 1] + 1
            while x < len(a) and 0 <= x - k < len(b) and a[x] == b[x - k]:
                x += 1
            reached[k] = x
            if x >= len(a) and x - k >= len(b):
                total = len(a) + len(b)
                return (total - edits) / total if total else 0.0
        edits += 1
""",
        "by increasing places": """
from bisect import bisect_left

def rouge_l(prediction, reference):
    a, b = prediction.lower().split(), reference.lower().split()
    places = {}
    for j, word in enumerate(b):
        places.setdefault(word, []).insert(0, j)
    ends = []
    for word in a:
        for j in places.get(word, []):
            at = bisect_left(ends, j)
            ends[at : at + 1] = [j]
    if not ends:
        return 0.0
    p, r = len(ends) / len(a), len(ends) / len(b)
    return 2 * p * r / (p + r)
""",
        "naive recursion": """
def rouge_l(prediction, reference):
    def common(a, b):
        if not a or not b:
            return 0
        if a[-1] == b[-1]:
            return common(a[:-1], b[:-1]) + 1
        return max(common(a[:-1], b), common(a, b[:-1]))
    a, b = tuple(prediction.lower().split()), tuple(reference.lower().split())
    return 2 * common(a, b) / (len(a) + len(b)) if a and b else 0.0
""",
    },
}
