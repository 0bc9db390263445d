"""Lesson 01's claims, broken as it invites its reader to break them."""

from proofs import notices

FORGET = """
for part in bert.encoder.modules():
    if hasattr(part, "reset_parameters"):
        part.reset_parameters()
"""

CHANGES = {
    "more than there is": (
        "/ (total + strength)",
        "/ total",
        "count-proof",
    ),
    "words without their counts": (
        "pairs[pair] += often",
        "pairs[pair] += 1",
        "bpe-proof",
    ),
    "a tokenizer that drops what it does not know": (
        'tokenizer = tokenizers["BPE", 2_000]',
        'tokenizer = tokenizers["Unigram", 2_000]',
        "round-trip-proof",
    ),
    "a tokenizer that drops spaces": (
        'tokenizer = tokenizers["BPE", 2_000]',
        'tokenizer = tokenizers["WordPiece", 2_000]',
        "round-trip-proof",
    ),
    "bits a token for bits a byte": (
        "loss * tokens / (math.log(2) * nbytes)",
        "loss / (math.log(2) * nbytes)",
        "units-proof",
    ),
    "special tokens masked": (
        "chosen = (lot < rate) & (special == 0)",
        "chosen = lot < rate",
        "masked-proof",
    ),
    "no random tokens": (
        "hidden = torch.where(chosen & (change < 0.9), random_ids, ids)",
        "hidden = ids",
        "masked-proof",
    ),
    "labels not shifted": (
        "F.cross_entropy(logits[:-1], ids[1:])",
        "F.cross_entropy(logits, ids)",
        "shift-proof",
    ),
    "labels shifted twice": (
        "labels=ids[None]",
        "labels=ids[None].roll(-1, dims=1)",
        "shift-proof",
    ),
    "one sentinel for all spans": (
        "reads += [*tokens[position:start], sentinel]",
        "reads += [*tokens[position:start], sentinels[0]]",
        "spans-proof",
    ),
    "a span that stays in the text": (
        "position = end",
        "position = start",
        "spans-proof",
    ),
    "a tenth of the steps": (
        "lab.pick(quick=1_200",
        "lab.pick(quick=120",
        "gpt-proof",
    ),
    "an encoder that has forgotten what it read": (
        "bert.encoder.blocks = bert.encoder.blocks[:depth]",
        "bert.encoder.blocks = bert.encoder.blocks[:depth]" + FORGET,
        "top-proof",
    ),
    "random weights under both names": (
        '"pretrained": pretrained}',
        '"pretrained": untrained}',
        "transfer-proof",
    ),
}

test_the_lesson_notices = notices("01_pretraining", CHANGES)
