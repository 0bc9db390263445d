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
    ],
    "bits_per_byte": [
        Edit("It is in nats", {" / math.log(2)": ""}),
        Edit("multiplied by ln 2", {"/ math.log(2)": "* math.log(2)"}),
        Edit("Letters were counted", {'text.encode("utf-8")': "text"}),
        Edit("The loss is of a token", {"loss * tokens": "loss"}),
        Edit("bits of a token", {'len(text.encode("utf-8"))': "tokens"}),
        Edit("of the whole text", {' / len(text.encode("utf-8"))': ""}),
    ],
    "corrupt_spans": [
        Edit(
            "There are always three spans",
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
    ],
}
