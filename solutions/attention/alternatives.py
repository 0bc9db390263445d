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
    },
}
