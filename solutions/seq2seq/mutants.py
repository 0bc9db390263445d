"""Wrong answers that people give to the seq2seq set, and their misconceptions."""

from labkit.grading import Answer, Edit

MUTANTS = {
    "shift_right": [
        Edit(
            "are not shifted", {"torch.cat([start, labels[:, :-1]], dim=1)": "labels"}
        ),
        Edit(
            "to the left",
            {
                "torch.cat([start, labels[:, :-1]], dim=1)": "torch.cat([labels[:, 1:], start], dim=1)"
            },
        ),
        Edit(
            "came round to the front",
            {"torch.cat([start, labels[:, :-1]], dim=1)": "labels.roll(1, 1)"},
        ),
        Edit("longer than the labels", {"labels[:, :-1]], dim=1)": "labels], dim=1)"}),
        Edit("−100 is no token", {"moved.masked_fill(moved == -100, pad_id)": "moved"}),
        Edit(
            "begin with `start_id`",
            {"labels[:, :1], start_id)": "labels[:, :1], pad_id)"},
        ),
        Answer(
            "The labels were changed",
            """
def shift_right(labels, start_id, pad_id):
    labels[labels == -100] = pad_id
    moved = labels.roll(1, dims=1)
    moved[:, 0] = start_id
    return moved
""",
        ),
        Edit(
            "before the shift",
            {"moved == -100": "labels == -100"},
        ),
        Edit(
            "The texts changed places",
            {"labels[:, :-1]], dim=1": "labels.roll(1, 0)[:, :-1]], dim=1"},
        ),
        Edit(
            "took the place of the first label",
            {
                "torch.cat([start, labels[:, :-1]], dim=1)": "torch.cat([start, labels[:, 1:]], dim=1)"
            },
        ),
        Edit("stands for −100", {"== -100, pad_id)": "== -100, start_id)"}),
        Edit("0 is an id", {"moved == -100": "moved <= 0"}),
        Edit("not always 0", {"== -100, pad_id)": "== -100, 0)"}),
        Edit("has the dtype", {"pad_id)\n": "pad_id).float()\n"}),
        Edit("has the dtype", {"pad_id)\n": "pad_id).int()\n"}),
        Edit("A dimension of 1 was dropped", {"pad_id)\n": "pad_id).squeeze()\n"}),
        Answer(
            "waits for the first label",
            """
def shift_right(labels, start_id, pad_id):
    rows = []
    for row in labels.tolist():
        due = [t != -100 for t in row]
        first = due.index(True) if True in due else 0
        tokens = [pad_id] * first + [start_id] + row[first:-1]
        rows.append([pad_id if t == -100 else t for t in tokens])
    return torch.tensor(rows)
""",
        ),
        Answer(
            "were left out",
            """
def shift_right(labels, start_id, pad_id):
    moved = torch.full_like(labels, pad_id)
    moved[:, 0] = start_id
    for text, row in enumerate(labels[:, :-1]):
        known = row[row != -100]
        moved[text, 1 : 1 + len(known)] = known
    return moved
""",
        ),
        Answer(
            "Only −100 at the end was replaced",
            """
def shift_right(labels, start_id, pad_id):
    moved = torch.cat([torch.full_like(labels[:, :1], start_id), labels[:, :-1]], 1)
    at_the_end = (moved == -100).flip(1).long().cumprod(1).flip(1).bool()
    return moved.masked_fill(at_the_end, pad_id)
""",
        ),
        Answer(
            "`start_id` may be a label",
            """
def shift_right(labels, start_id, pad_id):
    known = labels.masked_fill(labels == -100, pad_id)
    moved = torch.cat([torch.full_like(known[:, :1], start_id), known[:, :-1]], 1)
    moved[moved == start_id] = pad_id
    moved[:, 0] = start_id
    return moved
""",
        ),
        Answer(
            "work on a copy",
            """
def shift_right(labels, start_id, pad_id):
    labels[labels == -100] = pad_id
    moved = labels.roll(1, dims=1)
    moved[:, 0] = start_id
    labels[labels == pad_id] = -100
    return moved
""",
        ),
    ],
    "greedy_search": [
        Edit("The start is in it", {"return ids[1:]": "return ids"}),
        Edit(
            "The end is missing",
            {"return ids[1:]": "return [i for i in ids[1:] if i != end_id]"},
        ),
        Edit(
            "went on after the end",
            {"        if ids[-1] == end_id:\n            break\n": ""},
        ),
        Edit("least likely", {"argmax()": "argmin()"}),
        Edit("one too few", {"len(ids) <= longest": "len(ids) < longest"}),
        Edit("one too many", {"len(ids) <= longest": "len(ids) <= longest + 1"}),
        Edit("the last token alone", {"next_logits(ids)": "next_logits(ids[-1:])"}),
        Edit(
            "never reads what was written", {"next_logits(ids)": "next_logits(ids[:1])"}
        ),
        Edit(
            "of type `int`",
            {"int(next_logits(ids).argmax())": "next_logits(ids).argmax()"},
        ),
        Edit(
            "of type `int`",
            {"int(next_logits(ids).argmax())": "float(next_logits(ids).argmax())"},
        ),
        Edit("not given the start", {"next_logits(ids)": "next_logits(ids[1:])"}),
        Edit(
            "Every start was taken out",
            {"return ids[1:]": "return [i for i in ids if i != start_id]"},
        ),
        Edit(
            "ids between",
            {"next_logits(ids)": "next_logits([start_id, ids[-1]][-len(ids):])"},
        ),
        Edit("A token that came twice", {"== end_id": "in [end_id, *ids[1:-1]]"}),
        Edit(
            "without `exp`",
            {"next_logits(ids).argmax()": "next_logits(ids).exp().argmax()"},
        ),
        Answer(
            "the start was taken for the end",
            """
def greedy_search(next_logits, start_id, end_id, longest):
    ids = [start_id]
    while ids[-1] != end_id and len(ids) <= longest:
        ids.append(int(next_logits(ids).argmax()))
    return ids[1:]
""",
        ),
        Answer(
            "All logits may be far below 0",
            """
def greedy_search(next_logits, start_id, end_id, longest):
    written = []
    while len(written) < longest:
        best, token = 0.0, 0
        for number, logit in enumerate(next_logits([start_id, *written]).tolist()):
            if logit > best:
                best, token = logit, number
        written.append(token)
        if token == end_id:
            break
    return written
""",
        ),
        Answer(
            "Nothing is returned where no end came",
            """
def greedy_search(next_logits, start_id, end_id, longest):
    written = []
    for _ in range(longest):
        written.append(int(next_logits([start_id, *written]).argmax()))
        if written[-1] == end_id:
            return written
""",
        ),
        Answer(
            "Every start was taken out",
            """
def greedy_search(next_logits, start_id, end_id, longest):
    ids = [start_id]
    for _ in range(longest):
        ids.append(int(next_logits(ids).argmax()))
        if ids[-1] == end_id:
            break
    while ids and ids[0] == start_id:
        ids = ids[1:]
    return ids
""",
        ),
    ],
    "best_hypothesis": [
        Edit(
            "The last of two equal texts won",
            {"max(range(len(hypotheses)),": "max(reversed(range(len(hypotheses))),"},
        ),
        Edit("divide by the length", {" / len(log_p) ** penalty": ""}),
        Edit("the worst of them", {"return max(": "return min("}),
        Edit(
            "multiplied by the length",
            {"/ len(log_p) ** penalty": "* len(log_p) ** penalty"},
        ),
        Edit("not times it", {"len(log_p) ** penalty": "(len(log_p) * penalty or 1)"}),
        Edit("is the plain sum", {"len(log_p) ** penalty": "len(log_p)"}),
        Edit("a whole number", {"** penalty": "** int(penalty)"}),
        Edit("a whole number", {"** penalty": "** round(penalty)"}),
        Edit("one more", {"len(log_p) ** penalty": "(len(log_p) + 1) ** penalty"}),
        Edit("It is the longest", {"sum(log_p) / len(log_p) ** penalty": "len(log_p)"}),
        Edit("The last token decided", {"sum(log_p) /": "log_p[-1] /"}),
        Edit("all of them count", {"sum(log_p) /": "max(log_p) /"}),
        Edit(
            "without `exp`",
            {
                "return sum(log_p) / len(log_p) ** penalty": "return math.exp(sum(log_p) / len(log_p) ** penalty)"
            },
        ),
        Edit(
            "the number of the text, not its score",
            {
                "return max(range(len(hypotheses)), key=lambda i: score(hypotheses[i]))": "return max(map(score, hypotheses))"
            },
        ),
        Edit(
            "the number of the text, not the text",
            {
                "return max(range(len(hypotheses)), key=lambda i: score(hypotheses[i]))": "return max(hypotheses, key=score)"
            },
        ),
        Edit(
            "is to be an integer",
            {
                "return max(range(len(hypotheses)), key=lambda i: score(hypotheses[i]))": "return float(max(range(len(hypotheses)), key=lambda i: score(hypotheses[i])))"
            },
        ),
        Edit(
            "A logarithm of 0 is no gap",
            {
                "return sum(log_p) / len(log_p) ** penalty": "return sum(log_p) / len(log_p) ** penalty or -math.inf"
            },
        ),
        Edit(
            "−∞ is the worst of all",
            {"sum(log_p)": "sum(p for p in log_p if p > -math.inf)"},
        ),
        Edit(
            "A penalty of 0 is the plain sum",
            {"sum(log_p) / len(log_p) ** penalty": "sum(log_p) / len(log_p) - penalty"},
        ),
        Answer(
            "and begin with −∞",
            """
def best_hypothesis(hypotheses, penalty):
    best, where = -1000.0, -1
    for number, log_p in enumerate(hypotheses):
        score = sum(log_p) / len(log_p) ** penalty
        if score > best:
            best, where = score, number
    return where
""",
        ),
        Edit(
            "The shorter of equal texts won",
            {
                "return sum(log_p) / len(log_p) ** penalty": "return sum(log_p) / len(log_p) ** penalty, -len(log_p)"
            },
        ),
        Edit(
            "The longer of equal texts won",
            {
                "return sum(log_p) / len(log_p) ** penalty": "return sum(log_p) / len(log_p) ** penalty, len(log_p)"
            },
        ),
        Edit(
            "has the number 0",
            {
                "return max(range(len(hypotheses))": "return 1 + max(range(len(hypotheses))"
            },
        ),
        Edit(
            "divide by the length",
            {"len(log_p) ** penalty": "len({*log_p}) ** penalty"},
        ),
    ],
    "beam_search": [
        Edit("The start is in it", {"return ids[1:]": "return ids"}),
        Edit("took the greedy way", {"[:beams]": "[:1]"}),
        Edit("The shorter text won", {"t[1] / (len(t[0]) - 1)": "t[1]"}),
        Edit("not finished in time count too", {"finished + open_texts": "finished"}),
        Edit("forgets the earlier tokens", {"total + log_p": "log_p"}),
        Edit("Logits were summed", {".log_softmax(-1)": ""}),
        Answer(
            "stopped at the first end",
            """
def beam_search(next_logits, start_id, end_id, longest, beams):
    texts = [([start_id], 0.0)]
    for _ in range(longest):
        longer = [
            ([*ids, token], total + log_p)
            for ids, total in texts
            for token, log_p in enumerate(next_logits(ids).log_softmax(-1).tolist())
        ]
        texts = sorted(longer, key=lambda text: -text[1])[:beams]
        for ids, _ in texts:
            if ids[-1] == end_id:
                return ids[1:]
    return texts[0][0][1:]
""",
        ),
        Edit(
            "not finished in time counts too",
            {"finished + open_texts": "(finished or open_texts)"},
        ),
        Edit("The start is none of the tokens", {"(len(t[0]) - 1)": "len(t[0])"}),
        Edit(
            "The end is one of the tokens",
            {"(len(t[0]) - 1)": "(len(t[0]) - 1 - (t[0][-1] == end_id) or 1)"},
        ),
        Edit("one step too few", {"range(longest)": "range(longest - 1)"}),
        Edit("one step too many", {"range(longest)": "range(longest + 1)"}),
        Edit("Probabilities were summed", {".log_softmax(-1)": ".softmax(-1)"}),
        Edit("the last token alone", {"next_logits(ids)": "next_logits(ids[-1:])"}),
        Edit("not given the start", {"next_logits(ids)": "next_logits(ids[1:])"}),
        Edit(
            "never reads what was written", {"next_logits(ids)": "next_logits(ids[:1])"}
        ),
        Edit(
            "It went on after an end",
            {"[text for text in best if text[0][-1] != end_id]": "best"},
        ),
        Edit("More than `beams` were kept", {"[:beams]": "[: beams + 1]"}),
        Edit("More than `beams` were kept", {"[:beams]": ""}),
        Edit(
            "Each step takes `beams` again",
            {"[:beams]": "[: max(0, beams - len(finished))]"},
        ),
        Edit(
            "More than `beams` were kept",
            {
                "open_texts = [text for text in best if text[0][-1] != end_id]": "open_texts = [t for t in sorted(longer, key=lambda t: -t[1]) if t[0][-1] != end_id][:beams]"
            },
        ),
        Edit(
            "of type `int`",
            {
                "enumerate(next_logits(ids).log_softmax(-1).tolist())": "zip(torch.arange(99), next_logits(ids).log_softmax(-1).tolist())"
            },
        ),
        Edit("of type `int`", {"return ids[1:]": "return [float(i) for i in ids[1:]]"}),
        Edit(
            "Every start was taken out",
            {"return ids[1:]": "return [i for i in ids if i != start_id]"},
        ),
        Edit(
            "The finished text is lost",
            {
                "finished + open_texts": "open_texts or [([start_id], 0.0)]",
                "t[1] / (len(t[0]) - 1)": "t[1]",
            },
        ),
        Edit(
            "stopped at the first end",
            {
                "        open_texts = [text for text in best if text[0][-1] != end_id]": "        open_texts = [text for text in best if text[0][-1] != end_id]\n        if finished:\n            break"
            },
        ),
        Edit(
            "as soon as `beams` texts were finished",
            {
                "        open_texts = [text for text in best if text[0][-1] != end_id]": "        open_texts = [text for text in best if text[0][-1] != end_id]\n        if len(finished) >= beams:\n            open_texts = []\n            break"
            },
        ),
        Answer(
            "stopped when a finished text led",
            """
def beam_search(next_logits, start_id, end_id, longest, beams):
    def mean(text):
        return text[1] / (len(text[0]) - 1)
    live, done = [([start_id], 0.0)], []
    for _ in range(longest):
        longer = [
            (ids + [token], total + log_p)
            for ids, total in live
            for token, log_p in enumerate(next_logits(ids).log_softmax(-1).tolist())
        ]
        longer.sort(key=lambda text: text[1], reverse=True)
        done += [text for text in longer[:beams] if text[0][-1] == end_id]
        live = [text for text in longer[:beams] if text[0][-1] != end_id]
        if not live or done and max(map(mean, done)) >= max(map(mean, live)):
            break
    return max(done + live, key=mean)[0][1:]
""",
        ),
        Answer(
            "One extension of each beginning was kept",
            """
def beam_search(next_logits, start_id, end_id, longest, beams):
    first = next_logits([start_id]).log_softmax(-1)
    best = first.topk(min(beams, len(first)))
    texts = [([start_id, i], s) for s, i in zip(best.values.tolist(), best.indices.tolist())]
    for number, (ids, total) in enumerate(texts):
        while ids[-1] != end_id and len(ids) <= longest:
            log_p = next_logits(ids).log_softmax(-1)
            ids, total = ids + [int(log_p.argmax())], total + float(log_p.max())
        texts[number] = ids, total
    return max(texts, key=lambda text: text[1] / (len(text[0]) - 1))[0][1:]
""",
        ),
        Answer(
            "the start was taken for the end",
            """
def beam_search(next_logits, start_id, end_id, longest, beams):
    texts = [([start_id], 0.0)]
    done = []
    for step in range(longest + 1):
        done += [text for text in texts if text[0][-1] == end_id]
        texts = [text for text in texts if text[0][-1] != end_id]
        if step == longest or not texts:
            break
        texts = sorted(
            (
                ([*ids, token], total + log_p)
                for ids, total in texts
                for token, log_p in enumerate(next_logits(ids).log_softmax(-1).tolist())
            ),
            key=lambda text: -text[1],
        )[:beams]
    return max(done + texts, key=lambda t: t[1] / (len(t[0]) - 1 or 1))[0][1:]
""",
        ),
        Answer(
            "fewer extensions than beams",
            """
def beam_search(next_logits, start_id, end_id, longest, beams):
    texts, sums, finished = [[start_id]], torch.zeros(1), []
    for _ in range(longest):
        if not texts:
            break
        log_p = torch.stack([next_logits(ids).log_softmax(-1) for ids in texts])
        best = (sums[:, None] + log_p).flatten().topk(beams)
        many = log_p.shape[1]
        longer = [
            (texts[i // many] + [i % many], s)
            for s, i in zip(best.values.tolist(), best.indices.tolist())
        ]
        finished += [pair for pair in longer if pair[0][-1] == end_id]
        left = [pair for pair in longer if pair[0][-1] != end_id]
        texts, sums = [ids for ids, _ in left], torch.tensor([s for _, s in left])
    finished += list(zip(texts, sums.tolist()))
    return max(finished, key=lambda pair: pair[1] / (len(pair[0]) - 1))[0][1:]
""",
        ),
        Edit(
            "cut down to the number of tokens",
            {
                "    open_texts, finished =": "    beams = min(beams, len(next_logits([start_id])))\n    open_texts, finished ="
            },
        ),
        Edit(
            "when the likeliest of a step was an end",
            {
                "        open_texts = [text for text in best if text[0][-1] != end_id]": "        open_texts = [text for text in best if text[0][-1] != end_id]\n        if best and best[0][0][-1] == end_id:\n            break"
            },
        ),
    ],
    "nucleus": [
        Edit(
            "The token that crosses p is missing",
            {"before < p": "before + probabilities < p"},
        ),
        Edit("do not sum to 1", {"kept / kept.sum()": "kept"}),
        Edit(
            "back in their own order",
            {
                "torch.zeros_like(logits).scatter(-1, order, kept / kept.sum())": "kept / kept.sum()"
            },
        ),
        Edit(
            "The tokens above p alone",
            {"(before < p) | (order == order[0])": "probabilities > p"},
        ),
        Edit("began with the least likely", {"descending=True": "descending=False"}),
        Edit("All tokens were kept", {"before < p": "before < 1 + p"}),
        Edit(
            "Nothing is left",
            {
                "(before < p) | (order == order[0])": "(before + probabilities <= p) | ((before < p) & (before > 0))"
            },
        ),
        Edit(
            "the least likely",
            {
                "logits.softmax(-1).sort(descending=True)": "logits.softmax(-1).sort()",
                "(order == order[0])": "(order < 0)",
            },
        ),
        Edit("One token too many", {"before < p": "before - probabilities < p"}),
        Edit("divided by p", {"kept / kept.sum()": "kept / p"}),
        Edit("taken twice", {"kept / kept.sum()": "kept.softmax(-1)"}),
        Edit("As many tokens as before", {"before < p": "before < 0.72"}),
        Edit("for a p of 0", {"(before < p) | (order == order[0])": "before < p"}),
        Edit(
            "A dimension of 1 was dropped",
            {"kept / kept.sum())": "kept / kept.sum()).squeeze()"},
        ),
        Edit(
            "`exp` overflows",
            {"logits.softmax(-1).sort": "(logits.exp() / logits.exp().sum()).sort"},
        ),
        Edit("1 − p was taken", {"before < p": "before < 1 - p"}),
        Edit(
            "The probabilities of the set alone",
            {
                "torch.zeros_like(logits).scatter(-1, order, kept / kept.sum())": "(kept / kept.sum())[kept > 0]"
            },
        ),
        Edit(
            "The tokens are returned",
            {
                "torch.zeros_like(logits).scatter(-1, order, kept / kept.sum())": "order[kept > 0]"
            },
        ),
        Answer(
            "Of equal tokens take only as many as are needed",
            """
def nucleus(logits, p):
    probabilities = logits.double().softmax(-1)
    ordered = probabilities.sort(descending=True).values
    needed = int((ordered.cumsum(0) < p).sum())
    least = ordered[min(needed, len(ordered) - 1)]
    return logits.double().masked_fill(probabilities < least, -math.inf).softmax(-1)
""",
        ),
        Answer(
            "The logits were changed",
            """
def nucleus(logits, p):
    probabilities, order = logits.softmax(-1).sort(descending=True)
    out = probabilities.cumsum(-1) - probabilities >= p
    out[0] = False
    logits[order[out]] = -math.inf
    return logits.softmax(-1)
""",
        ),
        Answer(
            "it takes −∞ to rule one out",
            """
def nucleus(logits, p):
    probabilities, order = logits.softmax(-1).sort(descending=True)
    kept = order[probabilities.cumsum(-1) - probabilities < p]
    masked = torch.zeros_like(logits)
    masked[kept] = logits[kept]
    return masked.softmax(-1)
""",
        ),
        Answer(
            "With a p of 1",
            """
def nucleus(logits, p):
    probabilities, order = logits.softmax(-1).sort(descending=True)
    last = (probabilities.cumsum(-1) >= p).nonzero()[0].item()
    kept = torch.zeros_like(logits)
    kept[order[: last + 1]] = probabilities[: last + 1]
    return kept / kept.sum()
""",
        ),
        Edit(
            "has a probability of 0, not NaN",
            {"kept / kept.sum())": "kept / kept.sum()) + 0 * logits"},
        ),
    ],
    "rouge_l": [
        Edit("The reference keeps its case", {"reference.lower()": "reference"}),
        Edit(
            "It is the recall",
            {
                "2 * above[-1] / max(1, len(ours) + len(theirs))": "above[-1] / max(1, len(theirs))"
            },
        ),
        Edit(
            "It is the precision",
            {
                "2 * above[-1] / max(1, len(ours) + len(theirs))": "above[-1] / max(1, len(ours))"
            },
        ),
        Edit(
            "the number of words",
            {"2 * above[-1] / max(1, len(ours) + len(theirs))": "float(above[-1])"},
        ),
        Edit(
            "not the harmonic one",
            {
                "2 * above[-1] / max(1, len(ours) + len(theirs))": "(above[-1] / max(1, len(ours)) + above[-1] / max(1, len(theirs))) / 2"
            },
        ),
        Edit(
            "are alike here",
            {
                "prediction.lower().split(), reference.lower().split()": "prediction.split(), reference.split()"
            },
        ),
        Edit(
            "Letters were compared",
            {
                "prediction.lower().split(), reference.lower().split()": "[*prediction.lower()], [*reference.lower()]"
            },
        ),
        Edit(
            "nothing to divide by",
            {
                "max(1, len(ours) + len(theirs))": "(len(ours) and len(ours) + len(theirs))"
            },
        ),
        Answer(
            "The order counts",
            """
def rouge_l(prediction, reference):
    ours, theirs = prediction.lower().split(), reference.lower().split()
    shared = sum(min(ours.count(word), theirs.count(word)) for word in {*ours})
    return 2 * shared / max(1, len(ours) + len(theirs))
""",
        ),
        Edit(
            "the geometric mean",
            {
                "2 * above[-1] / max(1, len(ours) + len(theirs))": "above[-1] / max(1, len(ours) * len(theirs)) ** 0.5"
            },
        ),
        Edit(
            "the product",
            {
                "2 * above[-1] / max(1, len(ours) + len(theirs))": "above[-1] ** 2 / max(1, len(ours) * len(theirs))"
            },
        ),
        Edit("half of it", {"2 * above[-1]": "above[-1]"}),
        Edit(
            "no harmonic mean",
            {
                "2 * above[-1] / max(1, len(ours) + len(theirs))": "above[-1] / max(1, len(ours) + len(theirs) - above[-1])"
            },
        ),
        Edit(
            "at each single blank",
            {
                "prediction.lower().split(), reference.lower().split()": 'prediction.lower().split(" "), reference.lower().split(" ")'
            },
        ),
        Edit(
            "at each single blank",
            {
                "prediction.lower().split(), reference.lower().split()": 'prediction.lower().strip().split(" "), reference.lower().strip().split(" ")'
            },
        ),
        Edit("Upper and lower case are alike", {"prediction.lower()": "prediction"}),
        Edit(
            "A comma belongs to its word",
            {
                "ours, theirs = prediction.lower().split(), reference.lower().split()": 'ours, theirs = (t.lower().replace(",", " ").replace(".", " ").split() for t in (prediction, reference))'
            },
        ),
        Edit(
            "A comma belongs to its word",
            {
                "ours, theirs = prediction.lower().split(), reference.lower().split()": 'import re\n    ours, theirs = (re.findall("[a-z0-9]+", t.lower()) for t in (prediction, reference))'
            },
        ),
        Answer(
            "matched with the first that fits",
            """
def rouge_l(prediction, reference):
    ours, theirs = prediction.lower().split(), reference.lower().split()
    common, at = 0, 0
    for word in ours:
        if word in theirs[at:]:
            at = theirs.index(word, at) + 1
            common += 1
    return 2 * common / (len(ours) + len(theirs)) if ours and theirs else 0.0
""",
        ),
        Answer(
            "matched with the first that fits",
            """
def rouge_l(prediction, reference):
    ours, theirs = prediction.lower().split(), reference.lower().split()
    common, left = 0, iter(ours)
    at = 0
    for word in theirs:
        if word in ours[at:]:
            at = ours.index(word, at) + 1
            common += 1
    return 2 * common / (len(ours) + len(theirs)) if ours and theirs else 0.0
""",
        ),
        Answer(
            "The longest run came first",
            """
def rouge_l(prediction, reference):
    from difflib import SequenceMatcher
    ours, theirs = prediction.lower().split(), reference.lower().split()
    return SequenceMatcher(None, ours, theirs).ratio() if ours and theirs else 0.0
""",
        ),
        Answer(
            "side by side",
            """
def rouge_l(prediction, reference):
    from difflib import SequenceMatcher
    ours, theirs = prediction.lower().split(), reference.lower().split()
    same = SequenceMatcher(None, ours, theirs)
    run = same.find_longest_match(0, len(ours), 0, len(theirs)).size
    return 2 * run / max(1, len(ours) + len(theirs))
""",
        ),
        Answer(
            "no sets",
            """
def rouge_l(prediction, reference):
    ours = list(dict.fromkeys(prediction.lower().split()))
    theirs = list(dict.fromkeys(reference.lower().split()))
    table = [[0] * (len(theirs) + 1) for _ in range(len(ours) + 1)]
    for i, a in enumerate(ours):
        for j, b in enumerate(theirs):
            longer = max(table[i][j + 1], table[i + 1][j])
            table[i + 1][j + 1] = table[i][j] + 1 if a == b else longer
    return 2 * table[-1][-1] / max(1, len(ours) + len(theirs))
""",
        ),
        Answer(
            "With nothing in common",
            """
def rouge_l(prediction, reference):
    a, b = prediction.lower().split(), reference.lower().split()
    if not a or not b:
        return 0.0
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(len(a)):
        for j in range(len(b)):
            longer = max(table[i][j + 1], table[i + 1][j])
            table[i + 1][j + 1] = table[i][j] + 1 if a[i] == b[j] else longer
    precision, recall = table[-1][-1] / len(a), table[-1][-1] / len(b)
    return 2 * precision * recall / (precision + recall)
""",
        ),
        Edit(
            "Two texts without words share none",
            {"return 2 *": "return 1.0 if ours == theirs else 2 *"},
        ),
        Edit("A part of a word", {"word == other": "word in other"}),
    ],
}
