"""Wrong answers that people give to the pretraining set, and their misconceptions."""

from labkit.grading import Answer, Edit

MUTANTS = {
    "mask_tokens": [
        Edit(
            "Other tensors that were given are changed",
            {"return hidden, labels": "random_ids.zero_()\n    return hidden, labels"},
        ),
        Edit("A lot equal to `rate` was chosen", {"lot < rate": "lot <= rate"}),
        Edit(
            "Every chosen token became [MASK]",
            {"chosen & (change < 0.8), mask_id": "chosen, mask_id"},
        ),
        Edit(
            "No token became a random one",
            {"chosen & (change < 0.9), random_ids": "chosen & False, random_ids"},
        ),
        Edit("Special tokens were hidden", {" & (special == 0)": ""}),
        Edit("not chosen was changed", {"lot < rate": "lot > rate"}),
        Edit(
            "chosen token that stays as it is has no label",
            {
                "torch.where(chosen, input_ids": "torch.where(chosen & (change < 0.9), "
                "input_ids"
            },
        ),
        Edit(
            "what is read, not what stood there",
            {
                "return hidden, labels": (
                    "return hidden, torch.where(chosen, hidden, -100)"
                )
            },
        ),
        Edit(
            "Every token has a label",
            {"torch.where(chosen, input_ids, -100)": "input_ids.clone()"},
        ),
        Edit("it is −100", {"input_ids, -100)": "input_ids, 0)"}),
        Answer(
            "work on a copy",
            """
def mask_tokens(
    input_ids, special, lot, change, random_ids, mask_id, rate=0.15
):
    chosen = (lot < rate) & (special == 0)
    labels = input_ids.masked_fill(~chosen, -100)
    replaced = chosen & (change >= 0.8) & (change < 0.9)
    input_ids[replaced] = random_ids[replaced]
    input_ids[chosen & (change < 0.8)] = mask_id
    return input_ids, labels
""",
        ),
        Edit("`rate` was ignored", {"lot < rate": "lot < 0.15"}),
        Edit("0 is a `rate` too", {"lot < rate": "lot < (rate or 0.15)"}),
        Edit("just 0.8", {"change < 0.8": "change <= 0.8"}),
        Edit("just 0.9", {"change < 0.9": "change <= 0.9"}),
        Edit("takes no floats", {"input_ids, -100)": "input_ids, -100.0)"}),
        Edit(
            "Dimensions of 1 are gone",
            {"return hidden, labels": "return hidden.squeeze(), labels.squeeze()"},
        ),
        Edit(
            "0 was taken for padding",
            {"(special == 0)": "(special == 0) & (input_ids != 0)"},
        ),
        Edit(
            "[MASK] may stand in a text",
            {"(special == 0)": "(special == 0) & (input_ids != mask_id)"},
        ),
        Edit(
            "The random tokens stand where [MASK] should",
            {"(change < 0.8), mask_id": "(change < 0), mask_id"},
        ),
        Edit(
            "[MASK] and the random tokens are swapped",
            {
                "chosen & (change < 0.9), random_ids, input_ids": (
                    "chosen & (change < 0.9), mask_id, input_ids"
                ),
                "chosen & (change < 0.8), mask_id, hidden": (
                    "chosen & (change < 0.8), random_ids, hidden"
                ),
            },
        ),
        Edit(
            "Special tokens have labels",
            {"where(chosen, input": "where(lot < rate, input"},
        ),
        Edit(
            "Only [MASK] has a label",
            {
                "return hidden, labels": (
                    "return hidden, labels.masked_fill(change >= 0.8, -100)"
                )
            },
        ),
        Edit(
            "was taken for [CLS]",
            {"(special == 0)": "(special == 0) & (torch.arange(lot.size(1)) > 0)"},
        ),
        Edit(
            "The first token is special here",
            {"(special == 0)": ("~torch.isin(input_ids, torch.tensor([0, 101, 102]))")},
        ),
    ],
    "next_token_loss": [
        Edit("no tensor", {"ignore_index=-100)": "ignore_index=-100).item()"}),
        Edit(
            "the logits of the same position",
            {"logits[:, :-1]": "logits", "labels[:, 1:]": "labels"},
        ),
        Edit(
            "in the wrong direction",
            {"logits[:, :-1]": "logits[:, 1:]", "labels[:, 1:]": "labels[:, :-1]"},
        ),
        Edit(
            "The last position is asked as well",
            {
                "logits[:, :-1]": "logits",
                "labels[:, 1:]": "labels.roll(-1, 1)",
            },
        ),
        Edit(
            "It is the sum",
            {"ignore_index=-100)": 'ignore_index=-100, reduction="sum")'},
        ),
        Edit(
            "It is in bits", {"ignore_index=-100)": "ignore_index=-100) / math.log(2)"}
        ),
        Edit(
            "Padding counts in the mean",
            {"ignore_index=-100)": ('ignore_index=-100, reduction="none").mean()')},
        ),
        Edit("softmax was taken twice", {"(predicted, ": "(predicted.softmax(-1), "}),
        Edit("The sign is wrong", {"return F.": "return -F."}),
        Edit(
            "The end of a text predicts the start",
            {
                "logits[:, :-1].flatten(0, 1)": "logits.flatten(0, 1)[:-1]",
                "labels[:, 1:].flatten()": "labels.flatten()[1:]",
            },
        ),
        Answer(
            "It is the mean of the texts' means",
            """
def next_token_loss(logits, labels):
    losses = [
        F.cross_entropy(x[:-1], y[1:])
        for x, y in zip(logits, labels)
        if (y[1:] != -100).any()
    ]
    return torch.stack(losses).mean()
""",
        ),
        Answer(
            "It is the mean of the texts' means",
            """
def next_token_loss(logits, labels):
    due = labels[:, 1:] != -100
    losses = F.cross_entropy(
        logits[:, :-1].mT, labels[:, 1:], ignore_index=-100, reduction="none"
    )
    return (losses.sum(1) / due.sum(1)).mean()
""",
        ),
        Edit(
            "No gradient reaches the logits",
            {"ignore_index=-100)": "ignore_index=-100).detach()"},
        ),
        Edit("0 was taken for padding", {"ignore_index=-100)": "ignore_index=0)"}),
        Answer(
            "0 was taken for padding",
            """
def next_token_loss(logits, labels):
    due = labels[:, 1:] > 0
    log_p = logits[:, :-1].log_softmax(-1)
    picked = log_p.gather(-1, labels[:, 1:].clamp(min=0).unsqueeze(-1)).squeeze(-1)
    return -picked[due].mean()
""",
        ),
        Answer(
            "is infinite or 0 in float32",
            """
def next_token_loss(logits, labels):
    p = logits[:, :-1].softmax(-1)
    due = labels[:, 1:] != -100
    picked = p.gather(-1, labels[:, 1:].clamp(min=0).unsqueeze(-1)).squeeze(-1)
    return -picked[due].log().mean()
""",
        ),
        Answer(
            "The first token after −100 is due as well",
            """
def next_token_loss(logits, labels):
    due = (labels[:, 1:] != -100) & (labels[:, :-1] != -100)
    actual = labels[:, 1:].where(due, -100)
    return F.cross_entropy(logits[:, :-1].mT, actual)
""",
        ),
        Answer(
            "with −100 at the start of both",  # the padding is thought to be at the end
            """
def next_token_loss(logits, labels):
    losses = []
    for text, said in zip(logits, labels):
        length = int((said != -100).sum())
        losses += [-text[i - 1].log_softmax(-1)[said[i]] for i in range(1, length)]
    return sum(losses) / len(losses)
""",
        ),
        Edit(
            "one number for all texts",
            {"ignore_index=-100)": "ignore_index=-100).reshape(1)"},
        ),
    ],
    "perplexity": [
        Edit(
            "Both texts count alike",
            {"math.exp(total / sum(tokens))": "math.exp(sum(losses) / len(losses))"},
        ),
        Edit(
            "mean of the texts' perplexities",
            {
                "math.exp(total / sum(tokens))": (
                    "sum(map(math.exp, losses)) / len(losses)"
                )
            },
        ),
        Edit(
            "even if weighed",
            {
                "loss * count for": "math.exp(loss) * count for",
                "math.exp(total / sum(tokens))": "total / sum(tokens)",
            },
        ),
        Edit(
            "e is the base here",
            {"math.exp(total / sum(tokens))": "2 ** (total / sum(tokens))"},
        ),
        Edit(
            "It is still a loss",
            {"math.exp(total / sum(tokens))": "total / sum(tokens)"},
        ),
        Edit("not divided by the tokens", {"total / sum(tokens)": "total"}),
        Edit("do not divide it once more", {"loss * count for": "loss for"}),
        Answer(
            "of the same loss was forgotten",
            """
def perplexity(losses, tokens):
    counts = dict(zip(losses, tokens))
    total = sum(loss * count for loss, count in counts.items())
    return math.exp(total / sum(counts.values()))
""",
        ),
        Answer(
            "of as many tokens was forgotten",
            """
def perplexity(losses, tokens):
    total = sum(loss * count for count, loss in dict(zip(tokens, losses)).items())
    return math.exp(total / sum(tokens))
""",
        ),
        Edit(
            "is too large a number",
            {"math.exp(total / sum(tokens))": "math.exp(total) ** (1 / sum(tokens))"},
        ),
        Answer(
            "is infinite: divide by the tokens first",
            """
def perplexity(losses, tokens):
    total = sum(torch.tensor(losses) * torch.tensor(tokens))
    return (total.exp() ** (1 / sum(tokens))).item()
""",
        ),
        Edit("not divided by the tokens", {"/ sum(tokens)": "/ len(tokens)"}),
        Edit("The sign is wrong", {"math.exp(total": "math.exp(-total"}),
    ],
    "bits_per_byte": [
        Edit("It is in nats", {" / math.log(2)": ""}),
        Edit("multiplied by ln 2", {"/ math.log(2)": "* math.log(2)"}),
        Edit("Letters were counted", {'text.encode("utf-8")': "text"}),
        Edit("The loss is of a token", {"loss * tokens": "loss"}),
        Edit("bits of a token", {'len(text.encode("utf-8"))': "tokens"}),
        Edit("of the whole text", {' / len(text.encode("utf-8"))': ""}),
        Edit("at the ends was cut off", {"text.encode": "text.strip().encode"}),
        Edit(
            "Two spaces were made one",
            {"text.encode": 'text.replace("  ", " ").encode'},
        ),
        Edit("White space counts too", {"text.encode": '"".join(text.split()).encode'}),
        Edit("the bits of a word", {'text.encode("utf-8")': "text.split()"}),
        Edit("It is UTF-16", {'"utf-8"': '"utf-16-le"'}),
        Edit("a mark of two bytes", {'"utf-8"': '"utf-16"'}),
        Edit("In UTF-32", {'"utf-8"': '"utf-32-le"'}),
        Edit(
            "The text was changed",
            {
                "text.encode": "unicodedata.normalize('NFC', text).encode",
                "nats = loss": "import unicodedata\n\n    nats = loss",
            },
        ),
        Edit(
            "Not every letter that is not English",
            {'len(text.encode("utf-8"))': "sum(1 + (ord(x) > 127) for x in text)"},
        ),
        Edit(
            "the other way round",
            {
                "return nats / math.log(2) / len": "return 1 / (nats / math.log(2)) * len"
            },
        ),
        Edit(
            "is two bytes here: both count",
            {"text.encode": 'text.replace("\\r\\n", "\\n").encode'},
        ),
    ],
    "corrupt_spans": [
        Edit(
            "is the next one: here 997",
            {"[*writes, sentinel, eos_id]": "[*writes, first_sentinel - 3, eos_id]"},
        ),
        Edit("each next one is one less", {"sentinel - 1, end": "sentinel + 1, end"}),
        Edit("the same sentinel", {"sentinel - 1, end": "sentinel, end"}),
        Edit("is still read", {"sentinel - 1, end": "sentinel - 1, start"}),
        Edit("after the last span", {"*tokens[position:], eos_id]": "eos_id]"}),
        Edit(
            "What is read has no `eos_id`",
            {"*tokens[position:], eos_id]": "*tokens[position:]]"},
        ),
        Edit(
            "lacks the sentinel at its end",
            {"[*writes, sentinel, eos_id]": "[*writes, eos_id]"},
        ),
        Edit(
            "What is written has no `eos_id`",
            {"[*writes, sentinel, eos_id]": "[*writes, sentinel]"},
        ),
        Edit(
            "The end of a span is cut out too",
            {
                "tokens[start:end]]": "tokens[start : end + 1]]",
                "sentinel - 1, end": "sentinel - 1, end + 1",
            },
        ),
        Edit(
            "a sentinel stands before its span",
            {"[sentinel, *tokens[start:end]]": "[*tokens[start:end], sentinel]"},
        ),
        Answer(
            "A sentinel stands for each token",
            """
def corrupt_spans(tokens, spans, first_sentinel, eos_id):
    reads, writes, sentinel = [*tokens], [], first_sentinel
    for start, end in spans:
        for i in range(start, end):
            reads[i] = sentinel
            writes += [sentinel, tokens[i]]
            sentinel -= 1
    return [*reads, eos_id], [*writes, sentinel, eos_id]
""",
        ),
        Answer(
            "A sentinel stands for each token",
            """
def corrupt_spans(tokens, spans, first_sentinel, eos_id):
    reads, writes = [*tokens], []
    for n, (start, end) in enumerate(spans):
        reads[start:end] = [first_sentinel - n] * (end - start)
        writes += [first_sentinel - n, *tokens[start:end]]
    return [*reads, eos_id], [*writes, first_sentinel - len(spans), eos_id]
""",
        ),
        Answer(
            "`tokens` was changed",
            """
def corrupt_spans(tokens, spans, first_sentinel, eos_id):
    writes = []
    for n in reversed(range(len(spans))):
        start, end = spans[n]
        writes = [first_sentinel - n, *tokens[start:end], *writes]
        tokens[start:end] = [first_sentinel - n]
    return [*tokens, eos_id], [*writes, first_sentinel - len(spans), eos_id]
""",
        ),
        Answer(
            "`spans` was changed",
            """
def corrupt_spans(tokens, spans, first_sentinel, eos_id):
    reads, writes, sentinel, position = [], [], first_sentinel, 0
    while spans:
        start, end = spans.pop(0)
        reads += [*tokens[position:start], sentinel]
        writes += [sentinel, *tokens[start:end]]
        sentinel, position = sentinel - 1, end
    return [*reads, *tokens[position:], eos_id], [*writes, sentinel, eos_id]
""",
        ),
        Edit(
            "An id is an `int`",
            {
                "return [*reads, *tokens[position:], eos_id]": (
                    "return torch.tensor([*reads, *tokens[position:], eos_id]).float()"
                    ".tolist()"
                )
            },
        ),
        Answer(
            "There may be no span",
            """
def corrupt_spans(tokens, spans, first_sentinel, eos_id):
    reads, writes, before = [], [], 0
    for n, (start, end) in enumerate(spans):
        reads += [*tokens[before:start], first_sentinel - n]
        writes += [first_sentinel - n, *tokens[start:end]]
        before = end
    reads += tokens[end:]
    return [*reads, eos_id], [*writes, first_sentinel - n - 1, eos_id]
""",
        ),
        Edit(
            "Without a span, a sentinel is still written",
            {
                "[*writes, sentinel, eos_id]": (
                    "[*writes, *[sentinel] * bool(spans), eos_id]"
                )
            },
        ),
        Edit(
            "Without a token, both lists still end",
            {
                "reads, writes = [], []": (
                    "if not tokens:\n        return [], []\n    reads, writes = [], []"
                )
            },
        ),
        Answer(
            "A token was found by its id",
            """
def corrupt_spans(tokens, spans, first_sentinel, eos_id):
    reads, writes = [*tokens], []
    for n, (start, end) in enumerate(spans):
        writes += [first_sentinel - n, *tokens[start:end]]
        at = reads.index(tokens[start])
        reads[at : at + end - start] = [first_sentinel - n]
    return [*reads, eos_id], [*writes, first_sentinel - len(spans), eos_id]
""",
        ),
        Answer(
            "one token apart are still two",
            """
def corrupt_spans(tokens, spans, first_sentinel, eos_id):
    joined = []
    for start, end in spans:
        if joined and start - joined[-1][1] <= 1:
            joined[-1][1] = end
        else:
            joined.append([start, end])
    reads, writes, position = [], [], 0
    for n, (start, end) in enumerate(joined):
        reads += [*tokens[position:start], first_sentinel - n]
        writes += [first_sentinel - n, *tokens[start:end]]
        position = end
    reads += [*tokens[position:], eos_id]
    return reads, [*writes, first_sentinel - len(joined), eos_id]
""",
        ),
        Edit(
            "Of two equal tokens in a span",
            {"*tokens[start:end]]": "*dict.fromkeys(tokens[start:end])]"},
        ),
    ],
    "put_back": [
        Edit(
            "Ids above the first sentinel are sentinels",
            {
                "first_sentinel - 99 <= token <= first_sentinel": (
                    "first_sentinel - 99 <= token"
                )
            },
        ),
        Edit(
            "`eos_id` is still there",
            {"[token for token in reads if token != eos_id]": "reads"},
        ),
        Edit(
            "The sentinels are still there",
            {"spans.get(token, [token])": "[token, *spans.get(token, [])]"},
        ),
        Edit(
            "A sentinel without an answer was dropped",
            {
                "for whole in spans.get(token, [token])": (
                    "for whole in spans.get("
                    "token, [token] * (token < first_sentinel - 99))"
                )
            },
        ),
        Edit(
            "is no error",
            {
                "spans.get(token, [token])": (
                    "(spans[token] if token > first_sentinel - 100 else [token])"
                )
            },
        ),
        Answer(
            "each goes to its own",
            """
def put_back(reads, writes, first_sentinel, eos_id):
    spans = []
    for token in writes:
        if first_sentinel - 99 <= token <= first_sentinel:
            spans.append([])
        elif token != eos_id and spans:
            spans[-1].append(token)
    text = []
    for token in reads:
        if first_sentinel - 99 <= token <= first_sentinel:
            text += spans.pop(0) or [token]
        elif token != eos_id:
            text.append(token)
    return text
""",
        ),
        Edit(
            "only its first token",
            {"current.append(token)": "current[:] = current or [token]"},
        ),
        Answer(
            "before the first sentinel",
            """
def put_back(reads, writes, first_sentinel, eos_id):
    spans, last = {}, first_sentinel
    for token in writes:
        if first_sentinel - 99 <= token <= first_sentinel:
            last = token
            spans.setdefault(last, [])
        elif token != eos_id:
            spans.setdefault(last, []).append(token)
    return [w for t in reads if t != eos_id for w in spans.get(t, [t])]
""",
        ),
        Edit(
            "mentioned without a token is dropped",
            {"in spans.get(token, [token])": "in spans.get(token) or [token]"},
        ),
        Edit(
            "− 100 is no sentinel",
            {"first_sentinel - 99 <= token": "first_sentinel - 100 <= token"},
        ),
        Edit(
            "− 99 is a sentinel too",
            {"first_sentinel - 99 <= token": "first_sentinel - 99 < token"},
        ),
        Edit("an answer may lack its `eos_id`", {"in writes:": "in writes[:-1]:"}),
        Edit(
            "An answer may be empty",
            {"for token in writes:": "writes[-1]\n    for token in writes:"},
        ),
        Edit(
            "`reads` was changed",
            {
                "[token for token in reads if token != eos_id]": (
                    "reads[:]\n    reads.pop(), kept.pop()"
                )
            },
        ),
        Answer(
            "a sentinel that is not in the text is dropped",
            """
def put_back(reads, writes, first_sentinel, eos_id):
    text = [token for token in reads if token != eos_id]
    place = 0
    for token in writes:
        if first_sentinel - 99 <= token <= first_sentinel:
            if token in text:
                place = text.index(token)
                del text[place]
        elif token != eos_id:
            text.insert(place, token)
            place += 1
    return text
""",
        ),
        Edit(
            "An id is an `int`",
            {"[whole for token in kept": "[float(whole) for token in kept"},
        ),
        Answer(
            "need not begin with a sentinel",
            """
def put_back(reads, writes, first_sentinel, eos_id):
    spans = {}
    for token in writes:
        if first_sentinel - 99 <= token <= first_sentinel:
            key = token
            spans[key] = []
        elif token != eos_id:
            spans[key].append(token)
    return [w for t in reads if t != eos_id for w in spans.get(t, [t])]
""",
        ),
        Answer(
            "only its last token",
            """
def put_back(reads, writes, first_sentinel, eos_id):
    spans = {}
    for key, token in zip(writes, writes[1:]):
        if token != eos_id and not first_sentinel - 99 <= token <= first_sentinel:
            key = next(
                (
                    t
                    for t in reversed(writes[: writes.index(token)])
                    if first_sentinel - 99 <= t <= first_sentinel
                ),
                None,
            )
            spans[key] = [token]
    return [w for t in reads if t != eos_id for w in spans.get(t, [t])]
""",
        ),
        Edit(
            "0 is a token too",
            {"spans.get(token, [token])": "spans.get(token, [token]) if whole"},
        ),
    ],
}
