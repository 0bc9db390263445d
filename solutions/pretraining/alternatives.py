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
    },
}
