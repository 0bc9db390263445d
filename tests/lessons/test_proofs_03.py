"""Lesson 03: what it invites the reader to change, one of its own cells notices."""

from proofs import notices

CHANGES = {  # in the order of the lesson, so that a change in front waits for nothing
    "no positions": (
        "token[ids] + position[i] + segment",
        "token[ids] + segment",
        "embeddings-proof",
    ),
    "a variance that divides by one less": (
        "correction=0",
        "correction=1",
        "norm-proof",
    ),
    "epsilon outside the root": (
        "(variance + self.epsilon).sqrt()",
        "(variance.sqrt() + self.epsilon)",
        "norm-proof",
    ),
    "an approximate gelu": (
        "return z * below",
        'return nn.functional.gelu(z, approximate="tanh")',
        "feed-forward-proof",
    ),
    "24 parts that replace": (
        "x, part: x + part(x)",
        "x, part: part(x)",
        "residual-proof",
    ),
    "attention's residual skipped": (
        "self.attention_norm(x + self",
        "self.attention_norm(self",
        "layer-proof",
    ),
    "feed-forward's residual skipped": (
        "self.feed_forward_norm(a + self",
        "self.feed_forward_norm(self",
        "layer-proof",
    ),
    "the norm before attention": (
        "self.attention_norm(x + self.attention(x, mask=mask)[0])",
        "x + self.attention(self.attention_norm(x), mask=mask)[0]",
        "layer-proof",
    ),
    "a mask forgotten in the encoder": (
        "block(states[-1], mask)",
        "block(states[-1], None)",
        "encoder-proof",
    ),
    "layers in the wrong order": (
        "in self.blocks:",
        "in reversed(self.blocks):",
        "encoder-proof",
    ),
    "residuals left in place": (
        "    if isinstance(output, tuple):",
        "    return output\n    if isinstance(output, tuple):",
        "knock-out-proof",
    ),
    "a mask forgotten in BERT": (
        "bert(tiny_ids, tiny_mask)[-1]",
        "bert(tiny_ids)[-1]",
        "bert-proof",
    ),
    "a mask forgotten in T5": (
        "t5(tiny_ids, written, tiny_mask)",
        "t5(tiny_ids, written)",
        "t5-proof",
    ),
    "an encoder for a decoder": (
        'looks["GPT"].triu',
        'looks["BERT"].triu',
        "looks-proof",
    ),
    "no cache": ("gpt(text[:, [n]], cache)", "gpt(text[:, [n]])", "cache-proof"),
    "linear maps without biases": (
        "return inputs * outputs + outputs",
        "return inputs * outputs",
        "count-proof",
    ),
    "tables without segments": (
        "positions + 2) * d_model",
        "positions) * d_model",
        "count-proof",
    ),
    "an optimizer without means": (
        "torch.optim.AdamW",
        "torch.optim.SGD",
        "memory-proof",
    ),
    "a vector forgotten": (
        "8 * d_model + 2 * d_ff",
        "7 * d_model + 2 * d_ff",
        "memory-proof",
    ),
    "a mask remembered": ("hello(attention_mask=None)", "hello()", "breaks-proof"),
    "eval() remembered": ("model.train()", "model.eval()", "breaks-proof"),
    "norms in their place": (
        "block.pre_norm = True",
        "block.pre_norm = False",
        "breaks-proof",
    ),
    "a text that fits": ("len(position) + 1", "len(position)", "breaks-proof"),
}

test_the_lesson_notices = notices("03_transformer", CHANGES)
