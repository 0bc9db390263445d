"""Wrong answers that people give to the attention set, each with its misconception."""

from labkit.grading import Answer, Edit

MUTANTS = {
    "softmax": [
        Answer(
            "PyTorch's own softmax was called",
            "def softmax(scores, dim=-1): return torch.softmax(scores, dim)",
        ),
        Edit("sign of the exponent", {"(scores - largest).exp()": "(-scores).exp()"}),
        Edit("overflows to infinity", {"(scores - largest).exp()": "scores.exp()"}),
        Edit(
            "take each row's own largest",
            {"scores.amax(dim, keepdim=True)": "scores.max()"},
        ),
        Edit(
            "sum along `dim` only",
            {"exponentials.sum(dim, keepdim=True)": "exponentials.sum()"},
        ),
        Edit(
            "not divided by their sum", {" / exponentials.sum(dim, keepdim=True)": ""}
        ),
        Edit("the default `dim` is the last", {"dim: int = -1": "dim: int = 0"}),
        Answer(
            "another dimension than `dim`",
            """
def softmax(scores, dim=-1):
    exponentials = (scores - scores.amax(-1, keepdim=True)).exp()
    return exponentials / exponentials.sum(-1, keepdim=True)
""",
        ),
    ],
    "scaled_dot_product_attention": [
        Edit(
            "A hidden weight is small, not 0",
            {
                "masked_fill(~mask, -math.inf)": "masked_fill(~mask, -40.0)",
                "weights.masked_fill(~mask, 0.0)": "weights * mask.any(-1, True)",
            },
        ),
        Edit("not divided: √d_k", {" / math.sqrt(query.size(-1))": ""}),
        Edit("divided by d_k", {"math.sqrt(query.size(-1))": "query.size(-1)"}),
        Edit(
            "the number of keys",
            {"math.sqrt(query.size(-1))": "math.sqrt(key.size(-2))"},
        ),
        Edit("Each column", {"softmax(scores)": "softmax(scores, -2)"}),
        Edit(
            "wrong way round",
            {"masked_fill(~mask, -math.inf)": "masked_fill(mask, -math.inf)"},
        ),
        Edit(
            "set to 0 after the softmax",
            {"scores.masked_fill(~mask, -math.inf)": "scores"},
        ),
        Edit(
            "A hidden score became 0",
            {
                "masked_fill(~mask, -math.inf)": "masked_fill(~mask, 0.0)",
                "weights.masked_fill(~mask, 0.0)": "weights",
            },
        ),
        Edit("0/0 is NaN", {"weights.masked_fill(~mask, 0.0)": "weights"}),
        Edit(
            "weights come first",
            {"weights @ value, weights": "weights, weights @ value"},
        ),
        Edit(
            "as if nothing were hidden",
            {
                "masked_fill(~mask, -math.inf)": "masked_fill(~mask, -1e9)",
                "weights.masked_fill(~mask, 0.0)": "weights",
            },
        ),
    ],
    "causal_mask": [
        Edit(
            "does not see itself", {"tril(keys - queries)": "tril(keys - queries - 1)"}
        ),
        Edit("sees what comes after", {"tril(keys - queries)": "triu(keys - queries)"}),
        Edit(
            "the other way round",
            {"everywhere.tril(keys - queries)": "~everywhere.tril(keys - queries)"},
        ),
        Edit("taken for the first", {"tril(keys - queries)": "tril()"}),
        Edit("It holds numbers", {", dtype=torch.bool": ""}),
        Edit(
            "as many rows as keys",
            {"torch.ones(queries, keys, ": "torch.ones(keys, keys, "},
        ),
    ],
    "decoder_mask": [
        Edit("The rows of padding", {"unsqueeze(-2)": "unsqueeze(-1)"}),
        Edit("but padding is not", {"seen & causal": "(seen | True) & causal"}),
        Edit(
            "The future is not hidden",
            {
                "seen & causal_mask(attention_mask.size(-1))": (
                    "seen.expand(-1, attention_mask.size(-1), -1)"
                )
            },
        ),
        Edit("Both rules must hold", {"seen & causal": "seen | causal"}),
        Edit("is a token, and not padding", {"seen & causal": "~seen & causal"}),
        Edit(
            "It holds numbers",
            {
                "seen & causal_mask(attention_mask.size(-1))": (
                    "seen.long() * causal_mask(attention_mask.size(-1))"
                )
            },
        ),
    ],
    "split_heads": [
        Answer(
            "The tokens are mixed up",
            """
def split_heads(vectors, heads):
    batch, length, size = vectors.shape
    if size % heads:
        raise ValueError
    return vectors.reshape(batch, heads, length, size // heads)
""",
        ),
        Edit(
            "every third number",
            {
                "(heads, -1))": "(-1, heads))",
                "parts.transpose(1, 2)": "parts.permute(0, 3, 1, 2)",
            },
        ),
        Edit("stand after the length", {"parts.transpose(1, 2)": "parts"}),
        Edit("cut into `heads` parts", {"(heads, -1))": "(-1, heads))"}),
        Edit(
            "raise a `ValueError`",
            {
                'raise ValueError("d_model is not a multiple of heads")': (
                    "vectors = vectors[..., : -(vectors.size(-1) % heads)]"
                )
            },
        ),
        Edit(
            "RuntimeError",
            {
                'if vectors.size(-1) % heads:\n        raise ValueError("d_model is '
                'not a multiple of heads")\n    ': ""
            },
        ),
    ],
    "multi_head_attention": [
        Edit("W^O, is missing", {" @ w_output": ""}),
        Edit(
            "a single head",
            {
                "split_heads(hidden_states @ w_query, heads)": (
                    "split_heads(hidden_states @ w_query, 1)"
                ),
                "split_heads(hidden_states @ w_key, heads)": (
                    "split_heads(hidden_states @ w_key, 1)"
                ),
                "split_heads(hidden_states @ w_value, heads)": (
                    "split_heads(hidden_states @ w_value, 1)"
                ),
            },
        ),
        Edit(
            "without being moved back",
            {"mixed.transpose(1, 2).flatten(-2)": "mixed.reshape(hidden_states.shape)"},
        ),
        Edit(
            "The mask changes nothing",
            {"(query, key, value, mask)": "(query, key, value)"},
        ),
        Edit("reached the heads", {"mask.unsqueeze(1)": "mask"}),
        Edit(
            "values are those of the keys",
            {"hidden_states @ w_value": "hidden_states @ w_key"},
        ),
    ],
    "relative_position_bucket": [
        Edit("The buckets are floats", {"return after + ": "return 0.0 + after + "}),
        Edit(
            "The halves are swapped", {"relative_position > 0": "relative_position < 0"}
        ),
        Edit(
            "belongs to the lower half",
            {"relative_position > 0": "relative_position >= 0"},
        ),
        Edit("have the same bucket", {"return after + ": "return "}),
        Edit(
            "divide it by e first",
            {
                "torch.log(distance.clamp(min=exact).float() / exact)": (
                    "torch.log(distance.clamp(min=1).float())"
                )
            },
        ),
        Edit("begin at e", {"far = exact + ": "far = "}),
        Edit("leaves its half", {"far.clamp(max=half - 1)": "far"}),
        Edit(
            "have its own bucket",
            {
                "torch.where(distance < exact, distance, far.clamp(max=half - 1))": (
                    "distance.clamp(max=half - 1)"
                )
            },
        ),
        Edit("The sign is lost", {"relative_position.abs()": "relative_position"}),
    ],
    "KeyValueCache": [
        Edit(
            "new tokens alone",
            {
                "return key, value": "return key[:, :, -new:], value[:, :, -new:]",
                "if self.key is not None:": (
                    "new = key.size(2)\n        if self.key is not None:"
                ),
            },
        ),
        Edit(
            "before the old ones",
            {
                "torch.cat([self.key, key], dim=-2)": (
                    "torch.cat([key, self.key], dim=-2)"
                ),
                "torch.cat([self.value, value], dim=-2)": (
                    "torch.cat([value, self.value], dim=-2)"
                ),
            },
        ),
        Edit(
            "another dimension than the length",
            {
                "torch.cat([self.key, key], dim=-2)": (
                    "torch.cat([self.key, key], dim=-1)"
                ),
                "torch.cat([self.value, value], dim=-2)": (
                    "torch.cat([self.value, value], dim=-1)"
                ),
            },
        ),
        Edit("looks at another dimension", {"self.key.size(-2)": "self.key.size(-1)"}),
        Edit(
            "The values hold keys",
            {
                "self.key, self.value = key, value": (
                    "self.key = self.value = value = key"
                )
            },
        ),
        Answer(
            "share their memory",
            """
class KeyValueCache:
    keys, values = [], []

    @property
    def length(self):
        return sum(key.size(-2) for key in self.keys)

    def extend(self, key, value):
        self.keys.append(key)
        self.values.append(value)
        return torch.cat(self.keys, dim=-2), torch.cat(self.values, dim=-2)
""",
        ),
        Answer(
            "counts the calls",
            """
class KeyValueCache:
    def __init__(self):
        self.keys, self.values = [], []

    @property
    def length(self):
        return len(self.keys)

    def extend(self, key, value):
        self.keys.append(key)
        self.values.append(value)
        return torch.cat(self.keys, dim=-2), torch.cat(self.values, dim=-2)
""",
        ),
    ],
}
