"""Right answers to the decoder set, written differently."""

ALTERNATIVES = {
    "rms_norm": {
        "as transformers does it": """
def rms_norm(hidden_states, weight, eps=1e-5):
    input_dtype = hidden_states.dtype
    hidden_states = hidden_states.to(torch.float32)
    variance = hidden_states.pow(2).mean(-1, keepdim=True)
    hidden_states = hidden_states * torch.rsqrt(variance + eps)
    return weight * hidden_states.to(input_dtype)
""",
        "by the length of the vectors": """
def rms_norm(hidden_states, weight, eps=1e-5):
    x = hidden_states.to(torch.float64)
    d = x.shape[-1]
    length = torch.sqrt((x * x).sum(dim=-1, keepdim=True) + d * eps)
    y = math.sqrt(d) * x / length * weight.double()
    return y.type_as(hidden_states)
""",
        "with einsum": """
def rms_norm(hidden_states, weight, eps=1e-5):
    x = hidden_states.float()
    squares = torch.einsum("...d,...d->...", x, x) / x.size(-1)
    y = torch.einsum("...d,...,d->...d", x, (squares + eps) ** -0.5, weight.float())
    return y.to(hidden_states.dtype)
""",
        "with NumPy": """
import numpy as np

def rms_norm(hidden_states, weight, eps=1e-5):
    x = hidden_states.numpy().astype(np.float32)
    root = np.sqrt(np.mean(np.square(x), axis=-1, keepdims=True) + eps)
    y = x / root * weight.numpy().astype(np.float32)
    return torch.from_numpy(y.astype(hidden_states.numpy().dtype))
""",
        "vector by vector": """
def rms_norm(hidden_states, weight, eps=1e-5):
    rows = []
    for x in hidden_states.reshape(-1, hidden_states.shape[-1]).tolist():
        rms = math.sqrt(sum(n * n for n in x) / len(x) + eps)
        rows.append([n / rms * w for n, w in zip(x, weight.tolist())])
    rows = torch.tensor(rows, dtype=hidden_states.dtype)
    return rows.view(hidden_states.shape)
""",
        "in place, on a copy": """
def rms_norm(hidden_states, weight, eps=1e-5):
    x = hidden_states.clone().float()
    rms = x.square().mean(-1, keepdim=True).add_(eps).sqrt_()
    x.div_(rms).mul_(weight)
    return x.type(hidden_states.dtype)
""",
        "by layer normalisation of x and -x, whose mean is 0": """
def rms_norm(hidden_states, weight, eps=1e-5):
    x = hidden_states.float()
    both = torch.cat([x, -x], dim=-1)
    y = F.layer_norm(both, both.shape[-1:], eps=eps)[..., : x.shape[-1]]
    return (y * weight.float()).to(hidden_states.dtype)
""",
    },
    "rotate": {
        "as transformers does it": """
def rotate_half(x):
    x1 = x[..., : x.shape[-1] // 2]
    x2 = x[..., x.shape[-1] // 2 :]
    return torch.cat((-x2, x1), dim=-1)

def rotate(vectors, positions, base=10_000.0):
    dim = vectors.shape[-1]
    inv_freq = 1.0 / (base ** (torch.arange(0, dim, 2, dtype=torch.float) / dim))
    freqs = positions[..., None].float() * inv_freq
    emb = torch.cat((freqs, freqs), dim=-1)
    cos, sin = emb.cos().unsqueeze(1), emb.sin().unsqueeze(1)
    return vectors * cos + rotate_half(vectors) * sin
""",
        "with complex numbers": """
def rotate(vectors, positions, base=10_000.0):
    d = vectors.shape[-1]
    powers = torch.arange(0, d, 2, dtype=torch.float64) / d
    angles = torch.einsum("bn,i->bni", positions.double(), base ** -powers)
    pairs = torch.stack(vectors.double().chunk(2, dim=-1), dim=-1)
    turned = torch.view_as_complex(pairs) * torch.exp(1j * angles)[:, None]
    return torch.cat([turned.real, turned.imag], dim=-1).to(vectors.dtype)
""",
        "with a matrix for each token": """
def rotate(vectors, positions, base=10_000.0):
    batch, heads, length, d = vectors.shape
    angles = positions.double().unsqueeze(-1) * torch.logspace(
        0, -(d - 2) / d, d // 2, base=float(base), dtype=torch.float64
    )
    matrix = torch.zeros(batch, length, d, d, dtype=torch.float64)
    a, b = torch.arange(d // 2), torch.arange(d // 2) + d // 2
    matrix[..., a, a] = matrix[..., b, b] = angles.cos()
    matrix[..., a, b] = -angles.sin()
    matrix[..., b, a] = angles.sin()
    return torch.einsum("bnij,bhnj->bhni", matrix, vectors.double())
""",
        "number by number": """
def rotate(vectors, positions, base=10_000.0):
    result = torch.empty_like(vectors)
    batch, heads, length, d = vectors.shape
    for text in range(batch):
        for token in range(length):
            where = int(positions[text, token])
            for i in range(d // 2):
                theta = where * base ** (-2 * i / d)
                a, b = vectors[text, :, token, i], vectors[text, :, token, i + d // 2]
                result[text, :, token, i] = a * math.cos(theta) - b * math.sin(theta)
                result[text, :, token, i + d // 2] = (
                    a * math.sin(theta) + b * math.cos(theta)
                )
    return result
""",
        "with NumPy": """
import numpy as np

def rotate(vectors, positions, base=10_000.0):
    x = vectors.numpy()
    half = x.shape[-1] // 2
    theta = positions.numpy()[:, np.newaxis, :, np.newaxis] / base ** (np.arange(half) / half)
    y = np.empty_like(x)
    y[..., :half] = x[..., :half] * np.cos(theta) - x[..., half:] * np.sin(theta)
    y[..., half:] = x[..., :half] * np.sin(theta) + x[..., half:] * np.cos(theta)
    return torch.from_numpy(y)
""",
        "a table of all positions, looked up": """
def rotate(vectors, positions, base=10_000.0):
    half = vectors.shape[-1] // 2
    speeds = torch.exp(-math.log(base) * torch.arange(half, dtype=torch.float64) / half)
    table = torch.outer(torch.arange(int(positions.max()) + 1).double(), speeds)
    cos = table.cos().float()[positions].unsqueeze(1)
    sin = table.sin().float()[positions].unsqueeze(1)
    out = vectors.clone()
    out[..., :half] = vectors[..., :half] * cos
    out[..., :half] -= vectors[..., half:] * sin
    out[..., half:] = torch.addcmul(vectors[..., half:] * cos, vectors[..., :half], sin)
    return out
""",
        "a text at a time": """
def rotate(vectors, positions, base=10_000.0):
    texts = []
    for text, where in zip(vectors, positions):
        first, second = text.tensor_split(2, dim=-1)
        steps = torch.linspace(0, 1, first.shape[-1] + 1)[:-1]
        angle = where[:, None] * torch.pow(torch.tensor(float(base)), -steps)
        cos, sin = torch.cos(angle), torch.sin(angle)
        texts.append(torch.hstack([
            (first * cos - second * sin).movedim(-1, 1),
            (second * cos + first * sin).movedim(-1, 1),
        ]).movedim(1, -1))
    return torch.stack(texts)
""",
    },
    "swiglu": {
        "with F.silu": """
def swiglu(hidden_states, w_gate, w_up, w_down):
    gate = F.silu(hidden_states @ w_gate.T)
    return (gate * (hidden_states @ w_up.T)) @ w_down.T
""",
        "both maps in one, in double precision": """
def swiglu(hidden_states, w_gate, w_up, w_down):
    both = hidden_states.double() @ torch.cat([w_gate, w_up]).double().mT
    z, up = both.chunk(2, dim=-1)
    return ((z / (1 + torch.exp(-z))) * up @ w_down.double().mT).float()
""",
        "with einsum": """
def swiglu(hidden_states, w_gate, w_up, w_down):
    z = torch.einsum("...m,fm->...f", hidden_states, w_gate)
    up = torch.einsum("...m,fm->...f", hidden_states, w_up)
    return torch.einsum("...f,...f,...f,mf->...m", z, torch.sigmoid(z), up, w_down)
""",
        "with NumPy": """
import numpy as np

def swiglu(hidden_states, w_gate, w_up, w_down):
    x, gate, up, down = (np.asarray(t) for t in (hidden_states, w_gate, w_up, w_down))
    z = x @ gate.T
    with np.errstate(over="ignore"):
        hidden = z / (1 + np.exp(-z)) * (x @ up.T)
    return torch.from_numpy(np.asarray(hidden @ down.T))
""",
        "with nn.Linear": """
def swiglu(hidden_states, w_gate, w_up, w_down):
    def linear(weight):
        layer = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False)
        layer.weight = torch.nn.Parameter(weight, requires_grad=False)
        return layer

    gate, up, down = map(linear, (w_gate, w_up, w_down))
    act = torch.nn.SiLU()
    return down(act(gate(hidden_states)) * up(hidden_states))
""",
        "with tanh": """
def swiglu(hidden_states, w_gate, w_up, w_down):
    half = F.linear(hidden_states, w_gate).div(2)
    passes = half + half * half.tanh()
    return F.linear(F.linear(hidden_states, w_up).mul(passes), w_down)
""",
        "vector by vector": """
def swiglu(hidden_states, w_gate, w_up, w_down):
    rows = []
    for x in hidden_states.reshape(-1, hidden_states.shape[-1]):
        z = w_gate.mv(x)
        rows.append(w_down.mv(torch.where(z > -80, z * z.sigmoid(), 0.0) * w_up.mv(x)))
    return torch.stack(rows).reshape(hidden_states.shape)
""",
    },
    "grouped_query_attention": {
        "the groups as a dimension of their own": """
def grouped_query_attention(query, key, value):
    groups, keys, queries = key.shape[1], key.shape[2], query.shape[2]
    q = query.unflatten(1, (groups, -1))
    scores = torch.einsum("bgsqd,bgkd->bgsqk", q, key) * q.shape[-1] ** -0.5
    where = torch.arange(keys - queries, keys)
    scores = scores.where(torch.arange(keys) <= where[:, None], -torch.inf)
    mixed = torch.einsum("bgsqk,bgkd->bgsqd", torch.softmax(scores, -1), value)
    return mixed.flatten(1, 2)
""",
        "a head at a time": """
def grouped_query_attention(query, key, value):
    heads, groups = query.shape[1], key.shape[1]
    results = []
    for head in range(heads):
        group = head // (heads // groups)
        k, v = key[:, group], value[:, group]
        scores = (query[:, head] @ k.transpose(1, 2)) / math.sqrt(query.shape[3])
        future = torch.ones_like(scores[0]).triu(k.shape[1] - scores.shape[1] + 1) > 0
        results.append(F.softmax(scores.masked_fill(future, -float("inf")), 2) @ v)
    return torch.stack(results, dim=1)
""",
        "with expand, and a mask that is added": """
def grouped_query_attention(query, key, value):
    batch, heads, queries, d_k = query.shape
    groups, keys = key.shape[1:3]
    n = heads // groups
    k = key[:, :, None].expand(batch, groups, n, keys, d_k).reshape(batch, heads, keys, d_k)
    v = value[:, :, None].expand(-1, -1, n, -1, -1).reshape(batch, heads, keys, -1)
    mask = torch.full((queries, keys), float("-inf")).triu(keys - queries + 1)
    weights = ((query / d_k**0.5) @ k.transpose(2, 3) + mask).softmax(dim=-1)
    return torch.matmul(weights, v)
""",
        "with NumPy": """
import numpy as np

def grouped_query_attention(query, key, value):
    q, k, v = (part.numpy().astype(np.float64) for part in (query, key, value))
    share = q.shape[1] // k.shape[1]
    k, v = np.repeat(k, share, axis=1), np.repeat(v, share, axis=1)
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    queries, keys = scores.shape[-2:]
    scores = np.where(np.tri(queries, keys, keys - queries, dtype=bool), scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return torch.from_numpy(weights / weights.sum(axis=-1, keepdims=True) @ v).float()
""",
        "query by query, only what is seen": """
def grouped_query_attention(query, key, value):
    batch, heads, queries, d_k = query.shape
    before = key.shape[2] - queries
    index = torch.arange(heads) // (heads // key.shape[1])
    key, value = key[:, index], value[:, index]
    out = []
    for i in range(queries):
        seen = before + i + 1
        scores = (key[:, :, :seen] * query[:, :, i : i + 1]).sum(-1) / math.sqrt(d_k)
        out.append((scores.softmax(-1)[..., None] * value[:, :, :seen]).sum(2))
    return torch.stack(out, dim=2)
""",
        "all keys as queries, and the last rows": """
def grouped_query_attention(query, key, value):
    batch, heads, queries, d_k = query.shape
    keys = key.shape[2]
    padded = F.pad(query, (0, 0, keys - queries, 0))
    key = torch.stack([key] * (heads // key.shape[1]), 2).flatten(1, 2)
    value = torch.stack([value] * (heads // value.shape[1]), 2).flatten(1, 2)
    scores = padded.matmul(key.mT) * d_k**-0.5
    square = torch.tril(torch.ones(keys, keys)).bool().logical_not()
    weights = scores.masked_fill(square, torch.finfo(torch.float32).min).softmax(-1)
    return weights.matmul(value)[:, :, keys - queries :]
""",
    },
    "top_p": {
        "row by row, token by token": """
def top_p(logits, p):
    if p >= 1:
        return logits
    result = torch.full_like(logits, -math.inf)
    for row, chances in enumerate(torch.softmax(logits, dim=1).tolist()):
        before = 0.0
        for n, token in enumerate(sorted(range(len(chances)), key=lambda t: -chances[t])):
            if n and before >= p:
                break
            result[row, token] = logits[row, token]
            before += chances[token]
    return result
""",
        "with NumPy": """
import numpy as np

def top_p(logits, p):
    x = logits.numpy().astype(np.float64)
    with np.errstate(invalid="ignore"):
        chances = np.exp(x - x.max(axis=-1, keepdims=True))
    chances /= chances.sum(axis=-1, keepdims=True)
    order = np.argsort(-chances, axis=-1, kind="stable")
    ordered = np.take_along_axis(chances, order, -1)
    out = np.cumsum(ordered, -1) - ordered >= (p if p < 1 else np.inf)
    out[:, 0] = False
    gone = np.zeros_like(out)
    np.put_along_axis(gone, order, out, -1)
    return torch.from_numpy(np.where(gone, -np.inf, logits.numpy()))
""",
        "by ranks": """
def top_p(logits, p):
    chances = logits.double().softmax(-1)
    order = chances.argsort(dim=-1, descending=True, stable=True)
    rank = order.argsort(-1)
    ordered = chances.gather(-1, order)
    needed = (ordered.cumsum(-1) - ordered < p).sum(-1, keepdim=True).clamp(min=1)
    if p == 1.0:
        needed = logits.shape[-1]
    return torch.where(rank < needed, logits, float("-inf"))
""",
        "how much is before each token": """
def top_p(logits, p):
    p = p if p < 1 else 2
    chances = logits.softmax(-1)
    ids = torch.arange(logits.shape[-1])
    more = chances[:, None, :] > chances[:, :, None]
    equal = chances[:, None, :] == chances[:, :, None]
    earlier = more | (equal & (ids[None, :] < ids[:, None]))
    before = (earlier * chances[:, None, :]).sum(-1)
    stays = (before < p) | ~earlier.any(-1)
    return logits.masked_fill(~stays, -torch.inf)
""",
        "on a copy, as transformers does it": """
def top_p(logits, p):
    if p == 1:
        return logits.clone()
    scores = logits.flip(-1)
    sorted_logits, sorted_indices = torch.sort(scores, descending=False, stable=True)
    cumulative_probs = sorted_logits.softmax(dim=-1).cumsum(dim=-1)
    remove = cumulative_probs <= (1 - p)
    remove[..., -1:] = 0
    remove = remove.scatter(1, sorted_indices, remove)
    return scores.masked_fill(remove, -float("inf")).flip(-1)
""",
        "in place, on a copy": """
def top_p(logits, p):
    left = logits.clone()
    if p < 1:
        for row in left:
            values, order = row.softmax(0).sort(descending=True, stable=True)
            sums = torch.cat([torch.zeros(1), values.cumsum(0)[:-1]])
            cut = max(1, int((sums < p).sum()))
            row[order[cut:]] = -torch.inf
    return left
""",
    },
    "score_continuations": {
        "id by id": """
def score_continuations(model, prompt, continuations):
    logits, past = model(prompt)
    totals = []
    for text in continuations:
        last, memory, total = logits[-1], past, torch.zeros(())
        for number, token in enumerate(text):
            total = total + torch.log_softmax(last, dim=-1)[token]
            if number < len(text) - 1:
                after, memory = model([token], memory)
                last = after[0]
        totals.append(total)
    return torch.stack(totals)
""",
        "each continuation read whole, with gather": """
def score_continuations(model, prompt, continuations):
    before, past = model(prompt, None)
    scores = torch.zeros(len(continuations))
    for number, text in enumerate(continuations):
        after, _ = model(text, past=past)
        rows = torch.cat([before[-1:], after[:-1]]).double()
        chosen = rows.gather(1, torch.tensor(text)[:, None]).squeeze(1)
        scores[number] = (chosen - rows.logsumexp(1)).sum()
    return scores
""",
        "with cross entropy": """
def score_continuations(model, prompt, continuations):
    logits, past = model(list(prompt))
    first = logits[-1].unsqueeze(0)
    found = []
    for text in continuations:
        rows = [first]
        if text[1:]:
            rows.append(model(text[:-1], past)[0])
        target = torch.as_tensor(text)
        found.append(-F.cross_entropy(torch.vstack(rows), target, reduction="sum").item())
    return torch.tensor(found)
""",
        "a tree of what is read, each beginning once": """
def score_continuations(model, prompt, continuations):
    logits, past = model(prompt)
    known = {(): (logits[-1].log_softmax(-1), past)}

    def after(ids):
        if ids not in known:
            _, memory = after(ids[:-1])
            rows, memory = model([ids[-1]], memory)
            known[ids] = rows[-1].log_softmax(-1), memory
        return known[ids]

    return torch.stack([
        sum(after(tuple(text[:n]))[0][text[n]] for n in range(len(text)))
        for text in continuations
    ])
""",
        "with NumPy": """
import numpy as np

def score_continuations(model, prompt, continuations):
    logits, past = model(prompt)
    last = logits.numpy()[-1:]
    scores = []
    for text in continuations:
        rows = np.concatenate([last, model(text, past)[0].numpy()])[:-1].astype(float)
        rows = rows - rows.max(axis=1, keepdims=True)
        log_p = rows - np.log(np.exp(rows).sum(axis=1, keepdims=True))
        scores.append(log_p[np.arange(len(text)), text].sum())
    return torch.tensor(np.array(scores))
""",
        "the prompt in two parts, ids as a tensor": """
def score_continuations(model, prompt, continuations):
    past = None
    if len(prompt) > 1:
        _, past = model(prompt[:-1])
    logits, past = model(prompt[-1:], past) if past is not None else model(prompt)
    result = []
    for text in continuations:
        log_p = logits[-1:].log_softmax(dim=-1)
        if len(text) > 1:
            more, _ = model(torch.tensor(text[:-1]), past)
            log_p = torch.cat((log_p, more.log_softmax(dim=-1)), dim=0)
        result.append(log_p.gather(-1, torch.tensor([text]).T).sum())
    return torch.tensor(result)
""",
    },
    "answer_labels": {
        "answers cut out": """
def answer_labels(input_ids, header, end_id):
    labels = torch.full_like(input_ids, -100)
    for row, ids in enumerate(input_ids.tolist()):
        begin = 0
        while begin + len(header) <= len(ids):
            if ids[begin : begin + len(header)] != header:
                begin += 1
                continue
            begin += len(header)
            end = ids.index(end_id, begin) + 1 if end_id in ids[begin:] else len(ids)
            labels[row, begin:end] = input_ids[row, begin:end]
            begin = end
    return labels
""",
        "by counting what was opened and closed": """
def answer_labels(input_ids, header, end_id):
    n = len(header)
    batch, length = input_ids.shape
    opened = torch.zeros(batch, length + 1, dtype=torch.long)
    if length >= n:
        whole = (input_ids.unfold(1, n, 1) == torch.tensor(header)).all(-1)
        opened[:, n:] = whole.long()
    opened = opened[:, :length]
    number = opened.cumsum(1)
    ends = (input_ids == end_id).long()
    before = ends.cumsum(1) - ends
    at_open = torch.where(opened > 0, before, 0).cummax(1).values
    due = (number > 0) & (before == at_open)
    return torch.where(due, input_ids, -100)
""",
        "a generator": """
def answer_labels(input_ids, header, end_id):
    def labels(ids):
        last, answers = [], False
        for token in ids:
            yield token if answers else -100
            last = [*last, token][-len(header) :]
            if answers and token == end_id:
                answers = False
            elif last == header:
                answers = True

    return torch.tensor([[*labels(row)] for row in input_ids.tolist()])
""",
        "with NumPy": """
import numpy as np

def answer_labels(input_ids, header, end_id):
    ids = input_ids.numpy()
    labels = np.where(np.zeros(ids.shape, dtype=bool), ids, -100)
    for row, found in zip(ids, labels):
        for begin in np.flatnonzero(row == header[0]):
            first = begin + len(header)
            if row[begin:first].tolist() == header:
                ends = np.flatnonzero(row[first:] == end_id)
                stop = first + ends[0] + 1 if ends.size else row.size
                found[first:stop] = row[first:stop]
    return torch.from_numpy(labels)
""",
        "as words of a text": """
import re

def answer_labels(input_ids, header, end_id):
    begin = "".join(f" {token}" for token in header)
    answer = re.compile(f"(?<={begin})(?: (?!{end_id}\\\\b)\\\\d+)*(?: {end_id}\\\\b)?(?= |$)")
    rows = []
    for ids in input_ids.tolist():
        text = "".join(f" {token}" for token in ids)
        row = [-100] * len(ids)
        for found in answer.finditer(text):
            first = text.count(" ", 0, found.start())
            some = [int(word) for word in found.group().split()]
            row[first : first + len(some)] = some
        rows.append(row)
    return torch.tensor(rows)
""",
        "from the right, turn by turn": """
def answer_labels(input_ids, header, end_id):
    labels = input_ids.clone()
    for row, ids in zip(labels, input_ids.tolist()):
        starts = [i for i, token in enumerate(ids) if token == header[0]] + [len(ids)]
        row[: starts[0]] = -100
        for start, stop in zip(starts, starts[1:]):
            first = start + len(header)
            if ids[start:first] != header:
                row[start:stop] = -100
                continue
            row[start:first] = -100
            for place in range(first, stop):
                if ids[place] == end_id:
                    row[place + 1 : stop] = -100
                    break
    return labels
""",
    },
    "pack": {
        "a number for each row": """
def pack(rows, length, pad_id):
    room, where = [], []
    for row in rows:
        at = next((i for i, left in enumerate(room) if left >= len(row)), len(room))
        if at == len(room):
            room.append(length)
        where.append((at, length - room[at]))
        room[at] -= len(row)
    ids = torch.full((len(room), length), pad_id, dtype=torch.long)
    places = torch.zeros_like(ids)
    owner = torch.zeros_like(ids)
    for number, ((at, begin), row) in enumerate(zip(where, rows), start=1):
        for n, token in enumerate(row):
            ids[at, begin + n] = token
            places[at, begin + n] = n
            owner[at, begin + n] = number
    same = owner[:, :, None] == owner[:, None, :]
    seen = same & (owner[:, None, :] > 0)
    return ids, places, seen & torch.ones(length, length, dtype=torch.bool).tril()
""",
        "with NumPy": """
import numpy as np

def pack(rows, length, pad_id):
    windows = []
    for row in rows:
        fits = [w for w in windows if sum(len(r) for r in w) + len(row) <= length]
        if fits:
            fits[0].append(row)
        else:
            windows.append([row])
    ids = np.full((len(windows), length), pad_id)
    places = np.zeros_like(ids)
    mask = np.zeros((*ids.shape, length), dtype=bool)
    for n, window in enumerate(windows):
        flat = np.concatenate([np.array(row) for row in window])
        ids[n, : flat.size] = flat
        places[n, : flat.size] = np.concatenate([np.arange(len(row)) for row in window])
        for q in range(flat.size):
            mask[n, q, q - places[n, q] : q + 1] = True
    return tuple(map(torch.from_numpy, (ids, places, mask)))
""",
        "with block_diag, as a list": """
def pack(rows, length, pad_id):
    windows = [[]]
    for row in rows:
        for window in windows:
            if len(sum(window, [])) + len(row) <= length:
                window.append(row)
                break
        else:
            windows += [[row]]
    ids, places, masks = [], [], []
    for window in windows:
        flat = sum(window, [])
        rest = length - len(flat)
        ids.append(flat + [pad_id] * rest)
        places.append([n for row in window for n in range(len(row))] + [0] * rest)
        parts = [torch.ones(len(row), len(row)).tril() for row in window]
        masks.append(torch.block_diag(*parts, torch.zeros(rest, rest)) == 1)
    return [torch.tensor(ids), torch.tensor(places), torch.stack(masks)]
""",
        "the mask from the positions": """
def pack(rows, length, pad_id):
    windows, places = [], []
    for row in rows:
        at = [i for i, w in enumerate(windows) if length - len(w) >= len(row)][:1]
        if not at:
            windows.append([])
            places.append([])
            at = [len(windows) - 1]
        windows[at[0]].extend(row)
        places[at[0]].extend(range(len(row)))
    filled = torch.tensor([len(w) for w in windows])
    ids = torch.tensor([w + [pad_id] * (length - len(w)) for w in windows])
    positions = torch.tensor([p + [0] * (length - len(p)) for p in places])
    order = torch.arange(length)
    query, key = order.view(1, -1, 1), order.view(1, 1, -1)
    begin = (order - positions)[:, :, None]
    used = order < filled[:, None]
    return ids, positions, (begin <= key) & (key <= query) & used[:, :, None]
""",
        "objects for windows": """
from dataclasses import dataclass, field

@dataclass
class Window:
    length: int
    tokens: list = field(default_factory=list)
    places: list = field(default_factory=list)

    def has_room(self, row):
        return self.length - len(self.tokens) >= len(row)

    def add(self, row):
        self.tokens += row
        self.places += list(range(len(row)))

    def filled(self, values, value):
        return torch.tensor(values + [value] * (self.length - len(values)))

    @property
    def mask(self):
        mask = torch.zeros(self.length, self.length, dtype=torch.bool)
        for query, place in enumerate(self.places):
            for key in range(query - place, query + 1):
                mask[query, key] = True
        return mask

def pack(rows, length, pad_id):
    windows = []
    for row in rows:
        if not any(window.has_room(row) for window in windows):
            windows.append(Window(length))
        next(window for window in windows if window.has_room(row)).add(row)
    return (
        torch.stack([w.filled(w.tokens, pad_id) for w in windows]),
        torch.stack([w.filled(w.places, 0) for w in windows]),
        torch.stack([w.mask for w in windows]),
    )
""",
    },
}
