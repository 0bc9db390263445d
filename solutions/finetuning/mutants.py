"""Wrong answers that people give to the fine-tuning set, and their misconceptions."""

from labkit.grading import Answer, Edit

MUTANTS = {
    "batches_by_length": [
        Edit("The shortest come first", {"-lengths[i]": "lengths[i]"}),
        Edit(
            "have changed their order",
            {
                "order = sorted(range(len(lengths)), key=lambda i: -lengths[i])": "order = sorted(range(len(lengths)), key=lambda i: lengths[i])[::-1]"
            },
        ),
        Edit(
            "These are lengths",
            {
                "return [order[i : i + batch_size] for": "return [[lengths[j] for j in order[i : i + batch_size]] for"
            },
        ),
        Edit(
            "not sorted",
            {
                "sorted(range(len(lengths)), key=lambda i: -lengths[i])": "list(range(len(lengths)))"
            },
        ),
        Edit(
            "last batch is missing",
            {
                "range(0, len(order), batch_size)": "range(0, len(order) - batch_size + 1, batch_size)"
            },
        ),
    ],
    "mean_pool": [
        Edit(
            "Padding counts as a token",
            {
                "hidden_states.masked_fill(padding, 0.0).sum(dim=1)": "hidden_states.sum(dim=1)",
                "attention_mask.sum(dim=1, keepdim=True).clamp(min=1)": "hidden_states.size(1)",
            },
        ),
        Edit(
            "the number that you divide by",
            {
                "attention_mask.sum(dim=1, keepdim=True).clamp(min=1)": "hidden_states.size(1)"
            },
        ),
        Edit(
            "first token",
            {
                "return total / attention_mask.sum(dim=1, keepdim=True).clamp(min=1)": "return hidden_states[:, 0]"
            },
        ),
        Edit(
            "It is the sum",
            {" / attention_mask.sum(dim=1, keepdim=True).clamp(min=1)": ""},
        ),
        Edit(
            "fill, do not multiply",
            {"hidden_states.masked_fill(padding, 0.0)": "(hidden_states * ~padding)"},
        ),
        Edit("NaN", {".clamp(min=1)": ""}),
    ],
    "token_loss": [
        Answer(
            "PyTorch's own loss was called",
            """
def token_loss(logits, labels):
    total = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum")
    return total / (labels != -100).sum().clamp(min=1)
""",
        ),
        Edit("count in the mean", {"due.sum().clamp(min=1)": "due.numel()"}),
        Edit("sum of the losses", {" / due.sum().clamp(min=1)": ""}),
        Edit("The sign is wrong", {"return -(": "return ("}),
        Edit(
            "mean of the texts' means",
            {
                "-(own * due).sum() / due.sum().clamp(min=1)": "-((own * due).sum(1) / due.sum(1).clamp(min=1)).mean()"
            },
        ),
        Edit("−100 is no index", {"labels.clamp(min=0)": "labels"}),
        Edit(
            "and counted", {"(own * due).sum() / due.sum().clamp(min=1)": "own.mean()"}
        ),
        Edit("0/0 is NaN", {".clamp(min=1)": ""}),
        Edit(
            "overflow",
            {
                "logits.log_softmax(dim=-1)": "(logits.exp() / logits.exp().sum(-1, keepdim=True)).log()"
            },
        ),
    ],
    "learning_rate": [
        Edit("It begins at 0", {"peak * step / top": "peak * (step - 1) / top"}),
        Edit(
            "stays at the top",
            {"return peak * (total + 1 - step) / (total + 1 - top)": "return peak"},
        ),
        Edit(
            "0 in the last step",
            {
                "(total + 1 - step) / (total + 1 - top)": "(total - step) / (total - top)"
            },
        ),
        Edit("where is the warm-up", {"if step <= top:": "if step < 1:"}),
        Edit("from step 1 on", {"/ (total + 1 - top)": "/ total"}),
        Edit(
            "no part of it to divide by",
            {"max(1, warmup)": "warmup", "if step <= top:": "if step <= max(1, top):"},
        ),
        Edit(
            "in a curve",
            {
                "(total + 1 - step) / (total + 1 - top)": "((total + 1 - step) / (total + 1 - top)) ** 2"
            },
        ),
    ],
    "freeze": [
        Edit(
            "There are always five layers", {"len(model.layers) - top :": "5 - top :"}
        ),
        Edit(
            "The lower layers learn",
            {"model.layers[len(model.layers) - top :]": "model.layers[:top]"},
        ),
        Edit(
            "The embeddings still learn",
            {"model.requires_grad_(False)": "model.layers.requires_grad_(False)"},
        ),
        Edit("The head is frozen", {"[model.head, *model": "[*model"}),
        Edit("is the whole list", {"len(model.layers) - top :": "-top:"}),
        Edit("Tensors were counted", {"sum(p.numel() for": "sum(1 for"}),
        Edit("All numbers were counted", {" if p.requires_grad)": ")"}),
        Answer(
            "was frozen before",
            """
def freeze(model, top):
    below = [model.embeddings, *model.layers[: len(model.layers) - top]]
    for part in below:
        part.requires_grad_(False)
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
""",
        ),
    ],
    "accumulate": [
        Edit(
            "`backward` is called once for all parts",
            {
                "        loss.backward()\n        total += loss.item()\n    return total": (
                    "        total = total + loss\n"
                    "    total.backward()\n"
                    "    return float(total)"
                )
            },
        ),
        Edit("sum of the losses", {" / count": ""}),
        Edit("counts in the mean", {"(labels != -100).sum()": "len(labels)"}),
        Answer(
            "mean of the parts' means",
            """
def accumulate(model, inputs, labels, part_size):
    model.zero_grad()
    parts = math.ceil(len(inputs) / part_size)
    total = 0.0
    for some, their in zip(inputs.split(part_size), labels.split(part_size)):
        loss = F.cross_entropy(model(some), their) / parts
        loss.backward()
        total += loss.item()
    return total
""",
        ),
        Answer(
            "sum of the parts' means",
            """
def accumulate(model, inputs, labels, part_size):
    model.zero_grad()
    total = 0.0
    for some, their in zip(inputs.split(part_size), labels.split(part_size)):
        loss = F.cross_entropy(model(some), their)
        loss.backward()
        total += loss.item()
    return total
""",
        ),
        Edit("gradient from before counts", {"    model.zero_grad()\n": ""}),
        Edit(
            "Only the last part's gradient",
            {
                "        loss.backward()": "        model.zero_grad()\n        loss.backward()"
            },
        ),
        Edit("Only one part's loss", {"total += loss.item()": "total = loss.item()"}),
        Edit("call `backward`", {"        loss.backward()\n": ""}),
        Answer(
            "no part too large",
            """
def accumulate(model, inputs, labels, part_size):
    model.zero_grad()
    loss = F.cross_entropy(model(inputs), labels)
    loss.backward()
    return loss.item()
""",
        ),
    ],
    "best_span": [
        Edit(
            "A tie is no answer",
            {"start[0] + end[0] > scores.max()": "start[0] + end[0] >= scores.max()"},
        ),
        Edit(
            "both ends lie in it",
            {"near & context[:, None] & context[None, :]": "near"},
        ),
        Edit(
            "The end lies before the start",
            {".triu().tril(longest - 1)": ".tril(longest - 1)"},
        ),
        Edit("too long", {".tril(longest - 1)": ""}),
        Edit("The span is too long", {"tril(longest - 1)": "tril(longest)"}),
        Edit("Two tokens are allowed", {"tril(longest - 1)": "tril(longest - 2)"}),
        Edit(
            "compare with position 0",
            {"start[0] + end[0] > scores.max()": "not allowed.any()"},
        ),
        Edit("both are inclusive", {"return first, last": "return first, last + 1"}),
        Edit(
            "Where no span is allowed",
            {
                "start[0] + end[0] > scores.max()": "scores.max() > -math.inf and start[0] + end[0] > scores.max()",
                "int(scores.argmax())": "int(scores.argmax()) or 1",
            },
        ),
        Answer(
            "one after the other",
            """
def best_span(start, end, context, longest):
    first = int(start.masked_fill(~context, -math.inf).argmax())
    places = torch.arange(len(start))
    allowed = context & (places >= first) & (places < first + longest)
    if not allowed.any():
        return 0, 0
    last = int(end.masked_fill(~allowed, -math.inf).argmax())
    if start[0] + end[0] > start[first] + end[last]:
        return 0, 0
    return first, last
""",
        ),
    ],
}
