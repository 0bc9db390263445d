"""Right answers to the pretraining set, written differently."""

ALTERNATIVES = {
    "mask_tokens": {
        "in place, on copies": """
def mask_tokens(input_ids, special, lot, change, random_ids, mask_id, rate=0.15):
    due = torch.logical_and(lot < rate, torch.logical_not(special.bool()))
    reads, labels = input_ids.clone(), input_ids.clone()
    labels[~due] = -100
    other = due & (change >= 0.8) & (change < 0.9)
    reads[other] = random_ids[other]
    reads[due & (change < 0.8)] = mask_id
    return reads, labels
""",
        "with arithmetic": """
def mask_tokens(input_ids, special, lot, change, random_ids, mask_id, rate=0.15):
    due = (lot < rate).long() * (1 - special)
    masked = due * (change < 0.8).long()
    swapped = due * (change < 0.9).long() - masked
    reads = input_ids * (1 - masked - swapped) + mask_id * masked + random_ids * swapped
    return reads, input_ids * due - 100 * (1 - due)
""",
        "place by place": """
def mask_tokens(input_ids, special, lot, change, random_ids, mask_id, rate=0.15):
    reads = [[*row] for row in input_ids.tolist()]
    labels = [[-100] * len(row) for row in reads]
    for i, row in enumerate(input_ids.tolist()):
        for j, token in enumerate(row):
            if special[i, j] or lot[i, j] >= rate:
                continue
            labels[i][j] = token
            if change[i][j].item() < 0.8:
                reads[i][j] = mask_id
            elif change[i][j].item() < 0.9:
                reads[i][j] = int(random_ids[i, j])
    return torch.tensor(reads), torch.tensor(labels)
""",
        "in NumPy": """
import numpy as np

def mask_tokens(input_ids, special, lot, change, random_ids, mask_id, rate=0.15):
    ids, luck = input_ids.numpy(), change.numpy()
    chosen = np.less(lot.numpy(), rate) & (special.numpy() == 0)
    masks = np.full_like(ids, mask_id)
    fate = np.select([luck < 0.8, luck < 0.9], [masks, random_ids], ids)
    reads = np.where(chosen, fate, ids)
    return torch.from_numpy(reads), torch.from_numpy(np.where(chosen, ids, -100))
""",
        "by buckets, 32-bit integers": """
def mask_tokens(input_ids, special, lot, change, random_ids, mask_id, rate=0.15):
    edges = torch.tensor([0.8, 0.9], dtype=change.dtype)
    fate = torch.bucketize(change, edges, right=True)
    fate[(lot >= rate) | (special > 0)] = 3
    masks = torch.full_like(input_ids, mask_id)
    ways = torch.stack([masks, random_ids, input_ids, input_ids])
    reads = ways.gather(0, fate[None])[0]
    nothing = torch.full_like(input_ids, -100)
    due = torch.stack([input_ids] * 3 + [nothing]).gather(0, fate[None])[0]
    return [reads.to(torch.int32), due.to(torch.int32)]
""",
        "by index, the numbers made single": """
def mask_tokens(input_ids, special, lot, change, random_ids, mask_id, rate=0.15):
    lot, change = lot.float(), change.float()
    rows, columns = ((lot < rate) & ~special.bool()).nonzero(as_tuple=True)
    reads, labels = input_ids.clone(), input_ids.new_full(input_ids.shape, -100)
    labels[rows, columns] = input_ids[rows, columns]
    luck = change[rows, columns]
    masked, random = luck < 0.8, (luck >= 0.8) & (luck < 0.9)
    reads.index_put_((rows[masked], columns[masked]), torch.tensor(mask_id))
    reads[rows[random], columns[random]] = random_ids[rows[random], columns[random]]
    return reads, labels
""",
    },
    "next_token_loss": {
        "from log_softmax, gathered": """
def next_token_loss(logits, labels):
    log_p = logits.double().log_softmax(-1)[:, :-1]
    due = labels[:, 1:] != -100
    picked = log_p.gather(-1, labels[:, 1:].clamp(min=0).unsqueeze(-1)).squeeze(-1)
    return -(picked * due).sum() / due.sum()
""",
        "text by text": """
def next_token_loss(logits, labels):
    total, count = 0.0, 0
    for text, said in zip(logits, labels):
        for before, token in zip(text[:-1], said[1:].tolist()):
            if token >= 0:
                total = total + before.logsumexp(-1) - before[token]
                count += 1
    return total / count
""",
        "shifted labels, and none due at the end": """
def next_token_loss(logits, labels):
    shifted = F.pad(labels, (0, 1), value=-100)[:, 1:]
    return F.cross_entropy(logits.transpose(1, 2), shifted)
""",
        "one-hot and einsum": """
def next_token_loss(logits, labels):
    due = (labels[:, 1:] != -100).double()
    hot = F.one_hot(labels[:, 1:].clamp(min=0), logits.size(-1)).double()
    log_p = torch.log_softmax(logits[:, :-1].double(), -1)
    return -torch.einsum("btv,btv,bt->", hot, log_p, due) / due.sum()
""",
        "the sum over the number": """
def next_token_loss(logits, labels):
    wanted = labels[:, 1:].reshape(-1)
    scores = logits[:, :-1, :].reshape(wanted.numel(), -1)
    kept = wanted.ge(0)
    log_p = scores[kept].log_softmax(1)
    return F.nll_loss(log_p, wanted[kept], reduction="sum") / sum(kept)
""",
        "each text by itself, weighed": """
def next_token_loss(logits, labels):
    losses, counts = [], []
    for text, said in zip(logits, labels):
        due = said[1:] != -100
        if due.any():
            losses.append(F.cross_entropy(text[:-1][due], said[1:][due]))
            counts.append(due.sum())
    counts = torch.stack(counts)
    return (torch.stack(losses) * counts).sum() / counts.sum()
""",
    },
    "perplexity": {
        "as a product of roots": """
def perplexity(losses, tokens):
    everything = sum(tokens)
    result = 1.0
    for loss, count in zip(losses, tokens):
        result *= math.e ** (loss * count / everything)
    return result
""",
        "as a weighted mean of tensors": """
def perplexity(losses, tokens):
    weights = torch.tensor(tokens, dtype=torch.double)
    mean = (torch.tensor(losses, dtype=torch.double) * weights).sum() / weights.sum()
    return mean.exp().item()
""",
        "in NumPy": """
import numpy as np

def perplexity(losses, tokens):
    return float(np.exp(np.average(losses, weights=tokens)))
""",
        "every token on its own": """
def perplexity(losses, tokens):
    each = [loss for loss, count in zip(losses, tokens) for _ in range(count)]
    return math.exp(math.fsum(each) / len(each))
""",
        "a running mean": """
def perplexity(losses, tokens):
    mean = seen = 0
    for i in range(len(losses)):
        seen += tokens[i]
        mean += (losses[i] - mean) * tokens[i] / seen
    return math.exp(mean)
""",
        "in bits, a tensor": """
def perplexity(losses, tokens):
    bits = torch.tensor(losses) / math.log(2)
    counts = torch.tensor(tokens, dtype=torch.float)
    return 2 ** (bits @ counts / counts.sum())
""",
    },
    "bits_per_byte": {
        "by log2": """
def bits_per_byte(loss, tokens, text):
    bits_per_token = math.log2(math.exp(loss))
    return bits_per_token * tokens / len(bytes(text, "utf8"))
""",
        "bytes of each letter": """
def bits_per_byte(loss, tokens, text):
    size = sum(len(letter.encode()) for letter in text)
    return tokens / size * loss / 0.6931471805599453
""",
        "bytes told by their letters' numbers": """
def bits_per_byte(loss, tokens, text):
    size = 0
    for letter in text:
        number = ord(letter)
        size += 1 + (number >= 0x80) + (number >= 0x800) + (number >= 0x10000)
    return loss * tokens / size * math.log2(math.e)
""",
        "by the perplexity of a byte": """
def bits_per_byte(loss, tokens, text):
    return math.log(math.exp(loss * tokens / len(bytearray(text, "utf-8"))), 2)
""",
        "in NumPy": """
import numpy as np

def bits_per_byte(loss, tokens, text):
    raw = np.frombuffer(text.encode(), dtype=np.uint8)
    return np.float64(loss) * tokens / raw.size / np.log(2.0)
""",
    },
    "corrupt_spans": {
        "token by token": """
def corrupt_spans(tokens, spans, first_sentinel, eos_id):
    reads, writes, cut = [], [], 0
    for i, token in enumerate(tokens):
        if cut < len(spans) and i >= spans[cut][1]:
            cut += 1
        inside = cut < len(spans) and spans[cut][0] <= i
        if inside and i == spans[cut][0]:
            reads.append(first_sentinel - cut)
            writes.append(first_sentinel - cut)
        (writes if inside else reads).append(token)
    return reads + [eos_id], writes + [first_sentinel - len(spans), eos_id]
""",
        "from the back, by slices": """
def corrupt_spans(tokens, spans, first_sentinel, eos_id):
    reads = list(tokens)
    writes = []
    for n in reversed(range(len(spans))):
        start, end = spans[n]
        reads[start:end] = [first_sentinel - n]
        writes = [first_sentinel - n] + list(tokens[start:end]) + writes
    writes.append(first_sentinel - len(spans))
    return reads + [eos_id], writes + [eos_id]
""",
        "from the sorted edges": """
def corrupt_spans(tokens, spans, first_sentinel, eos_id):
    edges = [0, *[edge for span in spans for edge in span], len(tokens)]
    pieces = [list(tokens[a:b]) for a, b in zip(edges, edges[1:])]
    kept, cut = pieces[::2], pieces[1::2]
    reads, writes = kept[0], []
    for n in range(len(cut)):
        reads = reads + [first_sentinel - n] + kept[n + 1]
        writes = writes + [first_sentinel - n] + cut[n]
    return reads + [eos_id], writes + [first_sentinel - len(cut), eos_id]
""",
        "by recursion": """
def corrupt_spans(tokens, spans, first_sentinel, eos_id):
    def go(position, left, sentinel):
        if not left:
            return list(tokens[position:]) + [eos_id], [sentinel, eos_id]
        (start, end), *others = left
        reads, writes = go(end, others, sentinel - 1)
        cut = list(tokens[start:end])
        return [*tokens[position:start], sentinel, *reads], [sentinel, *cut, *writes]

    return go(0, list(spans), first_sentinel)
""",
        "in NumPy": """
import numpy as np

def corrupt_spans(tokens, spans, first_sentinel, eos_id):
    ids = np.array(tokens, dtype=int)
    number = np.full(len(tokens), -1)
    for n, (start, end) in enumerate(spans):
        number[start:end] = n
    starts = [start for start, _ in spans]
    reads = ids.copy()
    reads[starts] = first_sentinel - np.arange(len(spans), dtype=int)
    first = np.zeros(len(tokens), dtype=bool)
    first[starts] = True
    reads = reads[(number < 0) | first]
    writes = []
    for n in range(len(spans)):
        writes.extend([first_sentinel - n, *ids[number == n]])
    return (*reads, eos_id), (*writes, first_sentinel - len(spans), eos_id)
""",
        "an iterator of sentinels": """
from itertools import count

def corrupt_spans(tokens, spans, first_sentinel, eos_id):
    sentinels = count(first_sentinel, -1)
    left, reads, writes = list(map(tuple, spans)), [], []
    i = 0
    while i < len(tokens):
        if left and i == left[0][0]:
            start, end = left.pop(0)
            sentinel = next(sentinels)
            reads.append(sentinel)
            writes.append(sentinel)
            writes.extend(tokens[start:end])
            i = end
        else:
            reads.append(tokens[i])
            i += 1
    return reads + [eos_id], writes + [next(sentinels), eos_id]
""",
    },
    "put_back": {
        "looked up in the answer": """
def put_back(reads, writes, first_sentinel, eos_id):
    def special(token):
        return 0 <= first_sentinel - token < 100
    text = []
    for token in reads:
        if token == eos_id:
            continue
        if not special(token) or token not in writes:
            text.append(token)
            continue
        for following in writes[writes.index(token) + 1 :]:
            if special(following) or following == eos_id:
                break
            text.append(following)
    return text
""",
        "the answer cut at its sentinels": """
def put_back(reads, writes, first_sentinel, eos_id):
    words = [token for token in writes if token != eos_id]
    special = range(first_sentinel - 99, first_sentinel + 1)
    cuts = [i for i, t in enumerate(words) if t in special]
    spans = {words[i]: words[i + 1 : j] for i, j in zip(cuts, cuts[1:] + [len(words)])}
    text = []
    for token in reads:
        text.extend(spans.get(token, [token]))
    return [token for token in text if token != eos_id]
""",
        "by recursion, and slices": """
def put_back(reads, writes, first_sentinel, eos_id):
    def is_sentinel(token):
        return first_sentinel - 100 < token < first_sentinel + 1

    def spans_of(ids):
        if not ids:
            return {}
        rest = next((i for i, t in enumerate(ids[1:], 1) if is_sentinel(t)), len(ids))
        found = {ids[0]: ids[1:rest]} if is_sentinel(ids[0]) else {}
        return found | spans_of(ids[rest:])

    spans = spans_of([t for t in writes if t != eos_id])
    text = [t for t in reads if t != eos_id]
    return sum((spans.get(t, [t]) if is_sentinel(t) else [t] for t in text), [])
""",
        "place after place in the text": """
def put_back(reads, writes, first_sentinel, eos_id):
    text = list(reads)
    if eos_id in text:
        text.remove(eos_id)
    places = [i for i, t in enumerate(writes) if 0 <= first_sentinel - t <= 99]
    for i in places:
        if writes[i] in text:
            end = i + 1
            while end < len(writes) and end not in places and writes[end] != eos_id:
                end += 1
            at = text.index(writes[i])
            text[at : at + 1] = writes[i + 1 : end]
    return text
""",
        "in NumPy": """
import numpy as np

def put_back(reads, writes, first_sentinel, eos_id):
    said = np.array([t for t in writes if t != eos_id], dtype=np.int64)
    at = np.flatnonzero((said > first_sentinel - 100) & (said <= first_sentinel))
    parts = np.split(said, at)[1:]
    spans = {int(part[0]): part[1:] for part in parts}
    kept = [spans.get(t, np.array([t])) for t in reads if t != eos_id]
    return np.concatenate([np.array([], dtype=np.int64), *kept]).tolist()
""",
        "grouped": """
from itertools import takewhile

def put_back(reads, writes, first_sentinel, eos_id):
    sentinels = {*range(first_sentinel - 99, first_sentinel + 1)}
    stop = sentinels | {eos_id}
    text = []
    for token in reads[:-1]:
        if token in sentinels and token in writes:
            after = writes[writes.index(token) + 1 :]
            text += takewhile(lambda t: t not in stop, after)
        else:
            text += [token]
    return text
""",
    },
}
