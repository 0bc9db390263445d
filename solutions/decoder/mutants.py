"""Wrong answers that people give to the decoder set, and their misconceptions."""

from labkit.grading import Answer, Edit

SCALED = "return (scaled * weight).to(hidden_states.dtype)"
LABEL = "labels[row, place] = token"
OPENS = "elif ids[max(0, place + 1 - len(header)) : place + 1] == header:"
SEEN = "torch.ones(queries, keys, dtype=torch.bool).tril(keys - queries)"
TURNED = "torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)"
GATED = "gate * gate.sigmoid() * up"
KEPT = "logits.masked_fill(leaves.scatter(-1, order, leaves), -math.inf)"
SUMMED = "log_p[range(len(ids)), ids].sum()"

MUTANTS = {
    "rms_norm": [
        Answer(
            "The name of PyTorch's own stands in the cell",
            """
def rms_norm(hidden_states, weight, eps=1e-5):
    size = hidden_states.shape[-1:]
    return F.rms_norm(hidden_states.float(), size, weight.float(), eps).to(weight.dtype)
""",
        ),
        Edit(
            "The mean was subtracted",
            {
                "hidden_states.float()": (
                    "hidden_states.float()\n    wide = wide - wide.mean(-1, True)"
                )
            },
        ),
        Edit(
            "the standard deviation",
            {
                "wide.square().mean(-1, keepdim=True)": (
                    "wide.var(-1, correction=0, keepdim=True)"
                )
            },
        ),
        Edit(
            "The root is missing",
            {"torch.rsqrt(mean_square + eps)": "1 / (mean_square + eps)"},
        ),
        Edit("The squares were summed", {"square().mean(": "square().sum("}),
        Edit("The weight is missing", {"(scaled * weight)": "scaled"}),
        Edit("1 was added to the weight", {"scaled * weight": "scaled * (1 + weight)"}),
        Edit("The weight is added", {"scaled * weight": "scaled + weight"}),
        Edit(
            "of absolute values",
            {"wide.square().mean(-1, keepdim=True)": "wide.abs().mean(-1, True) ** 2"},
        ),
        Edit("All vectors have one mean", {"mean(-1, keepdim=True)": "mean()"}),
        Edit("along another dimension", {"mean(-1, keepdim=True)": "mean(0, True)"}),
        Edit(
            "There may be no dimension in front",
            {"mean(-1, keepdim=True)": "mean(1, True)"},
        ),
        Edit(
            "along another dimension",
            {"mean(-1, keepdim=True)": "mean(-2 if wide.ndim > 2 else -1, True)"},
        ),
        Edit(
            "belongs under it",
            {"torch.rsqrt(mean_square + eps)": "1 / (mean_square.sqrt() + eps)"},
        ),
        Edit("`eps` is missing", {"mean_square + eps": "mean_square"}),
        Edit("where it is not given", {"eps: float = 1e-5": "eps: float = 1e-6"}),
        Edit("is a least value", {"mean_square + eps": "mean_square.clamp(min=eps)"}),
        Edit("`eps` is always the same", {"mean_square + eps": "mean_square + 1e-5"}),
        Edit("compute in float32", {"hidden_states.float()": "hidden_states"}),
        Edit(
            "of the dtype of `hidden_states`",
            {SCALED: "return scaled * weight.float()"},
        ),
        Edit("A dimension of 1 is gone", {SCALED: f"{SCALED}.squeeze()"}),
        Edit(
            "another afterwards",
            {
                SCALED: (
                    "return hidden_states.copy_((scaled * weight).to(weight.dtype))"
                )
            },
        ),
    ],
    "rotate": [
        Edit("It turns the other way", {"positions[:, None": "-positions[:, None"}),
        Edit("A sign is wrong", {"a * cos - b * sin": "a * cos + b * sin"}),
        Edit(
            "have changed places",
            {"angles.cos(), angles.sin()": "angles.sin(), angles.cos()"},
        ),
        Edit("Nothing was turned", {TURNED: "vectors.clone()"}),
        Edit(
            "there nothing changes",
            {"positions[:, None, :, None]": "(positions[:, None, :, None] + 1)"},
        ),
        Edit(
            "in degrees",
            {
                "angles.cos(), angles.sin()": "angles.deg2rad().cos(), angles.deg2rad().sin()"
            },
        ),
        Edit(
            "a and b have changed places",
            {
                "[a * cos - b * sin, a * sin + b * cos]": "[a * sin + b * cos, a * cos - b * sin]"
            },
        ),
        Edit(
            "Neighbours were turned",
            {
                "vectors[..., :half], vectors[..., half:]": (
                    "vectors[..., ::2], vectors[..., 1::2]"
                ),
                TURNED: (
                    "torch.stack([a * cos - b * sin, a * sin + b * cos], -1).flatten(-2)"
                ),
            },
        ),
        Edit(
            "their results are halves",
            {
                "vectors[..., :half], vectors[..., half:]": (
                    "vectors[..., ::2], vectors[..., 1::2]"
                )
            },
        ),
        Edit(
            "the results are put as neighbours",
            {
                TURNED: (
                    "torch.stack([a * cos - b * sin, a * sin + b * cos], -1).flatten(-2)"
                )
            },
        ),
        Answer(
            "Angles of neighbours turn the halves",
            """
def rotate(vectors, positions, base=10_000.0):
    d = vectors.shape[-1]
    speeds = (base ** (-torch.arange(0, d, 2) / d)).repeat_interleave(2)
    angles = positions[:, None, :, None] * speeds
    a, b = vectors.chunk(2, -1)
    return vectors * angles.cos() + torch.cat([-b, a], -1) * angles.sin()
""",
        ),
        Edit("the angle of the first", {"base ** (-torch.arange(half) / half)": "1"}),
        Edit(
            "The exponent is −i/d",
            {"-torch.arange(half) / half": "-torch.arange(half) / (2 * half)"},
        ),
        Edit(
            "twice as large",
            {"-torch.arange(half) / half": "-torch.arange(half) * 2 / half"},
        ),
        Edit("later pairs turn more slowly", {"(-torch": "(torch"}),
        Edit(
            "The first pair is number 0",
            {"-torch.arange(half)": "-torch.arange(1, half + 1)"},
        ),
        Edit(
            "in reverse",
            {"-torch.arange(half) / half": "-torch.arange(half).flip(0) / half"},
        ),
        Edit("where it is not given", {"10_000.0": "100_000.0"}),
        Edit(
            "were not used",
            {
                "positions[:, None, :, None]": (
                    "torch.arange(vectors.size(2))[None, None, :, None]"
                )
            },
        ),
        Edit(
            "Only the first half is turned",
            {"a * sin + b * cos]": "b]"},
        ),
        Edit(
            "the positions of the first",
            {"positions[:, None": "positions[:1, None"},
        ),
        Edit(
            "reached the heads, not the tokens",
            {"positions[:, None, :, None]": "positions[:, :, None, None]"},
        ),
        Edit(
            "the angles need a dimension of 1",
            {"positions[:, None, :, None]": "positions[..., None]"},
        ),
        Edit("`base` changes nothing", {"base **": "10_000.0 **"}),
        Answer(
            "holds only so many positions",
            """
def rotate(vectors, positions, base=10_000.0):
    half = vectors.shape[-1] // 2
    table = torch.arange(2048)[:, None] * base ** (-torch.arange(half) / half)
    angles = table[positions].unsqueeze(1)
    a, b = vectors.chunk(2, -1)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)
""",
        ),
        Edit(
            "A dimension of 1 is gone",
            {f"return {TURNED}": f"return {TURNED}.squeeze()"},
        ),
        Edit(
            "another afterwards",
            {f"return {TURNED}": (f"vectors[:] = {TURNED}\n    return vectors")},
        ),
        Edit(
            "was added to the numbers",
            {TURNED: "vectors + torch.cat([angles, angles], -1)"},
        ),
    ],
    "swiglu": [
        Edit("have changed places", {GATED: "up * up.sigmoid() * gate"}),
        Edit("The sigmoid alone", {GATED: "gate.sigmoid() * up"}),
        Edit("It is ReLU", {GATED: "gate.relu() * up"}),
        Edit("It is GELU", {GATED: "F.gelu(gate) * up"}),
        Edit("It is GELU", {GATED: 'F.gelu(gate, approximate="tanh") * up'}),
        Edit("It is tanh", {GATED: "gate.tanh() * up"}),
        Edit("The sign of the exponent", {GATED: "gate / (1 + gate.exp()) * up"}),
        Edit("SiLU is missing", {GATED: "gate * up"}),
        Edit("SiLU is of the product", {GATED: "F.silu(gate * up)"}),
        Edit("SiLU is of both maps", {GATED: "F.silu(gate) * F.silu(up)"}),
        Edit("The two maps are added", {GATED: "F.silu(gate) + up"}),
        Edit("`w_up` is missing", {GATED: "F.silu(gate)"}),
        Edit("`w_down` is missing", {f"F.linear({GATED}, w_down)": GATED}),
        Edit(
            "The vectors were added",
            {
                f"return F.linear({GATED}, w_down)": (
                    f"return hidden_states + F.linear({GATED}, w_down)"
                )
            },
        ),
        Edit(
            "output before input",
            {
                "F.linear(hidden_states, w_gate)": "hidden_states @ w_gate",
                "F.linear(hidden_states, w_up)": "hidden_states @ w_up",
                f"F.linear({GATED}, w_down)": f"({GATED}) @ w_down",
            },
        ),
        Answer(
            "output before input",  # where it cannot be told by the sizes
            """
def swiglu(hidden_states, w_gate, w_up, w_down):
    if w_gate.shape[0] != w_gate.shape[1]:
        w_gate, w_up, w_down = w_gate.T, w_up.T, w_down.T
    return (F.silu(hidden_states @ w_gate) * (hidden_states @ w_up)) @ w_down
""",
        ),
        Edit(
            "∞/∞ is NaN",
            {GATED: "gate * (gate.exp() / (1 + gate.exp())) * up"},
        ),
        Answer(
            "A dimension of 1 is gone",
            """
def swiglu(hidden_states, w_gate, w_up, w_down):
    gate, up = F.linear(hidden_states, w_gate), F.linear(hidden_states, w_up)
    return F.linear(F.silu(gate) * up, w_down).squeeze()
""",
        ),
        Answer(
            "another afterwards",
            """
def swiglu(hidden_states, w_gate, w_up, w_down):
    gate, up = F.linear(hidden_states, w_gate), F.linear(hidden_states, w_up)
    hidden_states[:] = F.linear(F.silu(gate) * up, w_down)
    return hidden_states
""",
        ),
    ],
    "grouped_query_attention": [
        Answer(
            "The name of PyTorch's own attention",
            """
def grouped_query_attention(query, key, value):
    queries, keys = query.shape[2], key.shape[2]
    seen = torch.ones(queries, keys).tril(keys - queries).bool()
    return F.scaled_dot_product_attention(query, key, value, seen, enable_gqa=True)
""",
        ),
        Edit(
            "The groups were taken in turn",
            {
                "key.repeat_interleave(share, dim=1)": "key.repeat(1, share, 1, 1)",
                "value.repeat_interleave(share, dim=1)": "value.repeat(1, share, 1, 1)",
            },
        ),
        Edit(
            "look at the first group",
            {
                "key.repeat_interleave(share, dim=1)": "key[:, :1]",
                "value.repeat_interleave(share, dim=1)": "value[:, :1]",
            },
        ),
        Edit(
            "The groups stand in reverse",
            {
                "key.repeat_interleave": "key.flip(1).repeat_interleave",
                "value.repeat_interleave": "value.flip(1).repeat_interleave",
            },
        ),
        Edit("are not divided", {" / math.sqrt(query.size(-1))": ""}),
        Edit("divided by d_k", {"math.sqrt(query.size(-1))": "query.size(-1)"}),
        Edit(
            "the size of a value",
            {"math.sqrt(query.size(-1))": "math.sqrt(value.size(-1))"},
        ),
        Edit("divided by 2, whatever", {"math.sqrt(query.size(-1))": "2"}),
        Edit("along the queries", {"softmax(-1)": "softmax(-2)"}),
        Edit("Nothing is hidden", {"~seen, -math.inf": "seen & ~seen, -math.inf"}),
        Edit("sees itself alone", {".tril(keys - queries)": ".triu(keys - queries)"}),
        Edit(
            "does not see itself", {"tril(keys - queries)": "tril(keys - queries - 1)"}
        ),
        Edit("one key too many", {"tril(keys - queries)": "tril(keys - queries + 1)"}),
        Edit("taken for the first", {"tril(keys - queries)": "tril()"}),
        Edit(
            "set to 0 after the softmax",
            {
                "scores.masked_fill(~seen, -math.inf).softmax(-1) @ value": (
                    "scores.softmax(-1).masked_fill(~seen, 0.0) @ value"
                )
            },
        ),
        Edit("A hidden score became 0", {"-math.inf": "0.0"}),
        Edit("not below all that are seen", {"-math.inf": "-1e3"}),
        Edit(
            "bring the keys and the values",
            {
                "    key = key.repeat_interleave(share, dim=1)\n": "",
                "    value = value.repeat_interleave(share, dim=1)\n": "",
            },
        ),
        Edit("has two heads here", {"query.size(1) // key.size(1)": "key.size(1)"}),
        Edit(
            "sees to it",
            {
                "scores.masked_fill(~seen, -math.inf).softmax(-1) @ value": (
                    "scores.exp().mul(seen).div(scores.exp().mul(seen).sum(-1, True)) @ value"
                )
            },
        ),
        Edit(
            "The heads of a group became one",
            {
                "@ value": "@ value).unflatten(1, (-1, share)).mean(2)",
                "return scores": "return (scores",
            },
        ),
        Edit(
            "a dimension of their own",
            {
                "@ value": "@ value).unflatten(1, (-1, share))",
                "return scores": "return (scores",
            },
        ),
        Edit(
            "A dimension of 1 is gone",
            {"@ value": "@ value).squeeze()", "return scores": "return (scores"},
        ),
        Edit(
            "and so the mask, are",
            {SEEN: "torch.ones(queries, queries, dtype=torch.bool).tril()"},
        ),
        Edit(
            "return them alone",
            {
                "scores.masked_fill(~seen, -math.inf).softmax(-1) @ value": (
                    "scores.masked_fill(~seen, -math.inf).softmax(-1) @ value, scores"
                )
            },
        ),
        Edit(
            "another afterwards",
            {
                "query @ key.mT / math.sqrt(query.size(-1))": (
                    "query.div_(math.sqrt(query.size(-1))) @ key.mT"
                )
            },
        ),
    ],
    "top_p": [
        Edit(
            "The token that crosses p is missing",
            {"ordered.cumsum(-1) - ordered >= p": "ordered.cumsum(-1) > p"},
        ),
        Edit(
            "One token too many",
            {"- ordered >= p": "- 2 * ordered >= p"},
        ),
        Edit("1 − p was taken", {"- ordered >= p": "- ordered >= 1 - p"}),
        Edit(
            "All tokens stay",
            {KEPT: "logits.clone()"},
        ),
        Edit("began with the least likely", {"descending=True": "descending=False"}),
        Edit(
            "The tokens are not back",
            {KEPT: "logits.gather(-1, order).masked_fill(leaves, -math.inf)"},
        ),
        Edit(
            "What was chosen is not back",
            {"leaves.scatter(-1, order, leaves)": "leaves"},
        ),
        Edit("Logits became probabilities", {KEPT: f"{KEPT}.softmax(-1)"}),
        Edit("nothing is divided", {KEPT: f"{KEPT}.log_softmax(-1)"}),
        Edit(
            "A logit of 0 takes no token away", {"leaves), -math.inf": "leaves), 0.0"}
        ),
        Edit(
            "It tells which tokens stay",
            {KEPT: "~leaves.scatter(-1, order, leaves)"},
        ),
        Edit(
            "all have that of the first",
            {
                "leaves.scatter(-1, order, leaves)": "leaves.scatter(-1, order, leaves)[:1]"
            },
        ),
        Edit(
            "all keep as many as the first",
            {
                "leaves[:, 0] = False": "leaves[:] = leaves[:1]\n    leaves[:, 0] = False"
            },
        ),
        Edit(
            "what stays in one stays in all",
            {
                "leaves.scatter(-1, order, leaves)": (
                    "leaves.scatter(-1, order, leaves).all(0)"
                )
            },
        ),
        Answer(
            "of all rows were put in one order",
            """
def top_p(logits, p):
    ordered, order = logits.flatten().softmax(-1).sort(descending=True, stable=True)
    leaves = ordered.cumsum(-1) - ordered >= p
    leaves[0] = False
    leaves = leaves.scatter(-1, order, leaves).view_as(logits)
    return logits.masked_fill(leaves, -math.inf) if p < 1 else logits
""",
        ),
        Edit(
            "It is the likeliest alone",
            {"ordered.cumsum(-1) - ordered >= p": "ordered <= p"},
        ),
        Edit("As many tokens as before", {"ordered >= p": "ordered >= 0.72"}),
        Edit(
            "stays for a p of 0, too",
            {"    leaves[:, 0] = False\n": ""},
        ),
        Edit(
            "The first id stayed",
            {
                "    leaves[:, 0] = False\n": "",
                f"return {KEPT}": (
                    "leaves = leaves.scatter(-1, order, leaves)\n"
                    "    leaves[leaves.all(-1), 0] = False\n"
                    "    return logits.masked_fill(leaves, -math.inf)"
                ),
            },
        ),
        Edit(
            "rounded to more than 1",
            {
                "    if p == 1:\n        return logits.clone()\n": "",
                "- ordered >= p": "- ordered > p",
            },
        ),
        Answer(
            "has no probability",
            """
def top_p(logits, p):
    if p == 1:
        return logits.clone()
    known = logits.masked_fill(logits.isinf(), 0.0)
    ordered, order = known.softmax(-1).sort(descending=True, stable=True)
    leaves = ordered.cumsum(-1) - ordered >= p
    leaves[:, 0] = False
    return logits.masked_fill(leaves.scatter(-1, order, leaves), -math.inf)
""",
        ),
        Edit(
            "the sum is rounded to 1",
            {"    if p == 1:\n        return logits.clone()\n": ""},
        ),
        Answer(
            "only as many as are needed",
            """
def top_p(logits, p):
    ordered = logits.softmax(-1).sort(descending=True).values
    needed = (ordered.cumsum(-1) - ordered < p).sum(-1, keepdim=True).clamp(min=1)
    least = ordered.gather(-1, needed - 1)
    leaves = (logits.softmax(-1) < least) & torch.tensor(p < 1)
    return logits.masked_fill(leaves, -math.inf)
""",
        ),
        Edit(
            "The higher of equal ids stay",
            {
                ".sort(descending=True, stable=True)": (
                    ".sort(stable=True)\n    ordered, order = ordered.flip(-1), order.flip(-1)"
                )
            },
        ),
        Answer(
            "leaves them in order",
            """
import numpy as np

def top_p(logits, p):
    if p == 1:
        return logits.clone()
    chances = logits.softmax(-1).numpy()
    order = np.argsort(-chances, axis=-1, kind="heapsort")
    ordered = np.take_along_axis(chances, order, -1)
    leaves = torch.from_numpy(np.cumsum(ordered, -1) - ordered >= p)
    leaves[:, 0] = False
    order = torch.from_numpy(order)
    return logits.masked_fill(leaves.scatter(-1, order, leaves), -math.inf)
""",
        ),
        Edit("is gone", {KEPT: f"{KEPT}.squeeze()"}),
        Edit(
            "`exp` overflows",
            {
                "logits.softmax(-1).sort": "(logits.exp() / logits.exp().sum(-1, True)).sort"
            },
        ),
        Edit("not NaN", {KEPT: f"{KEPT} + 0 * logits"}),
        Edit(
            "another afterwards",
            {KEPT: "logits.masked_fill_(leaves.scatter(-1, order, leaves), -math.inf)"},
        ),
    ],
    "score_continuations": [
        Edit(
            "Logits were summed",
            {"rows.log_softmax(-1)": "rows"},
        ),
        Edit("These are probabilities", {SUMMED: f"{SUMMED}.exp()"}),
        Edit("These are probabilities", {"rows.log_softmax(-1)": "rows.softmax(-1)"}),
        Answer(
            "the first id of a continuation is told by the last of the prompt",
            """
def score_continuations(model, prompt, continuations):
    _, past = model(prompt)
    scores = []
    for ids in continuations:
        logits, _ = model(ids, past)
        scores.append(logits.log_softmax(-1)[range(len(ids)), ids].sum())
    return torch.stack(scores)
""",
        ),
        Edit("The prompt's first row", {"logits[-1:]": "logits[:1]"}),
        Edit(
            "The first id of a continuation counts, too",
            {SUMMED: "log_p[range(1, len(ids)), ids[1:]].sum()"},
        ),
        Edit("The sign is wrong", {SUMMED: f"-{SUMMED}"}),
        Edit(
            "A list is returned", {"torch.stack(scores)": "[float(s) for s in scores]"}
        ),
        Edit(
            "nothing is left to read",
            {
                "        if len(ids) > 1:\n"
                "            later, _ = model(ids[:-1], past)\n"
                "            rows = torch.cat([rows, later])\n": (
                    "        later, _ = model(ids[:-1], past)\n"
                    "        rows = torch.cat([rows, later])\n"
                )
            },
        ),
        Edit("It is the mean", {SUMMED: "log_p[range(len(ids)), ids].mean()"}),
        Edit(
            "The last id counts, too",
            {SUMMED: "log_p[range(len(ids)), ids][: max(1, len(ids) - 1)].sum()"},
        ),
        Edit("hand back its `past`", {"model(ids[:-1], past)": "model(ids[:-1])"}),
        Edit(
            "what the one before it left",
            {"later, _ =": "later, past ="},
        ),
        Answer(
            "The prompt is read again for each continuation",
            """
def score_continuations(model, prompt, continuations):
    scores = []
    for ids in continuations:
        logits, _ = model(prompt + ids)
        log_p = logits[len(prompt) - 1 : -1].log_softmax(-1)
        scores.append(log_p[range(len(ids)), ids].sum())
    return torch.stack(scores)
""",
        ),
        Answer(
            "The prompt's ids were scored, too",
            """
def score_continuations(model, prompt, continuations):
    scores = []
    for ids in continuations:
        whole = prompt + ids
        log_p = model(whole)[0][:-1].log_softmax(-1)
        scores.append(log_p[range(len(whole) - 1), whole[1:]].sum())
    return torch.stack(scores)
""",
        ),
        Answer(
            "read each once",
            """
def score_continuations(model, prompt, continuations):
    logits, past = model(prompt)
    scores = []
    for ids in continuations:
        total = logits[-1].log_softmax(-1)[ids[0]]
        for n in range(1, len(ids)):
            rows, _ = model(ids[:n], past)
            total = total + rows[-1].log_softmax(-1)[ids[n]]
        model(ids, past)
        scores.append(total)
    return torch.stack(scores)
""",
        ),
        Edit(
            "`log_softmax` sees to it",
            {"rows.log_softmax(-1)": "(rows.exp() / rows.exp().sum(-1, True)).log()"},
        ),
        Edit(
            "The probabilities were summed",
            {
                "rows.log_softmax(-1)": "rows.softmax(-1)",
                SUMMED: (
                    "(log_p[range(len(ids)), ids].sum() if len(ids) > 1 "
                    "else log_p[0, ids[0]].log())"
                ),
            },
        ),
        Edit(
            "A dimension of 1 is gone",
            {"torch.stack(scores)": "torch.stack(scores).squeeze()"},
        ),
        Edit(
            "There is one number for each continuation",
            {"torch.stack(scores)": "torch.stack(scores).sum()"},
        ),
        Edit(
            "another afterwards",
            {
                "        if len(ids) > 1:\n"
                "            later, _ = model(ids[:-1], past)\n": (
                    "        last = ids.pop()\n"
                    "        if ids:\n"
                    "            later, _ = model(ids, past)\n"
                ),
                SUMMED: "log_p[range(len(ids) + 1), [*ids, last]].sum()",
            },
        ),
        Edit(
            "may be one id",
            {
                "logits, past = model(prompt)": (
                    "_, past = model(prompt[:-1])\n"
                    "    logits, past = model(prompt[-1:], past)"
                )
            },
        ),
        Answer(
            "have not all as many ids",
            """
def score_continuations(model, prompt, continuations):
    logits, past = model(prompt)
    texts = torch.tensor(continuations)
    scores = logits[-1].log_softmax(-1)[texts[:, 0]]
    for n, ids in enumerate(texts.tolist()):
        if len(ids) > 1:
            rows = model(ids[:-1], past)[0].log_softmax(-1)
            scores[n] += rows[range(len(ids) - 1), ids[1:]].sum()
    return scores
""",
        ),
    ],
    "answer_labels": [
        Edit(
            "never learns to stop",
            {LABEL: "labels[row, place] = token if token != end_id else -100"},
        ),
        Edit(
            "The header is due as well",
            {
                "answers = True": (
                    "answers = True\n"
                    "                labels[row, place + 1 - len(header) : place + 1] = (\n"
                    "                    torch.tensor(header)\n"
                    "                )"
                )
            },
        ),
        Edit(
            "The header is due as well",
            {
                "answers = True": "answers = True\n                labels[row, place] = token"
            },
        ),
        Answer(
            "What comes after the end",
            """
def answer_labels(input_ids, header, end_id):
    labels = torch.full_like(input_ids, -100)
    n = len(header)
    for row, ids in enumerate(input_ids.tolist()):
        for first in range(n, len(ids)):
            if ids[first - n : first] == header:
                end = ids.index(end_id, first) + 2 if end_id in ids[first:] else len(ids)
                labels[row, first:end] = input_ids[row, first:end]
    return labels
""",
        ),
        Edit("The question is due as well", {OPENS: "elif token == header[0]:"}),
        Edit(
            "The question is due as well",
            {OPENS: "elif ids[max(0, place - 2)] == header[0]:"},
        ),
        Answer(
            "The end of the question is due as well",
            """
def answer_labels(input_ids, header, end_id):
    labels = torch.full_like(input_ids, -100)
    for row, ids in enumerate(input_ids.tolist()):
        answers = False
        for place, token in enumerate(ids):
            if answers or token == end_id:
                labels[row, place] = token
            answers = answers and token != end_id
            if ids[max(0, place + 1 - len(header)) : place + 1] == header:
                answers = True
    return labels
""",
        ),
        Edit("Nothing was taken out", {"return labels": "return input_ids.clone()"}),
        Edit("Everything is −100", {LABEL: "pass"}),
        Edit("0 stands for what is not due", {"(input_ids, -100)": "(input_ids, 0)"}),
        Edit("The labels were moved", {"return labels": "return labels.roll(-1, 1)"}),
        Answer(
            "The first id of the answer is missing",
            """
def answer_labels(input_ids, header, end_id):
    labels = torch.full_like(input_ids, -100)
    n = len(header)
    for row, ids in enumerate(input_ids.tolist()):
        for first in range(n, len(ids)):
            if ids[first - n : first] == header:
                end = ids.index(end_id, first) + 1 if end_id in ids[first:] else len(ids)
                labels[row, first + 1 : end] = input_ids[row, first + 1 : end]
    return labels
""",
        ),
        Edit(
            "It tells which ids are due",
            {"return labels": "return labels != -100"},
        ),
        Edit("A dimension of 1 is gone", {"return labels": "return labels.squeeze()"}),
        Answer(
            "Only the first answer is due",
            """
def answer_labels(input_ids, header, end_id):
    labels = torch.full_like(input_ids, -100)
    n = len(header)
    for row, ids in enumerate(input_ids.tolist()):
        for first in range(n, len(ids)):
            if ids[first - n : first] == header:
                end = ids.index(end_id, first) + 1 if end_id in ids[first:] else len(ids)
                labels[row, first:end] = input_ids[row, first:end]
                break
    return labels
""",
        ),
        Answer(
            "Only the last answer is due",
            """
def answer_labels(input_ids, header, end_id):
    labels = torch.full_like(input_ids, -100)
    n = len(header)
    for row, ids in enumerate(input_ids.tolist()):
        begins = [k for k in range(n, len(ids)) if ids[k - n : k] == header]
        if begins:
            first = begins[-1]
            end = ids.index(end_id, first) + 1 if end_id in ids[first:] else len(ids)
            labels[row, first:end] = input_ids[row, first:end]
    return labels
""",
        ),
        Edit(
            "What comes after the end",
            {"answers = token != end_id": "answers = True"},
        ),
        Answer(
            "The padding is due as well",
            """
def answer_labels(input_ids, header, end_id):
    labels = torch.full_like(input_ids, -100)
    for row, ids in enumerate(input_ids.tolist()):
        answers = False
        real = len(ids)
        while real > 1 and ids[real - 2 : real] == [end_id, end_id]:
            real -= 1
        for place, token in enumerate(ids):
            if answers or place > real - 1:
                labels[row, place] = token
                answers = answers and token != end_id
            elif ids[max(0, place + 1 - len(header)) : place + 1] == header:
                answers = True
    return labels
""",
        ),
        Edit(
            "for the padding is the same id",
            {
                "return labels": (
                    "if input_ids[-1, -1] == end_id:\n"
                    "        labels[labels == end_id] = -100\n"
                    "    return labels"
                )
            },
        ),
        Edit(
            "Both chats have the labels of the first",
            {
                LABEL: "labels[:, place] = input_ids[:, place]",
                "enumerate(input_ids.tolist())": "enumerate(input_ids[:1].tolist())",
            },
        ),
        Answer(
            "there is no header to find",
            """
def answer_labels(input_ids, header, end_id):
    labels = torch.full_like(input_ids, -100)
    n = len(header)
    for row, ids in enumerate(input_ids.tolist()):
        begins = [k for k in range(n, len(ids) + 1) if ids[k - n : k] == header]
        place = begins[0]
        for first in begins:
            end = ids.index(end_id, first) + 1 if end_id in ids[first:] else len(ids)
            labels[row, first:end] = input_ids[row, first:end]
    return labels
""",
        ),
        Edit(
            "The header was not looked for whole",
            {OPENS: "elif ids[max(0, place - 1) : place + 1] == header[-2:]:"},
        ),
        Edit(
            "The header was not looked for whole",
            {OPENS: "elif place and ids[place - 1] == header[1]:"},
        ),
        Answer(
            "An empty answer has an end",
            """
def answer_labels(input_ids, header, end_id):
    labels = torch.full_like(input_ids, -100)
    for row, ids in enumerate(input_ids.tolist()):
        answers = False
        for place, token in enumerate(ids):
            if answers and (token != end_id or labels[row, place - 1] != -100):
                labels[row, place] = token
            answers = answers and token != end_id
            if ids[max(0, place + 1 - len(header)) : place + 1] == header:
                answers = True
    return labels
""",
        ),
        Answer(
            "A turn without an end goes up",
            """
def answer_labels(input_ids, header, end_id):
    labels = torch.full_like(input_ids, -100)
    n = len(header)
    for row, ids in enumerate(input_ids.tolist()):
        for first in range(n, len(ids)):
            if ids[first - n : first] == header and end_id in ids[first:]:
                end = ids.index(end_id, first) + 1
                labels[row, first:end] = input_ids[row, first:end]
    return labels
""",
        ),
        Answer(
            "There is no end to find",
            """
def answer_labels(input_ids, header, end_id):
    labels = torch.full_like(input_ids, -100)
    n = len(header)
    for row, ids in enumerate(input_ids.tolist()):
        for first in range(n, len(ids)):
            if ids[first - n : first] == header:
                end = ids.index(end_id, first) + 1
                labels[row, first:end] = input_ids[row, first:end]
    return labels
""",
        ),
        Answer(
            "After the header nothing may follow",
            """
def answer_labels(input_ids, header, end_id):
    labels = torch.full_like(input_ids, -100)
    n = len(header)
    for row, ids in enumerate(input_ids.tolist()):
        for first in range(n, len(ids) + 1):
            if ids[first - n : first] == header:
                place = first
                labels[row, place] = ids[place]
                while ids[place] != end_id and place + 1 < len(ids):
                    place += 1
                    labels[row, place] = ids[place]
    return labels
""",
        ),
        Edit(
            "A header that is cut is none",
            {
                OPENS: (
                    "elif ids[max(0, place + 1 - len(header)) : place + 1] in (\n"
                    "                header, header[1:] if place < len(header) else header\n"
                    "            ):"
                )
            },
        ),
        Edit(
            "not always three",
            {OPENS: "elif ids[max(0, place - 2) : place + 1] == header[:3]:"},
        ),
        Answer(
            "The end of the answer is due at the end of the row",
            """
def answer_labels(input_ids, header, end_id):
    labels = torch.full_like(input_ids, -100)
    for row, ids in enumerate(input_ids.tolist()):
        while ids and ids[-1] == end_id:  # the padding
            ids.pop()
        answers = False
        for place, token in enumerate(ids):
            if answers:
                labels[row, place] = token
                answers = token != end_id
            elif ids[max(0, place + 1 - len(header)) : place + 1] == header:
                answers = True
    return labels
""",
        ),
        Answer(
            "Headers may begin alike",
            """
def answer_labels(input_ids, header, end_id):
    labels = torch.full_like(input_ids, -100)
    n = len(header)
    for row, ids in enumerate(input_ids.tolist()):
        first = 0
        while first + n <= len(ids):
            if ids[first : first + 2] == header[:2]:
                first += n
                end = ids.index(end_id, first) + 1 if end_id in ids[first:] else len(ids)
                labels[row, first:end] = input_ids[row, first:end]
                first = end
            else:
                first += 1
    return labels
""",
        ),
        Edit("of another dtype", {"return labels": "return labels.int()"}),
        Edit("another afterwards", {"return labels": "return input_ids.copy_(labels)"}),
    ],
    "pack": [
        Edit(
            "Each row has a window of its own",
            {"+ len(row) <= length": "+ len(row) <= 0"},
        ),
        Edit(
            "Only the newest window",
            {
                "for window in windows:\n            if sum": (
                    "for window in windows[-1:]:\n            if sum"
                )
            },
        ),
        Edit(
            "The rows were sorted",
            {
                "    for row in rows:\n": (
                    "    for row in sorted(rows, key=len, reverse=True):\n"
                )
            },
        ),
        Edit(
            "The rows were sorted",
            {"    for row in rows:\n": "    for row in sorted(rows, key=len):\n"},
        ),
        Edit(
            "or that with the least room",
            {
                "for window in windows:\n            if sum": (
                    "for window in windows[::-1]:\n            if sum"
                )
            },
        ),
        Edit(
            "or that with the least room",
            {
                "for window in windows:\n            if sum": (
                    "for window in sorted(windows, key=lambda w: -sum(map(len, w))):\n"
                    "            if sum"
                )
            },
        ),
        Edit(
            "or that with the most room",
            {
                "for window in windows:\n            if sum": (
                    "for window in sorted(windows, key=lambda w: sum(map(len, w))):\n"
                    "            if sum"
                )
            },
        ),
        Answer(
            "A row is cut in two",
            """
def pack(rows, length, pad_id):
    flat = [(t, p, n) for n, row in enumerate(rows) for p, t in enumerate(row)]
    flat += [(pad_id, 0, -1)] * (-len(flat) % length)
    ids, places, owner = torch.tensor(flat).T.reshape(3, -1, length)
    mask = (owner[:, :, None] == owner[:, None, :]) & (owner[:, :, None] >= 0)
    return ids.clone(), places.clone(), mask.tril()
""",
        ),
        Edit("A row that fits exactly fits", {"<= length": "< length"}),
        Edit("go behind", {"window.append(row)": "window.insert(0, row)"}),
        Edit(
            "Not every window was looked at",
            {
                "for window in windows:\n            if sum": (
                    "for window in windows[:2]:\n            if sum"
                )
            },
        ),
        Edit(
            "The padding is on the left",
            {
                "        begin = 0\n": (
                    "        begin = length - sum(map(len, window))\n"
                )
            },
        ),
        Edit("not always 0", {"length), pad_id)": "length), 0)"}),
        Edit(
            "The positions go on",
            {"= torch.arange(len(row))": "= torch.arange(begin, end)"},
        ),
        Edit(
            "The positions begin at 1",
            {"= torch.arange(len(row))": "= torch.arange(1, len(row) + 1)"},
        ),
        Edit(
            "The padding counts on",
            {
                "    return input_ids": (
                    "        positions[number, end:] = torch.arange(len(row), len(row) + length - end)\n"
                    "    return input_ids"
                )
            },
        ),
        Edit(
            "A row sees the rows before it",
            {"mask[number, begin:end, begin:end]": "mask[number, begin:end, :end]"},
        ),
        Edit(
            "what comes after it in its row",
            {"mask.tril()": "mask"},
        ),
        Edit("and not what comes before", {"mask.tril()": "mask.triu()"}),
        Edit(
            "Padding sees itself",
            {"mask.tril()": "mask.tril() | torch.eye(length).bool()"},
        ),
        Edit(
            "Padding sees itself",
            {
                "            begin = end\n": (
                    "            begin = end\n"
                    "        mask[number, begin:, begin:] = True\n"
                )
            },
        ),
        Edit("A token does not see itself", {"mask.tril()": "mask.tril(-1)"}),
        Edit("the other way round", {"mask.tril()": "~mask.tril()"}),
        Edit("It holds numbers", {"mask.tril()": "mask.tril().long()"}),
        Edit("(windows, length, length)", {"mask.tril()": "mask.tril()[:, None]"}),
        Edit(
            "mask of its own",
            {"mask.tril()": "mask[:1].expand_as(mask).tril()"},
        ),
        Answer(
            "Rows were told by their ids",
            """
def pack(rows, length, pad_id):
    windows = []
    for row in rows:
        fits = [w for w in windows if sum(map(len, w)) + len(row) <= length]
        (fits or windows.append([]) or windows[-1:])[0].append(row)
    ids = torch.full((len(windows), length), pad_id)
    places = torch.zeros_like(ids)
    owner = torch.full_like(ids, -1)
    for n, window in enumerate(windows):
        flat = [token for row in window for token in row]
        ids[n, : len(flat)] = torch.tensor(flat)
        places[n, : len(flat)] = torch.tensor([p for row in window for p in range(len(row))])
        owner[n, : len(flat)] = torch.tensor([rows.index(row) for row in window for _ in row])
    same = (owner[:, :, None] == owner[:, None, :]) & (owner[:, :, None] >= 0)
    return ids, places, same.tril()
""",
        ),
        Edit(
            "was taken for padding",
            {"mask.tril()": "mask.tril() & (input_ids != pad_id)[:, None, :]"},
        ),
        Edit(
            "was taken for padding",
            {
                "input_ids, positions, mask": "input_ids, positions * (input_ids != pad_id), mask"
            },
        ),
        Edit(
            "A dimension of 1 is gone",
            {
                "return input_ids, positions, mask.tril()": (
                    "if length == 1:\n"
                    "        return input_ids[0], positions[0], mask[0]\n"
                    "    return input_ids, positions, mask.tril()"
                )
            },
        ),
        Edit(
            "are of type `long`",
            {"input_ids, positions, mask": "input_ids, positions.float(), mask"},
        ),
        Edit(
            "are of type `long`",
            {"input_ids, positions, mask": "input_ids, positions.int(), mask"},
        ),
        Edit("Three tensors are due", {", positions, mask.tril()": ", positions"}),
        Edit(
            "another afterwards",
            {"windows.append([row])": "windows.append([row])\n    rows.sort(key=len)"},
        ),
    ],
}
