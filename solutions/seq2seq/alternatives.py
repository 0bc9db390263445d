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
        "by a threshold": """
def nucleus(logits, p):
    probabilities = logits.double().softmax(-1)
    ordered = probabilities.sort(descending=True).values
    needed = int((ordered.cumsum(0) < p).sum())
    least = ordered[min(needed, len(ordered) - 1)]
    masked = logits.double().masked_fill(probabilities < least, -math.inf)
    return masked.softmax(-1)
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
    },
}
