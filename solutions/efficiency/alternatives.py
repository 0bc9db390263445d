"""Right answers to the efficiency set, written differently."""

ALTERNATIVES = {
    "lora_linear": {
        "as PEFT does it": """
def lora_linear(x, weight, bias, down, up, alpha):
    matrix = weight.detach().to(torch.float32)
    shift = bias.detach().to(torch.float32) if bias is not None else None
    result = F.linear(x, matrix, shift)
    scaling = alpha / down.shape[0]
    return result + F.linear(F.linear(x, down), up) * scaling
""",
        "one matrix, built first": """
def lora_linear(x, weight, bias, down, up, alpha):
    whole = weight.detach().float() + (alpha / up.shape[-1]) * torch.mm(up, down)
    y = x.matmul(whole.t())
    return y if bias is None else y + bias.detach()
""",
        "with einsum, in double precision": """
def lora_linear(x, weight, bias, down, up, alpha):
    frozen = weight.detach().double()
    y = torch.einsum("...i,oi->...o", x.double(), frozen)
    inner = torch.einsum("...i,ri->...r", x.double(), down.double())
    y = y + torch.einsum("...r,or->...o", inner, up.double()) * (alpha / len(down))
    if bias is not None:
        y = y + bias.detach().double()
    return y.to(torch.float32)
""",
        "vector by vector": """
def lora_linear(x, weight, bias, down, up, alpha):
    frozen = weight.clone().detach().float()
    rows = []
    for vector in x.reshape(-1, x.shape[-1]):
        row = frozen.mv(vector) + up.mv(down.mv(vector)) * alpha / up.size(1)
        if bias is not None:
            row = row + bias.clone().detach().float()
        rows.append(row)
    return torch.stack(rows).reshape(*x.shape[:-1], weight.size(0))
""",
        "the adapter as one more set of inputs": """
def lora_linear(x, weight, bias, down, up, alpha):
    wide = torch.cat([x, x @ down.T * (alpha / down.shape[0])], dim=-1)
    matrix = torch.cat([weight.detach().type_as(x), up], dim=1)
    bias = torch.zeros(len(weight)) if bias is None else bias.detach().type_as(x)
    return torch.nn.functional.linear(wide, matrix) + bias
""",
        "with modules": """
def lora_linear(x, weight, bias, down, up, alpha):
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    with torch.no_grad():
        layer.weight.copy_(weight)
        if bias is not None:
            layer.bias.copy_(bias)
    layer.requires_grad_(False)
    return layer(x) + (x @ down.mT @ up.mT).mul(alpha).div(down.size(0))
""",
    },
    "merge": {
        "as PEFT does it, in double precision": """
def merge(weight, adapters, input_first=False):
    delta = torch.zeros_like(weight, dtype=torch.float64)
    for down, up, alpha in adapters:
        product = up.double() @ down.double() * (alpha / down.shape[0])
        delta += product.transpose(0, 1) if input_first else product
    return (weight.double() + delta).to(weight.dtype)
""",
        "one adapter of all ranks": """
def merge(weight, adapters, input_first=False):
    if not adapters:
        return weight.clone()
    downs = torch.cat([down for down, _, _ in adapters])
    ups = torch.cat([up * (alpha / up.shape[1]) for _, up, alpha in adapters], dim=1)
    lies = weight.t() if input_first else weight
    merged = torch.addmm(lies.float(), ups, downs)
    return (merged.t() if input_first else merged).to(weight.dtype).contiguous()
""",
        "turned first, and back at the end": """
def merge(weight, adapters, input_first=False):
    matrix = weight.mT if input_first else weight
    result = matrix.to(torch.float32, copy=True)
    for down, up, alpha in adapters:
        result.addmm_(up, down, alpha=alpha / down.size(0))
    result = result.mT if input_first else result
    return result.type(weight.dtype)
""",
        "with einsum": """
def merge(weight, adapters, input_first=False):
    into = "or,ri->io" if input_first else "or,ri->oi"
    changes = [torch.einsum(into, up, down) * alpha / len(down) for down, up, alpha in adapters]
    return (sum(changes, start=weight.float())).to(weight.dtype)
""",
        "rank by rank, as outer products": """
def merge(weight, adapters, input_first=False):
    total = weight.detach().clone().float()
    for down, up, alpha in adapters:
        rank = up.shape[1]
        for k in range(rank):
            outer = torch.outer(up[:, k], down[k]) * alpha / rank
            total = total + (outer.T if input_first else outer)
    return total.to(dtype=weight.dtype)
""",
        "with NumPy": """
import numpy as np

def merge(weight, adapters, input_first=False):
    total = weight.float().numpy().copy()
    for down, up, alpha in adapters:
        product = alpha / len(down) * (up.numpy() @ down.numpy())
        total += product.T if input_first else product
    return torch.from_numpy(total.astype(np.float32)).to(weight.dtype)
""",
    },
    "quantise": {
        "the largest of both ends": """
def quantise(weight, bits):
    w = weight.to(torch.float32)
    q = (1 << (bits - 1)) - 1
    largest = torch.maximum(w.max(dim=1).values, -w.min(dim=1).values)
    inverse = torch.where(largest > 0, q / largest, torch.zeros_like(largest))
    codes = torch.round(w * inverse[:, None]).clamp(-q, q).char()
    return codes, largest / q
""",
        "NaN replaced at the end, in double precision": """
def quantise(weight, bits):
    w = weight.double()
    scale = torch.linalg.vector_norm(w, ord=float("inf"), dim=1) / (2 ** (bits - 1) - 1)
    codes = torch.nan_to_num(w / scale.unsqueeze(-1), nan=0.0)
    return codes.round().to(torch.int8), scale.float()
""",
        "row by row": """
def quantise(weight, bits):
    codes, scales = [], []
    for row in weight.tolist():
        scale = max(abs(w) for w in row) / (2 ** (bits - 1) - 1)
        scales.append(scale)
        codes.append([round(w / scale) if scale > 0 else 0 for w in row])
    return torch.tensor(codes, dtype=torch.int8), torch.tensor(scales)
""",
        "with NumPy": """
import numpy as np

def quantise(weight, bits):
    w = weight.numpy().astype(np.float64)
    scale = np.abs(w).max(axis=1) / (2 ** (bits - 1) - 1)
    codes = np.rint(np.divide(w, scale[:, None], out=np.zeros_like(w), where=scale[:, None] > 0))
    return torch.from_numpy(codes.astype(np.int8)), torch.from_numpy(scale.astype(np.float32))
""",
        "half up instead of half to even": """
def quantise(weight, bits):
    w = weight.float()
    scale = w.abs().max(-1)[0] / (2 ** (bits - 1) - 1)
    step = scale.where(scale > 0, torch.ones(()))[:, None]
    return torch.floor(w / step + 0.5).to(torch.int8), scale
""",
    },
    "quantise_groups": {
        "filled up with the last number of each row": """
def quantise_groups(weight, group, bits=4):
    rows, columns = weight.shape
    missing = -columns % group
    filled = torch.cat([weight, weight[:, -1:].expand(rows, missing)], dim=1)
    parts = filled.view(rows, -1, group)
    low, high = parts.aminmax(dim=-1, keepdim=True)
    scale = (high - low) / (2**bits - 1)
    codes = torch.where(scale > 0, (parts - low) / scale, 0.0).round().byte()
    return codes.view(rows, -1)[:, :columns], scale[..., 0], low[..., 0]
""",
        "the last group apart": """
def quantise_groups(weight, group, bits=4):
    def quantised(parts):
        low = parts.min(dim=-1).values
        scale = (parts.max(dim=-1).values - low) / (2**bits - 1)
        codes = (parts - low[..., None]) / scale[..., None].clamp(min=1e-30)
        return codes.round().flatten(1), scale, low

    rows, columns = weight.shape
    full = columns // group * group
    results = []
    if full:
        results.append(quantised(weight[:, :full].reshape(rows, -1, group)))
    if full < columns:
        results.append(quantised(weight[:, full:].unsqueeze(1)))
    codes, scales, lows = (torch.cat(parts, dim=1) for parts in zip(*results))
    return codes.to(torch.uint8), scales, lows
""",
        "row by row, number by number": """
def quantise_groups(weight, group, bits=4):
    all_codes, scales, lows = [], [], []
    for row in weight.tolist():
        groups = [row[i : i + group] for i in range(0, len(row), group)]
        low = [min(part) for part in groups]
        scale = [(max(part) - min(part)) / (2**bits - 1) for part in groups]
        all_codes.append([
            round((w - a) / s) if s else 0
            for part, a, s in zip(groups, low, scale)
            for w in part
        ])
        scales.append(scale)
        lows.append(low)
    return torch.tensor(all_codes, dtype=torch.uint8), torch.tensor(scales), torch.tensor(lows)
""",
        "with NumPy, filled up with NaN": """
import numpy as np

def quantise_groups(weight, group, bits=4):
    w = weight.numpy().astype(np.float64)
    rows, columns = w.shape
    filled = np.pad(w, ((0, 0), (0, -columns % group)), constant_values=np.nan)
    parts = filled.reshape(rows, -1, group)
    low, high = np.nanmin(parts, axis=-1), np.nanmax(parts, axis=-1)
    scale = (high - low) / (2**bits - 1)
    step = np.where(scale > 0, scale, 1)[..., None]
    codes = np.nan_to_num(np.rint((parts - low[..., None]) / step))
    codes = codes.reshape(rows, -1)[:, :columns].astype(np.uint8)
    return (
        torch.from_numpy(codes.copy()),
        torch.from_numpy(scale.astype(np.float32)),
        torch.from_numpy(low.astype(np.float32)),
    )
""",
        "with scatter_reduce": """
def quantise_groups(weight, group, bits=4):
    rows, columns = weight.shape
    owner = (torch.arange(columns) // group).expand(rows, columns)
    many = int(owner.max()) + 1
    low = torch.full((rows, many), math.inf).scatter_reduce(1, owner, weight, "amin")
    high = torch.full((rows, many), -math.inf).scatter_reduce(1, owner, weight, "amax")
    scale = (high - low) / (2**bits - 1)
    codes = (weight - low.gather(1, owner)) / scale.gather(1, owner)
    return codes.nan_to_num(0.0).round().to(torch.uint8), scale, low
""",
    },
    "train_step": {
        "by PyTorch's clipping and optimizer": """
def train_step(model, parts, learning_rate, max_norm):
    trainable = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trainable, lr=learning_rate)
    optimizer.zero_grad()
    count = sum((labels != -100).sum() for _, labels in parts)
    losses = []
    for inputs, labels in parts:
        loss = nn.CrossEntropyLoss(reduction="sum")(model(inputs), labels) / count
        loss.backward()
        losses.append(float(loss))
    norm = nn.utils.clip_grad_norm_(trainable, max_norm)
    optimizer.step()
    return sum(losses), norm.item()
""",
        "sums first, divided at the end; parts without labels left out": """
def train_step(model, parts, learning_rate, max_norm):
    for p in model.parameters():
        p.grad = None
    total, count = 0.0, 0
    for inputs, labels in parts:
        due = labels.ne(-100)
        if not due.any():
            continue
        log_p = model(inputs).log_softmax(dim=-1)[due]
        loss = -log_p[torch.arange(len(log_p)), labels[due]].sum()
        loss.backward()
        total += loss.item()
        count += int(due.sum())
    slopes = {n: p.grad / count for n, p in model.named_parameters() if p.grad is not None}
    norm = torch.cat([slope.flatten() for slope in slopes.values()]).norm().item()
    factor = min(1.0, max_norm / norm)
    for name, p in model.named_parameters():
        if name in slopes:
            p.data -= learning_rate * factor * slopes[name]
    return total / count, norm
""",
        "with autograd.grad": """
def train_step(model, parts, learning_rate, max_norm):
    learning = [p for p in model.parameters() if p.requires_grad]
    gradients = [torch.zeros_like(p) for p in learning]
    count = sum(int(labels.ne(-100).sum()) for _, labels in parts)
    total = 0.0
    for inputs, labels in parts:
        loss = F.cross_entropy(model(inputs), labels, reduction="sum").div(count)
        for gradient, more in zip(gradients, torch.autograd.grad(loss, learning)):
            gradient += more
        total += loss.item()
    norm = float(torch.stack([g.norm() for g in gradients]).norm())
    if norm > max_norm:
        gradients = [g * max_norm / norm for g in gradients]
    with torch.no_grad():
        for p, g in zip(learning, gradients):
            p.copy_(p - learning_rate * g)
    return total, norm
""",
        "the parts' means, weighed by their labels": """
def train_step(model, parts, learning_rate, max_norm):
    model.zero_grad(set_to_none=False)
    counts = [int((labels >= 0).sum()) for _, labels in parts]
    total = 0.0
    for (inputs, labels), count in zip(parts, counts):
        if count:
            loss = F.cross_entropy(model(inputs), labels, ignore_index=-100)
            loss = loss * count / sum(counts)
            loss.backward()
            total += float(loss.detach())
    squares = [p.grad.pow(2).sum() for p in model.parameters() if p.requires_grad]
    norm = float(sum(squares)) ** 0.5
    shrink = max_norm / max(norm, max_norm)
    for p in model.parameters():
        if p.requires_grad:
            p.data.add_(p.grad, alpha=-learning_rate * shrink)
    return total, norm
""",
    },
    "peak_memory": {
        "bytes that come and go": """
def peak_memory(layers, checkpointing=False):
    weights = optimizer = 0
    for layer in layers:
        weights += math.ceil(layer["frozen"] * layer["bits"] / 8) + 4 * layer["trained"]
        optimizer += 8 * layer["trained"]
    live = weights + optimizer
    kept, most, learns = [], live, False
    for layer in layers:
        learns = learns or layer["trained"] > 0
        size = layer["input"] + (0 if checkpointing else layer["inside"])
        kept.append(size if learns else 0)
        live += kept[-1]
    for layer, size in zip(reversed(layers), reversed(kept)):
        if not learns or not any(kept):
            break
        live += 4 * layer["trained"]
        most = max(most, live + (layer["inside"] if checkpointing and size else 0))
        live -= size
    return weights, optimizer, most
""",
        "by recursion, from the top": """
def peak_memory(layers, checkpointing=False):
    weights = sum((x["frozen"] * x["bits"] + 7) // 8 + x["trained"] * 4 for x in layers)
    optimizer = sum(x["trained"] for x in layers) * 8

    def fullest(stack, gradients):
        if not stack or not any(x["trained"] for x in stack):
            return 0
        *rest, top = stack
        gradients += 4 * top["trained"]
        inside = top["inside"] + (0 if checkpointing else sum(x["inside"] for x in rest))
        now = gradients + inside + sum(x["input"] for x in stack)
        return max(now, fullest(rest, gradients))

    stack = layers
    while stack and stack[0]["trained"] == 0:
        stack = stack[1:]
    return weights, optimizer, weights + optimizer + fullest(stack, 0)
""",
        "with tensors": """
def peak_memory(layers, checkpointing=False):
    names = ["frozen", "bits", "trained", "input", "inside"]
    columns = torch.tensor([[x[name] for name in names] for x in layers]).view(-1, 5)
    frozen, bits, trained, inputs, inside = columns.long().unbind(1)
    weights = int((torch.div(frozen * bits + 7, 8, rounding_mode="floor") + 4 * trained).sum())
    optimizer = int(8 * trained.sum())
    keeps = (trained > 0).long().cumsum(0) > 0
    if not keeps.any():
        return weights, optimizer, weights
    inputs, inside = inputs * keeps, inside * keeps
    gradients = 4 * trained.flip(0).cumsum(0).flip(0)
    kept = inputs.cumsum(0) + (inside if checkpointing else inside.cumsum(0))
    return weights, optimizer, weights + optimizer + int((kept + gradients)[keeps].max())
""",
        "with NumPy": """
import numpy as np

def peak_memory(layers, checkpointing=False):
    def column(name):
        return np.array([layer[name] for layer in layers], dtype=np.int64)

    trained = column("trained")
    weights = int(np.sum(-(-column("frozen") * column("bits") // 8) + 4 * trained))
    optimizer = int(8 * trained.sum())
    learning = np.flatnonzero(trained)
    if len(learning) == 0:
        return weights, optimizer, weights
    above = slice(learning[0], None)
    gradients = 4 * np.cumsum(trained[above][::-1])[::-1]
    inside = column("inside")[above]
    kept = np.cumsum(column("input")[above]) + (inside if checkpointing else np.cumsum(inside))
    return weights, optimizer, weights + optimizer + int(np.max(kept + gradients))
""",
    },
    "distillation_loss": {
        "masked instead of picked": """
def distillation_loss(student, teacher, labels, temperature, alpha):
    away = (labels == -100).unsqueeze(-1)
    student = student.masked_fill(away, 0.0)
    teacher = teacher.detach().masked_fill(away, 0.0)
    p = F.softmax(teacher / temperature, dim=-1)
    log_q = F.log_softmax(student / temperature, dim=-1)
    soft = (torch.special.xlogy(p, p) - p * log_q).sum(-1) * temperature**2
    hard = F.cross_entropy(student.transpose(1, 2), labels, reduction="none")
    due = (labels != -100).float()
    loss = alpha * soft + (1 - alpha) * hard
    return (loss * due).sum() / due.sum().clamp(min=1.0)
""",
        "batchmean over the tokens": """
def distillation_loss(student, teacher, labels, temperature, alpha):
    due = labels.flatten() != -100
    own = student.flatten(0, 1)[due]
    if len(own) == 0:
        return own.sum()
    with torch.no_grad():
        p = torch.softmax(teacher.flatten(0, 1)[due] / temperature, dim=-1)
    log_q = torch.log_softmax(own / temperature, dim=-1)
    soft = nn.KLDivLoss(reduction="batchmean")(log_q, p) * temperature * temperature
    hard = F.cross_entropy(own, labels.flatten()[due])
    return alpha * soft + (1 - alpha) * hard
""",
        "by the cross-entropy with probabilities, less the teacher's entropy": """
def distillation_loss(student, teacher, labels, temperature, alpha):
    due = torch.nonzero(labels != -100, as_tuple=True)
    own, theirs = student[due], teacher.detach()[due]
    p = (theirs.double() / temperature).softmax(-1)
    entropy = torch.special.entr(p).sum()
    crossed = F.cross_entropy(own.double() / temperature, p, reduction="sum")
    hard = F.cross_entropy(own.double(), labels[due], reduction="sum")
    loss = alpha * temperature**2 * (crossed - entropy) + (1 - alpha) * hard
    return (loss / max(1, len(own))).float()
""",
        "token by token": """
def distillation_loss(student, teacher, labels, temperature, alpha):
    losses = []
    for own, theirs, label in zip(
        student.reshape(-1, student.shape[-1]),
        teacher.detach().reshape(-1, teacher.shape[-1]),
        labels.reshape(-1).tolist(),
    ):
        if label == -100:
            continue
        log_p = (theirs / temperature).log_softmax(0)
        log_q = (own / temperature).log_softmax(0)
        there = log_p > -math.inf
        soft = (log_p[there].exp() * (log_p[there] - log_q[there])).sum()
        hard = -own.log_softmax(0)[label]
        losses.append(alpha * temperature**2 * soft + (1 - alpha) * hard)
    if not losses:
        return student[labels != -100].sum()
    return torch.stack(losses).mean()
""",
    },
    "pareto_set": {
        "all against all, with NumPy": """
import numpy as np


def pareto_set(rows, larger):
    if any(len(row) != len(larger) for row in rows):
        raise ValueError("another number of criteria")
    if not rows:
        return []
    table = np.array(rows) * np.where(larger, 1, -1)
    known = ~np.isnan(table).any(axis=1)
    at_least = (table[:, None, :] >= table[None, :, :]).all(axis=2)
    beats = at_least & ~at_least.T & known[:, None]
    return [int(i) for i in np.flatnonzero(known & ~beats.any(axis=0))]
""",
        "in double precision, with torch": """
def pareto_set(rows, larger):
    for row in rows:
        if len(row) != len(larger):
            raise ValueError
    table = torch.tensor(rows, dtype=torch.float64).reshape(-1, len(larger))
    table[:, [not up for up in larger]] *= -1
    found = []
    for place, row in enumerate(table):
        better = (table > row).any(1) & ~(table < row).any(1) & ~table.isnan().any(1)
        if not row.isnan().any() and not better.any():
            found.append(place)
    return found
""",
        "from the best in order, each against those that stayed": """
def pareto_set(rows, larger):
    signs = [1 if up else -1 for up in larger]
    known = []
    for place, row in enumerate(rows):
        signed = tuple(sign * x for sign, x in zip(signs, row, strict=True))
        if all(x == x for x in signed):
            known.append((signed, place))
    stayed = []
    for signed, place in sorted(known, reverse=True):
        worse = (all(a <= b for a, b in zip(signed, kept)) for kept, _ in stayed)
        equal = any(signed == kept for kept, _ in stayed)
        if equal or not any(worse):
            stayed.append((signed, place))
    return sorted(place for _, place in stayed)
""",
        "by counting, with the directions as they are": """
def pareto_set(rows, larger):
    if {len(row) for row in rows} > {len(larger)} or any(len(r) != len(larger) for r in rows):
        raise ValueError
    found = []
    for i, row in enumerate(rows):
        if any(map(math.isnan, row)):
            continue
        for other in rows:
            if any(map(math.isnan, other)):
                continue
            wins = sum(a > b if up else a < b for a, b, up in zip(other, row, larger))
            ties = sum(a == b for a, b in zip(other, row))
            if wins and wins + ties == len(larger):
                break
        else:
            found.append(i)
    return found
""",
    },
    "near_duplicates": {
        "from each shingle to its texts": """
def near_duplicates(texts, threshold, size=5):
    if size < 1 or threshold <= 0 or threshold > 1 or threshold != threshold:
        raise ValueError
    where, lengths = {}, []
    for i, text in enumerate(texts):
        words = unicodedata.normalize("NFKC", text).casefold().split()
        clean = " ".join(words)
        found = {clean} if clean and len(clean) <= size else set()
        for at in range(len(clean) - size + 1):
            found.add(clean[at : at + size])
        lengths.append(len(found))
        for piece in found:
            where.setdefault(piece, []).append(i)
    both = {}
    for places in where.values():
        for at, i in enumerate(places):
            for j in places[at + 1 :]:
                both[i, j] = both.get((i, j), 0) + 1
    pairs = []
    for i, j in sorted(both):
        alike = both[i, j] / (lengths[i] + lengths[j] - both[i, j])
        if alike >= threshold:
            pairs.append((i, j, alike))
    return pairs
""",
        "with one matrix of ones and zeros": """
def near_duplicates(texts, threshold, size=5):
    if not (threshold > 0 and threshold <= 1 and size >= 1):
        raise ValueError("out of bounds")
    sets = []
    for text in texts:
        clean = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
        windows = zip(*(clean[k:] for k in range(min(size, len(clean)))))
        sets.append({"".join(window) for window in windows})
    column = {piece: k for k, piece in enumerate(sorted(set().union(*sets)))}
    table = torch.zeros(len(sets), len(column), dtype=torch.float64)
    for i, found in enumerate(sets):
        table[i, [column[piece] for piece in found]] = 1
    both = table @ table.T
    union = table.sum(1)[:, None] + table.sum(1) - both
    alike = torch.where(union > 0, both / union.clamp(min=1), 0)
    places = torch.nonzero((alike >= threshold).triu(1)).tolist()
    return [(i, j, float(alike[i, j])) for i, j in places]
""",
        "by a regular expression, without a division to decide": """
import re


def near_duplicates(texts, threshold, size=5):
    if size < 1 or not (0 < threshold and threshold <= 1):
        raise ValueError
    def shingled(text):
        text = unicodedata.normalize("NFKC", text).casefold()
        text = re.sub(r"[\\s\\x1c-\\x1f\\x85]+", " ", text).strip(" ")
        found = set(re.findall(f"(?=(.{{{size}}}))", text, re.DOTALL))
        return frozenset(found or ({text} if text else ()))
    sets = list(map(shingled, texts))
    result = []
    for j in range(len(sets)):
        for i in range(j):
            both = len(sets[i].intersection(sets[j]))
            union = len(sets[i].union(sets[j]))
            if both and both >= threshold * union:
                result.append([i, j, both / union])
    result.sort()
    return result
""",
        "1 minus the symmetric difference": """
from itertools import combinations


def near_duplicates(texts, threshold, size=5):
    if threshold > 1 or size < 1 or not threshold > 0:
        raise ValueError
    def pieces(text):
        clean = " ".join(str.casefold(unicodedata.normalize("NFKC", text)).split())
        if len(clean) < size:
            return {clean} if clean else set()
        return {clean[end - size : end] for end in range(size, len(clean) + 1)}
    pairs = combinations(enumerate(map(pieces, texts)), 2)
    alike = [(i, j, 1 - len(a ^ b) / len(a | b)) for (i, a), (j, b) in pairs if a | b]
    return [each for each in alike if each[2] >= threshold]
""",
    },
    "drift_statistic": {
        "SciPy's, in whole numbers": """
from scipy import stats


def drift_statistic(reference, current, orders):
    row = torch.cat([reference, current]).double()
    n, m = len(reference), len(current)
    if min(n, m) == 0 or row.isnan().any():
        raise ValueError
    row = row.unique(return_inverse=True)[1].numpy()
    def whole(mixed):
        return round(n * m * stats.ks_2samp(mixed[:n], mixed[n:], method="asymp")[0])
    first = whole(row)
    count = sum(whole(row[order]) >= first for order in orders.numpy())
    return first / (n * m), (count + 1) / (len(orders) + 1)
""",
        "with a little room for rounding": """
def drift_statistic(reference, current, orders):
    if not len(reference) or not len(current):
        raise ValueError("empty")
    row = torch.cat([reference, current])
    if bool((row != row).any()):
        raise ValueError("NaN")
    size = len(reference)
    def largest(one, other):
        shares = [(part[:, None] <= row).double().mean(0) for part in (one, other)]
        return (shares[0] - shares[1]).abs().max().item()
    first = largest(reference, current)
    others = [largest(row[o[:size]], row[o[size:]]) for o in orders]
    reached = [d > first - 1e-9 for d in others]
    return first, (1 + sum(reached)) / (1 + len(reached))
""",
        "all orders at once": """
def drift_statistic(reference, current, orders):
    n, m = len(reference), len(current)
    row = torch.cat((reference, current))
    if n * m == 0 or row.isnan().any():
        raise ValueError
    all_orders = torch.cat([torch.arange(n + m)[None], orders])
    mixed = row[all_orders]
    step = torch.cat([torch.full((n,), m), torch.full((m,), -n)])
    ordered, at = mixed.sort(dim=1)
    height = step[at].cumsum(1)
    is_last = torch.ones_like(ordered, dtype=torch.bool)
    is_last[:, :-1] = ordered[:, 1:] != ordered[:, :-1]
    d = (height.abs() * is_last).amax(1)
    count = (d[1:] >= d[0]).sum()
    return d[0] / (n * m), (count + 1) / (len(orders) + 1)
""",
        "below instead of at most, in fractions": """
from fractions import Fraction


def drift_statistic(reference, current, orders):
    one, other = reference.tolist(), current.tolist()
    if not one or not other or any(x != x for x in one + other):
        raise ValueError
    row, n, m = one + other, len(one), len(other)
    def distance(before, after):
        return max(
            abs(
                Fraction(sum(x < v for x in before), n)
                - Fraction(sum(x < v for x in after), m)
            )
            for v in row
        )
    first = distance(one, other)
    reached = 0
    for order in orders.tolist():
        mixed = [row[i] for i in order]
        reached += distance(mixed[:n], mixed[n:]) >= first
    return float(first), float(Fraction(1 + reached, 1 + len(orders)))
""",
    },
}
