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
    return [part.tolist() for part in order.split(batch_size) if len(part)]
""",
        "in buckets of one length": """
def batches_by_length(lengths, batch_size):
    from collections import defaultdict
    texts = defaultdict(list)
    for number, length in enumerate(lengths):
        texts[length].append(number)
    left = [number for length in sorted(texts, reverse=True) for number in texts[length]]
    batches = []
    while left:
        batches.append(left[:batch_size])
        del left[:batch_size]
    return batches
""",
        "with lexsort and cuts": """
import numpy as np

def batches_by_length(lengths, batch_size):
    if not len(lengths):
        return []
    order = np.lexsort((np.arange(len(lengths)), -np.array(lengths)))
    cuts = range(batch_size, len(order), batch_size)
    return [part.tolist() for part in np.split(order, cuts)]
""",
        "a heap, in tuples": """
import heapq

def batches_by_length(lengths, batch_size):
    heap = [(-length, number) for number, length in enumerate(lengths)]
    heapq.heapify(heap)
    batches = []
    while heap:
        some = range(min(batch_size, len(heap)))
        batches.append(tuple(heapq.heappop(heap)[1] for _ in some))
    return tuple(batches)
""",
        "with pandas": """
import pandas as pd

def batches_by_length(lengths, batch_size):
    column = pd.Series(lengths, dtype=int)
    order = list(column.sort_values(ascending=False, kind="stable").index)
    return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
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
        "with sums of matrices": """
def mean_pool(hidden_states, attention_mask):
    seen = attention_mask.bool()[..., None]
    clean = torch.where(seen, hidden_states, torch.zeros_like(hidden_states))
    share = attention_mask.to(clean.dtype)[:, None, :]
    total = torch.bmm(share, clean)[:, 0]
    count = share.sum(-1)
    return torch.where(count > 0, total / count.clamp(min=1), torch.zeros_like(total))
""",
        "with nanmean": """
def mean_pool(hidden_states, attention_mask):
    gaps = hidden_states.masked_fill(attention_mask[:, :, None] == 0, float("nan"))
    return gaps.nanmean(1).nan_to_num(0.0)
""",
        "in NumPy": """
import numpy as np

def mean_pool(hidden_states, attention_mask):
    seen = attention_mask.numpy().astype(bool)
    rows = [
        row[kept].mean(0) if kept.any() else np.zeros(row.shape[-1])
        for row, kept in zip(hidden_states.numpy(), seen)
    ]
    return torch.tensor(np.stack(rows), dtype=torch.float64)
""",
        "added up by text": """
def mean_pool(hidden_states, attention_mask):
    text, place = attention_mask.nonzero(as_tuple=True)
    total = hidden_states.new_zeros(hidden_states.size(0), hidden_states.size(2))
    total.index_add_(0, text, hidden_states[text, place])
    count = torch.bincount(text, minlength=len(total)).clamp(min=1)
    return total / count[:, None]
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
        "text by text": """
def token_loss(logits, labels):
    total, count = logits.sum() * 0, 0
    for text, wanted in zip(logits, labels):
        for token, label in zip(text, wanted.tolist()):
            if label != -100:
                total = total + torch.logsumexp(token, 0) - token[label]
                count += 1
    return total / count if count else total
""",
        "shifted by the maximum": """
def token_loss(logits, labels):
    due = labels.ne(-100)
    flat, wanted = logits[due].double(), labels[due]
    if not len(wanted):
        return torch.zeros((), requires_grad=True)
    low = flat - flat.amax(-1, keepdim=True)
    log_p = low - low.exp().sum(-1, keepdim=True).log()
    return -log_p.gather(-1, wanted[:, None]).squeeze(-1).mean()
""",
        "with a matrix of shares": """
