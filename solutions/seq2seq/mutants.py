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
    ],
    "beam_search": [
        Edit("The start is in it", {"return ids[1:]": "return ids"}),
        Edit("took the greedy way", {"[:beams]": "[:1]"}),
        Edit("The shorter text won", {"t[1] / (len(t[0]) - 1)": "t[1]"}),
        Edit("not finished in time count too", {"finished + open_texts": "finished"}),
        Edit("forgets the earlier tokens", {"total + log_p": "log_p"}),
        Edit("Logits were summed", {".log_softmax(-1)": ""}),
        Answer(
            "The shorter text won",
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
        Edit("All tokens were kept", {"descending=True": "descending=False"}),
        Edit("All tokens were kept", {"before < p": "before < 1 + p"}),
        Edit(
            "Nothing is left",
            {
                "(before < p) | (order == order[0])": "(before + probabilities <= p) | ((before < p) & (before > 0))"
            },
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
    ],
}
