"""Right answers to the fine-tuning set, written differently."""

ALTERNATIVES = {
    "batches_by_length": {
        "by length and number": """
def batches_by_length(lengths, batch_size):
    pairs = sorted((-length, number) for number, length in enumerate(lengths))
    batches = []
    for place, (_, number) in enumerate(pairs):
        if place % batch_size == 0:
            batches.append([])
        batches[-1].append(number)
    return batches
""",
        "with a stable sort of tensors": """
def batches_by_length(lengths, batch_size):
    order = torch.tensor(lengths).sort(descending=True, stable=True).indices
    return [part.tolist() for part in order.split(batch_size)]
""",
    },
    "mean_pool": {
        "text by text": """
def mean_pool(hidden_states, attention_mask):
    pooled = torch.zeros(hidden_states.shape[0], hidden_states.shape[2])
    for i in range(len(hidden_states)):
        tokens = hidden_states[i][attention_mask[i] == 1]
        if len(tokens) > 0:
            pooled[i] = tokens.mean(dim=0)
    return pooled
""",
        "with where and einsum": """
def mean_pool(hidden_states, attention_mask):
    kept = torch.where(attention_mask[..., None] > 0, hidden_states, 0.0)
    share = attention_mask.double() / attention_mask.sum(1, keepdim=True).clamp(min=1)
    return torch.einsum("bld,bl->bd", kept.double(), share).float()
""",
    },
    "token_loss": {
        "only the tokens that are due": """
def token_loss(logits, labels):
    picked, wanted = logits[labels != -100], labels[labels != -100]
    if len(wanted) == 0:
        return logits.sum() * 0
    log_p = picked - picked.logsumexp(-1, keepdim=True)
    return -log_p[torch.arange(len(wanted)), wanted].mean()
""",
        "with one-hot labels": """
def token_loss(logits, labels):
    one_hot = F.one_hot(labels.clamp(min=0), logits.shape[-1])
    one_hot = one_hot * (labels >= 0).unsqueeze(-1)
    total = -(F.log_softmax(logits.double(), -1) * one_hot).sum()
    return total / max(1, int((labels >= 0).sum()))
""",
    },
    "learning_rate": {
        "the smaller of two lines": """
def learning_rate(step, total, warmup, peak):
    warmup = warmup or 1
    return peak * min(step / warmup, (total + 1 - step) / (total + 1 - warmup))
""",
        "down by equal steps": """
def learning_rate(step, total, warmup, peak):
    if warmup and step <= warmup:
        return step * (peak / warmup)
    start = warmup if warmup else 1
    return peak - (step - start) * peak / (total - start + 1)
""",
    },
    "freeze": {
        "by name": """
def freeze(model, top):
    lowest = len(model.layers) - top
    learning = 0
    for name, parameter in model.named_parameters():
        first, *rest = name.split(".")
        on = first == "head" or (first == "layers" and int(rest[0]) >= lowest)
        parameter.requires_grad_(on)
        learning += parameter.numel() if on else 0
    return learning
""",
        "a part at a time": """
def freeze(model, top):
    for p in model.embeddings.parameters():
        p.requires_grad = False
    for depth, layer in enumerate(reversed(model.layers)):
        for p in layer.parameters():
            p.requires_grad = depth < top
    for p in model.head.parameters():
        p.requires_grad = True
    return sum(p.requires_grad * p.numel() for p in model.parameters())
""",
    },
    "accumulate": {
        "means, weighed": """
def accumulate(model, inputs, labels, part_size):
    model.zero_grad(set_to_none=True)
    everything, total = int((labels != -100).sum()), 0.0
    for some, their in zip(inputs.split(part_size), labels.split(part_size)):
        due = int((their != -100).sum())
        if due == 0:
            continue
        loss = F.cross_entropy(model(some), their) * (due / everything)
        loss.backward()
        total += float(loss.detach())
    return total
""",
        "sums, divided at the end": """
def accumulate(model, inputs, labels, part_size):
    for p in model.parameters():
        p.grad = None
    total, count, start = 0.0, 0, 0
    while start < len(inputs):
        some, their = inputs[start : start + part_size], labels[start : start + part_size]
        keep = their != -100
        log_p = F.log_softmax(model(some), dim=-1)[keep]
        loss = -log_p.gather(1, their[keep][:, None]).sum()
        loss.backward()
        total, count = total + loss.item(), count + int(keep.sum())
        start += part_size
    for p in model.parameters():
        p.grad /= count
    return total / count
""",
    },
    "best_span": {
        "in two loops": """
def best_span(start, end, context, longest):
    best, found = None, (0, 0)
    for i in range(len(start)):
        for j in range(i, min(i + longest, len(end))):
            if context[i] and context[j]:
                score = (start[i] + end[j]).item()
                if best is None or score > best:
                    best, found = score, (i, j)
    if best is None or (start[0] + end[0]).item() > best:
        return (0, 0)
    return found
""",
        "end by end": """
def best_span(start, end, context, longest):
    start_in = start.masked_fill(~context, -math.inf)
    best, found = (start[0] + end[0]).item(), (0, 0)
    for last in torch.nonzero(context).flatten().tolist():
        low = max(0, last - longest + 1)
        first = low + int(start_in[low : last + 1].argmax())
        score = (start[first] + end[last]).item()
        if score >= best and context[first]:
            best, found = score, (first, last)
    return found
""",
    },
}