def token_loss(logits, labels):
    classes = torch.arange(logits.size(-1))
    wanted = (labels[..., None] == classes).to(logits.dtype)
    share = wanted / wanted.sum().clamp(min=1)
    return -torch.einsum("blc,blc->", F.log_softmax(logits, 2), share)
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
        "between three points": """
import numpy as np

def learning_rate(step, total, warmup, peak):
    if warmup == 0:
        return np.interp(step, [1, total + 1], [peak, 0.0])
    return np.interp(step, [0, warmup, total + 1], [0.0, peak, 0.0])
""",
        "step by step": """
def learning_rate(step, total, warmup, peak):
    rate = peak if not warmup else 0.0
    for now in range(1, step + 1):
        if now <= warmup:
            rate += peak / warmup
        elif now > 1:
            rate -= peak / (total + 1 - max(1, warmup))
    return rate
""",
        "as a tensor": """
def learning_rate(step, total, warmup, peak):
    step, top = torch.tensor(float(step)), max(warmup, 1)
    down = (total + 1 - step) / (total + 1 - top)
    return torch.where(step < top, step / top, down) * peak
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
    for p in model.parameters():
        p.requires_grad = False
    for depth, layer in enumerate(reversed(model.layers)):
        for p in layer.parameters():
            p.requires_grad = depth < top
    for p in model.head.parameters():
        p.requires_grad = True
    return sum(p.requires_grad * p.numel() for p in model.parameters())
""",
        "by identity": """
def freeze(model, top):
    learning = list(model.head.parameters())
    for place in range(len(model.layers) - top, len(model.layers)):
        learning += model.layers[place].parameters()
    chosen = {id(p) for p in learning}
    for p in model.parameters():
        p.requires_grad = id(p) in chosen
    return sum(p.numel() for p in learning)
""",
        "as one list": """
def freeze(model, top):
    upper = [] if top == 0 else list(model.layers)[-top:]
    model.requires_grad_(False)
    group = nn.ModuleList([*upper, model.head]).requires_grad_(True)
    return sum(math.prod(p.shape) for p in group.parameters())
""",
        "child by child": """
def freeze(model, top):
    def switch(module, on):
        for p in module.parameters():
            p.requires_grad_(on)
        return sum(p.numel() for p in module.parameters()) if on else 0

    count = 0
    for name, child in model.named_children():
        if name != "layers":
            count += switch(child, name == "head")
            continue
        for height, layer in enumerate(child, start=1):
            count += switch(layer, height > len(child) - top)
    return count
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
        "its own weights": """
def accumulate(model, inputs, labels, part_size):
    for p in model.parameters():
        p.grad = None
    weights = labels.ne(-100).double()
    weights = weights / weights.sum()
    losses = []
    for places in torch.arange(len(labels)).split(part_size):
        each = F.cross_entropy(model(inputs[places]), labels[places], reduction="none")
        loss = (each * weights[places]).sum()
        loss.backward()
        losses.append(loss.item())
    return math.fsum(losses)
""",
        "one at a time": """
def accumulate(model, inputs, labels, part_size):
    model.zero_grad()
    counted = sum(1 for label in labels.tolist() if label != -100)
    total = 0.0
    for example, label in zip(inputs, labels.tolist()):
        if label == -100:
            continue
        loss = -model(example[None]).log_softmax(-1)[0, label] / counted
        loss.backward()
        total += loss.item()
    return total
""",
        "with an optimizer that only clears": """
def accumulate(model, inputs, labels, part_size):
    torch.optim.SGD(model.parameters(), lr=0.1).zero_grad()
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(inputs, labels), batch_size=part_size
    )
    criterion = nn.CrossEntropyLoss(reduction="sum")
    losses = []
    for some, their in loader:
        loss = criterion(model(some), their).div(labels.ne(-100).sum())
        loss.backward()
        losses.append(loss.detach())
    return torch.stack(losses).sum().item()
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
        "sorted by score": """
def best_span(start, end, context, longest):
    inside = [i for i, there in enumerate(context.tolist()) if there]
    begin, stop = start.tolist(), end.tolist()
    spans = [(i, j) for i in inside for j in inside if 0 <= j - i < longest]
    spans.sort(key=lambda span: begin[span[0]] + stop[span[1]], reverse=True)
    if not spans:
        return 0, 0
    first, last = spans[0]
    return (0, 0) if begin[0] + stop[0] > begin[first] + stop[last] else (first, last)
""",
        "diagonal by diagonal": """
def best_span(start, end, context, longest):
    lost = torch.tensor(-math.inf, dtype=torch.float64)
    start_in = torch.where(context, start.double(), lost)
    end_in = torch.where(context, end.double(), lost)
    none = (start.double()[0] + end.double()[0]).item()
    best, found = -math.inf, [0, 0]
    for wide in range(min(longest, len(start))):
        scores = start_in[: len(start) - wide] + end_in[wide:]
        place = int(scores.argmax())
        if scores[place] > best:
            best, found = scores[place].item(), [place, place + wide]
    return [0, 0] if none > best else found
""",
        "in NumPy": """
import numpy as np

def best_span(start, end, context, longest):
    s, e, c = (np.asarray(x) for x in (start, end, context))
    i, j = np.indices((len(s), len(s)))
    ok = c[i] & c[j] & (i <= j) & (j < i + longest)
    if not ok.any():
        return 0, 0
    total = np.where(ok, s[i] + e[j], -np.inf)
    first, last = np.unravel_index(total.argmax(), total.shape)
    if s[0] + e[0] > total.max():
        return 0, 0
    return first, last
""",
        "inside the context": """
def best_span(start, end, context, longest):
    places = context.nonzero().flatten()
    if len(places) == 0:
        return (0, 0)
    table = start[places].unsqueeze(1) + end[places].unsqueeze(0)
    gap = places.unsqueeze(0) - places.unsqueeze(1)
    table[(gap < 0) | (gap >= longest)] = -torch.inf
    if table.max() < start[0] + end[0]:
        return (0, 0)
    row, column = divmod(table.argmax().item(), len(places))
    return places[row].item(), places[column].item()
""",
    },
}
