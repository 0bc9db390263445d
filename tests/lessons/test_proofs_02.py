"""Lesson 02: what it invites the reader to change, one of its own cells notices."""

from proofs import notices

CHANGES = {
    "a dictionary that is not sharp": (
        "answer = look_up(query, sharpness=20)",
        "answer = look_up(query, 2)",
        "soft-proof",
    ),
    "no division by the root of d_k": (
        "query @ key.mT / math.sqrt(d_k)",
        "query @ key.mT",
        "parity-proof",
    ),
    "keys doubled": (
        "torch.randn(1_000, 16, d_k)",
        "2 * torch.randn(1_000, 16, d_k)",
        "scale-proof",
    ),
    "padding that is seen": (
        "True, False, False]",
        "True, True, False]",
        "padding-proof",
    ),
    "a future that is seen": ("tril()  #", "triu()  #", "causal-proof"),
    "not-a-number where nothing is seen": (
        "scaled_dot_product_attention(x, x, x, ~causal)\nassert",
        "attention(x, x, x, ~causal)\nassert",
        "nowhere-proof",
    ),
    "a mask that is flipped": (
        "attn_mask=~causal",
        "attn_mask=causal",
        "multi-head-proof",
    ),
    "one place to look": ("[left, first]", "[left, left]", "heads-proof"),
    "one head for two": (
        "MultiHead(d_model, heads)",
        "MultiHead(d_model, 1)",
        "heads-proof",
    ),
    "tokens in an order": (
        "output, _ = attention(x, x, x)",
        "output, _ = attention(x, x, x, torch.ones(6, 6).tril().bool())",
        "order-proof",
    ),
    "positions": (
        "[CLS] and [SEP]\n",
        "[CLS] and [SEP]\nnowhere[0, 2] = 1\n",
        "two-dogs-proof",
    ),
    "a linear layer forgotten": ("8 * n * d**2", "6 * n * d**2", "flops-proof"),
    "another layer's states": (
        "result.hidden_states[0]",
        "result.hidden_states[1]",
        "real-proof",
    ),
    "no distance": ("step == -3", "step == -1", "back-proof"),
    "values with no mean among them": (
        "hand_weights[:2] @ V",
        "hand_weights[:2] @ V**2",
        "paper-proof",
    ),
    "weights alone": (" * value.norm(dim=-1)[..., None, :]", "", "norms-proof"),
    "a sharp map": (
        "attention(query, test_states,",
        "attention(30 * query, test_states,",
        "permute-proof",
    ),
    "a map in place": ("roll(3)", "roll(0)", "control-proof"),
    "scores too large": (" - large.max()", "", "overflow-proof"),
}

test_the_lesson_notices = notices("02_attention", CHANGES)
