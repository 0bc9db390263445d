"""Right answers to the attention set, written differently."""

ALTERNATIVES = {
    "softmax": {
        "from the logarithm of the sum": """
def softmax(scores, dim=-1):
    largest = scores.max(dim=dim, keepdim=True).values
    log_total = largest + (scores - largest).exp().sum(dim, keepdim=True).log()
    return (scores - log_total).exp()
""",
        "in double precision, from the last dimension and back": """
def softmax(scores, dim=-1):
    moved = scores.double().transpose(dim, -1)
    moved = torch.exp(moved - moved.max(-1, keepdim=True)[0])
    total = torch.einsum("...k->...", moved)
    return (moved / total[..., None]).transpose(dim, -1).to(scores.dtype)
""",
        "with NumPy": """
import numpy as np

def softmax(scores, dim=-1):
    x = scores.numpy()
    x = np.exp(x - x.max(axis=dim, keepdims=True))
    return torch.from_numpy(x / x.sum(axis=dim, keepdims=True))
""",
        "number by number": """
def softmax(scores, dim=-1):
    moved = scores.movedim(dim, -1)
    rows = []
    for row in moved.reshape(-1, moved.shape[-1]).tolist():
        parts = [math.exp(score - max(row)) for score in row]
        rows.append([part / sum(parts) for part in parts])
    return torch.tensor(rows).view(moved.shape).movedim(-1, dim)
""",
        "with logsumexp, in double precision": """
def softmax(scores, dim=-1):
    wide = scores.to(torch.float64)
    return torch.exp(wide - torch.logsumexp(wide, dim, keepdim=True))
""",
        "each weight by its distances from all scores": """
def softmax(scores, dim=-1):
    moved = scores.transpose(dim, -1)
    distances = moved[..., None, :] - moved[..., :, None]
    distances = distances.nan_to_num(nan=0.0, posinf=math.inf, neginf=-math.inf)
    weights = 1 / distances.exp().sum(-1)
    weights[moved == -math.inf] = 0
    return weights.transpose(dim, -1)
""",
    },
    "scaled_dot_product_attention": {
        "with einsum, and the smallest number for −∞": """
def scaled_dot_product_attention(query, key, value, mask=None):
    scores = torch.einsum("...qd,...kd->...qk", query, key) * query.shape[-1] ** -0.5
    if mask is None:
        mask = torch.ones_like(scores, dtype=torch.bool)
    weights = scores.where(mask, torch.finfo(scores.dtype).min).softmax(-1)
    weights = weights * mask
    return torch.einsum("...qk,...kv->...qv", weights, value), weights
""",
        "in double precision, NaN put right at the end": """
def scaled_dot_product_attention(query, key, value, mask=None):
    query, key, kind = query.double(), key.double(), value.dtype
    scores = (query / math.sqrt(query.size(-1))).matmul(key.transpose(-2, -1))
    if mask is not None:
        scores = scores + torch.zeros(mask.shape).masked_fill(~mask, -math.inf)
    weights = torch.nan_to_num(F.softmax(scores, dim=-1), nan=0.0).to(kind)
    return weights.matmul(value), weights
""",
        "PyTorch's own, twice": """
def scaled_dot_product_attention(query, key, value, mask=None):
    *front, queries, keys = (query @ key.mT).shape
    if mask is not None:
        mask = mask.expand(*front, queries, keys)
    one_hot = torch.eye(keys).expand(*front, keys, keys)
    weights = F.scaled_dot_product_attention(query, key, one_hot, mask).nan_to_num()
    if mask is not None:
        weights = weights.where(mask, torch.zeros(()))
    return weights.matmul(value), weights
""",
        "one text after the other": """
def scaled_dot_product_attention(query, key, value, mask=None):
    if query.ndim > 2:
        if mask is not None:
            shape = query.shape[:-1] + key.shape[-2:-1]
            mask = mask.broadcast_to(shape)
        else:
            mask = [None] * len(query)
        parts = map(scaled_dot_product_attention, query, key, value, mask)
        return tuple(map(torch.stack, zip(*parts)))
    scores = torch.stack([key @ q for q in query]) * len(query[0]) ** -0.5
    if mask is None:
        mask = torch.ones(len(key), dtype=torch.bool)
    largest = scores.masked_fill(~mask, -3e38).max(-1, keepdim=True).values
    parts = torch.exp(torch.minimum(scores - largest, torch.zeros(()))) * mask
    weights = parts / (parts.sum(-1, keepdim=True) + (~mask).all(-1, keepdim=True))
    return torch.stack([(w[:, None] * value).sum(0) for w in weights]), weights
""",
        "with NumPy, as a list": """
import numpy as np

def scaled_dot_product_attention(query, key, value, mask=None):
    q, k, v = (np.asarray(part, dtype=np.float64) for part in (query, key, value))
    scores = q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1])
    if mask is not None:
        scores = np.where(mask.numpy(), scores, -np.inf)
    largest = scores.max(axis=-1, keepdims=True)
    largest[np.isinf(largest)] = 0
    parts = np.exp(scores - largest)
    total = parts.sum(axis=-1, keepdims=True)
    weights = np.divide(parts, total, out=np.zeros_like(parts), where=total > 0)
    return [torch.from_numpy(weights @ v).float(), torch.from_numpy(weights).float()]
""",
    },
    "causal_mask": {
        "by comparing positions": """
def causal_mask(queries, keys=None):
    if keys is None:
        keys = queries
    where = torch.arange(keys - queries, keys)
    return torch.arange(keys)[None, :] <= where[:, None]
""",
        "in a loop": """
def causal_mask(queries, keys=None):
    keys = keys or queries
    mask = torch.zeros(queries, keys).bool()
    for row in range(queries):
        mask[row, : keys - queries + row + 1] = True
    return mask
""",
        "with NumPy": """
import numpy as np

def causal_mask(queries, keys=None):
    keys = queries if keys is None else keys
    return torch.from_numpy(np.tri(queries, keys, keys - queries, dtype=bool))
""",
        "place by place": """
def causal_mask(queries, keys=None):
    before = 0 if keys is None else keys - queries
    return torch.tensor(
        [[k <= q + before for k in range(queries + before)] for q in range(queries)]
    )
""",
        "the last rows of a square": """
def causal_mask(queries, keys=None):
    keys = keys if keys is not None else queries
    return torch.logical_not(torch.ones(keys, keys).triu(diagonal=1))[-queries:, :]
""",
    },
    "decoder_mask": {
        "a text at a time": """
def decoder_mask(attention_mask):
    length = attention_mask.shape[1]
    before = causal_mask(length)
    texts = [before & (row != 0).expand(length, -1) for row in attention_mask]
    return torch.stack(texts)
""",
        "by multiplication": """
def decoder_mask(attention_mask):
    length = attention_mask.shape[-1]
    triangle = torch.ones(length, length).tril()
    return torch.einsum("qk,bk->bqk", triangle, attention_mask.float()) > 0
""",
        "place by place": """
def decoder_mask(attention_mask):
    batch, length = attention_mask.shape
    mask = torch.zeros((batch, length, length), dtype=torch.bool)
    for text, row in enumerate(attention_mask.tolist()):
        for query in range(length):
            for key in range(query + 1):
                mask[text, query, key] = row[key] == 1
    return mask
""",
        "with NumPy": """
import numpy as np

def decoder_mask(attention_mask):
    seen = attention_mask.numpy()[:, np.newaxis, :] > 0
    return torch.from_numpy(np.tril(np.repeat(seen, seen.shape[-1], axis=1)))
""",
        "the triangle of repeated rows": """
def decoder_mask(attention_mask):
    length = attention_mask.shape[1]
    return attention_mask.unsqueeze(1).repeat(1, length, 1).tril().eq(1)
""",
        "with the mask of each query": """
def decoder_mask(attention_mask):
    length = attention_mask.shape[1]
    causal = causal_mask(queries=length, keys=length)
    return torch.stack([causal[i] * attention_mask.bool() for i in range(length)], 1)
""",
    },
    "split_heads": {
        "by chunks": """
def split_heads(vectors, heads):
    if vectors.shape[-1] % heads != 0:
        raise ValueError("no")
    return torch.stack(vectors.split(vectors.shape[-1] // heads, dim=-1), dim=1)
""",
        "with view and permute": """
def split_heads(vectors, heads):
    batch, length, size = vectors.shape
    d_k, left_over = divmod(size, heads)
    if left_over:
        raise ValueError(f"{size} / {heads}")
    return vectors.reshape(batch, length, heads, d_k).permute(0, 2, 1, 3)
""",
        "with unfold": """
def split_heads(vectors, heads):
    size = vectors.shape[-1]
    if heads * (size // heads) != size:
        raise ValueError()
    return vectors.unfold(-1, size // heads, size // heads).transpose(2, 1)
""",
        "number by number": """
def split_heads(vectors, heads):
    class NoMultipleError(ValueError):
        pass

    batch, length, size = vectors.shape
    if size % heads:
        raise NoMultipleError(size, heads)
    result = torch.empty(batch, heads, length, size // heads)
    for number in range(size):
        head, place = divmod(number, size // heads)
        result[:, head, :, place] = vectors[:, :, number]
    return result
""",
        "with NumPy": """
import numpy as np

def split_heads(vectors, heads):
    try:
        parts = np.split(vectors.numpy(), heads, axis=2)
    except ValueError:
        raise ValueError("array split does not result in an equal division") from None
    return torch.from_numpy(np.stack(parts, axis=1))
""",
    },
    "multi_head_attention": {
        "a head at a time": """
def multi_head_attention(
    hidden_states, w_query, w_key, w_value, w_output, heads, mask=None
):
    d_k = w_query.shape[1] // heads
    gathered = []
    for head in range(heads):
        part = slice(head * d_k, (head + 1) * d_k)
        query, key, value = (
            hidden_states @ w[:, part] for w in (w_query, w_key, w_value)
        )
        gathered.append(scaled_dot_product_attention(query, key, value, mask)[0])
    return torch.cat(gathered, dim=-1) @ w_output
""",
        "the sum of what each head adds": """
def multi_head_attention(
    hidden_states, w_query, w_key, w_value, w_output, heads, mask=None
):
    def cut(w):
        return (hidden_states @ w).unflatten(-1, (heads, -1))

    query, key, value = cut(w_query), cut(w_key), cut(w_value)
    scores = torch.einsum("bqhd,bkhd->bhqk", query, key) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask[:, None], float("-inf"))
    weights = F.softmax(scores, dim=-1)
    parts = w_output.unflatten(0, (heads, -1))
    return torch.einsum("bhqk,bkhd,hdm->bqm", weights, value, parts)
""",
        "PyTorch's own": """
def multi_head_attention(
    hidden_states, w_query, w_key, w_value, w_output, heads, mask=None
):
    theirs = torch.nn.MultiheadAttention(
        hidden_states.shape[-1], heads, bias=False, batch_first=True
    )
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([w_query.T, w_key.T, w_value.T]))
        theirs.out_proj.weight.copy_(w_output.T)
        if mask is not None:
            mask = ~mask.repeat_interleave(heads, dim=0)
        states = [hidden_states] * 3
        return theirs(*states, attn_mask=mask, need_weights=False)[0]
""",
        "in double precision, the heads in the batch": """
def multi_head_attention(
    hidden_states, w_query, w_key, w_value, w_output, heads, mask=None
):
    batch, length, size = hidden_states.shape

    def cut(w):
        parts = split_heads(hidden_states.double() @ w.double(), heads=heads)
        return parts.reshape(batch * heads, length, size // heads)

    scores = torch.bmm(cut(w_query), cut(w_key).mT) / (size / heads) ** 0.5
    if mask is not None:
        scores += torch.where(mask, 0.0, -math.inf).repeat_interleave(heads, 0)
    mixed = softmax(scores, dim=2) @ cut(w_value)
    mixed = mixed.view(batch, heads, length, -1).movedim(1, 2)
    return (mixed.reshape(batch, length, size) @ w_output.double()).float()
""",
        "a text at a time, with NumPy": """
import numpy as np

def multi_head_attention(
    hidden_states, w_query, w_key, w_value, w_output, heads, mask=None
):
    results = []
    for text, states in enumerate(hidden_states.numpy()):
        query, key, value = (
            np.split(states @ w.numpy(), heads, axis=1)
            for w in (w_query, w_key, w_value)
        )
        mixed = []
        for q, k, v in zip(query, key, value):
            scores = np.exp(q @ k.T / np.sqrt(q.shape[1]))
            if mask is not None:
                scores = scores * mask[text].numpy()
            mixed.append(scores @ v / scores.sum(axis=1, keepdims=True))
        results.append(np.concatenate(mixed, axis=1) @ w_output.numpy())
    return torch.tensor(np.array(results))
""",
        "with the earlier functions, by name": """
def multi_head_attention(
    hidden_states, w_query, w_key, w_value, w_output, heads, mask=None
):
    query, key, value = (
        split_heads(vectors=hidden_states @ w, heads=heads)
        for w in (w_query, w_key, w_value)
    )
    if mask is None:
        mask = torch.ones(1, 1, 1, dtype=torch.bool)
    mixed, weights = scaled_dot_product_attention(
        query=query, key=key, value=value, mask=mask[:, None]
    )
    return torch.cat([*mixed.unbind(1)], dim=-1) @ w_output
""",
    },
    "relative_position_bucket": {
        "in a loop, with math": """
def relative_position_bucket(relative_position, buckets=32, max_distance=128):
    n, e = buckets // 2, buckets // 4
    result = torch.empty_like(relative_position)
    for index, position in enumerate(relative_position.flatten().tolist()):
        d = abs(position)
        if d >= e:
            logs = torch.tensor([d / e]).log() / math.log(max_distance / e)
            d = min(n - 1, e + math.floor((logs * (n - e)).item()))
        result.view(-1)[index] = d + n * (position > 0)
    return result
""",
        "with a mask for each part": """
def relative_position_bucket(relative_position, buckets=32, max_distance=128):
    half = buckets // 2
    exact = half // 2
    distance = torch.abs(relative_position)
    bucket = distance.clone()
    is_far = distance >= exact
    ratio = torch.log(distance[is_far].float() / exact) / math.log(max_distance / exact)
    bucket[is_far] = torch.clamp(exact + (ratio * (half - exact)).long(), max=half - 1)
    return torch.where(relative_position > 0, bucket + half, bucket)
""",
        "from a table of all distances up to the largest": """
def relative_position_bucket(relative_position, buckets=32, max_distance=128):
    n, e = buckets // 2, buckets // 4
    table = [*range(e)]
    for d in range(e, max_distance):
        place = math.log(d / e) / math.log(max_distance / e)
        table.append(min(e + int(place * (n - e)), n - 1))
    table = torch.tensor([*table, n - 1])
    where = relative_position.abs().clamp(max=max_distance)
    return table[where] + (relative_position > 0) * n
""",
        "with NumPy, and the other logarithm": """
import numpy as np

def relative_position_bucket(relative_position, buckets=32, max_distance=128):
    position = relative_position.numpy()
    half, exact = buckets // 2, buckets // 4
    distance = np.abs(position).astype(np.float64)
    growth = np.log2(np.maximum(distance, exact) / exact)
    far = exact + np.floor(growth / np.log2(max_distance / exact) * (half - exact))
    place = np.where(distance < exact, distance, np.minimum(far, half - 1))
    return torch.from_numpy((place + half * (position > 0)).astype(np.int64))
""",
        "as transformers does it": """
def relative_position_bucket(relative_position, buckets=32, max_distance=128):
    buckets //= 2
    relative_buckets = (relative_position > 0).to(torch.long) * buckets
    relative_position = torch.abs(relative_position)
    max_exact = buckets // 2
    is_small = relative_position < max_exact
    if_large = max_exact + (
        torch.log(relative_position.float() / max_exact)
        / math.log(max_distance / max_exact)
        * (buckets - max_exact)
    ).to(torch.long)
    if_large = torch.min(if_large, torch.full_like(if_large, buckets - 1))
    relative_buckets += torch.where(is_small, relative_position, if_large)
    return relative_buckets
""",
        "by the edges of the buckets": """
def relative_position_bucket(relative_position, buckets=32, max_distance=128):
    n, e = buckets // 2, buckets // 4
    edges = [*range(1, e + 1)]
    edges += [e * (max_distance / e) ** (k / (n - e)) for k in range(1, n - e)]
    edges = torch.tensor(edges, dtype=torch.float64)
    place = torch.bucketize(relative_position.abs().double(), edges, right=True)
    return place + n * relative_position.sign().clamp(min=0)
""",
    },
    "KeyValueCache": {
        "lists, joined when asked": """
class KeyValueCache:
    def __init__(self):
        self.keys, self.values, self.length = [], [], 0

    def extend(self, key, value):
        self.keys.append(key)
        self.values.append(value)
        self.length += key.shape[2]
        return torch.cat(self.keys, 2), torch.cat(self.values, 2)
""",
        "both in one tensor": """
class KeyValueCache:
    def __init__(self):
        self.both = None

    @property
    def length(self):
        return self.both.shape[3] if self.both is not None else 0

    def extend(self, key, value):
        new = torch.stack([key, value])
        self.both = new if self.both is None else torch.cat([self.both, new], dim=3)
        return self.both[0].clone(), self.both[1].clone()
""",
        "a dataclass with quoted annotations": """
from dataclasses import dataclass

@dataclass
class KeyValueCache:
    key: "Tensor | None" = None
    value: "Tensor | None" = None

    @property
    def length(self) -> "int":
        return 0 if self.key is None else self.key.shape[2]

    def extend(self, key: "Tensor", value: "Tensor") -> "tuple[Tensor, Tensor]":
        if self.length:
            key = torch.cat((self.key, key), 2)
            value = torch.cat((self.value, value), 2)
        self.key, self.value = key, value
        return self.key, self.value
""",
        "a dataclass of lists": """
from dataclasses import dataclass, field

@dataclass
class KeyValueCache:
    pairs: list = field(default_factory=list)

    @property
    def length(self):
        return sum(key.size(-2) for key, _ in self.pairs)

    def extend(self, key, value):
        self.pairs.append((key, value))
        return tuple(torch.cat(parts, dim=-2) for parts in zip(*self.pairs))
""",
        "memory that doubles when it is full": """
class KeyValueCache:
    length = 0
    memory = torch.empty(0)

    def extend(self, key, value):
        end = self.length + key.shape[2]
        if not self.length:
            self.memory = torch.stack([key, value])
        while self.memory.shape[3] < end:
            self.memory = torch.cat([self.memory, self.memory], dim=3)
        self.memory[0, :, :, self.length : end] = key
        self.memory[1, :, :, self.length : end] = value
        self.length = end
        return [*self.memory[:, :, :, :end].clone()]
""",
        "a chain of caches": """
class KeyValueCache:
    __slots__ = ("before", "pair", "length")

    def __init__(self):
        self.before = self.pair = None
        self.length = 0

    def extend(self, key, value):
        if self.pair is not None:
            older = KeyValueCache()
            older.before, older.pair = self.before, self.pair
            self.before = older
        self.pair = key, value
        self.length = self.length + key.shape[-2]
        return self.all(0), self.all(1)

    def all(self, which):
        mine = self.pair[which]
        if self.before is None:
            return mine
        return torch.cat([self.before.all(which), mine], dim=-2)
""",
        "with NumPy": """
import numpy as np

class KeyValueCache:
    def __init__(self):
        self.arrays = []

    def __getattr__(self, name):
        if name != "length":
            raise AttributeError(name)
        return int(sum(key.shape[2] for key, value in self.arrays))

    def extend(self, key, value):
        self.arrays = self.arrays + [(key.numpy().copy(), value.numpy().copy())]
        keys, values = zip(*self.arrays)
        joined = np.concatenate(keys, axis=2), np.concatenate(values, axis=2)
        return tuple(torch.from_numpy(array) for array in joined)
""",
    },
}
