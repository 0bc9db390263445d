"""Lesson 07: what it invites the reader to change, one of its own cells notices."""

from proofs import notices

CHANGES = {  # in the order of the lesson, so that a change in front waits for nothing
    "one prefix for two tasks": (
        '"summarize: "',
        '"translate English to French: "',
        "prefix-check",
    ),
    "a test summary in training": (
        'shared_texts(data, "summary"',
        'shared_texts(data | {"train": data["test"].select([0])}, "summary"',
        "no-leak",
    ),
    "its own document for another's": ("shift = 1", "shift = 0", "coverage-check"),
    "no end of the input": (
        "tokenizer(documents, ",
        "tokenizer(documents, add_special_tokens=False, ",
        "end-check",
    ),
    "no end of the labels": (
        'tokenizer(rows["summary"])',
        'tokenizer(rows["summary"], add_special_tokens=False)',
        "end-check",
    ),
    "nothing shifted": (
        "reads[:, 1:], says[:, :-1]",
        "reads, says",
        "shift-check",
    ),
    "padding counts": ("n = counts.sum()", "n = counts.numel()", "loss-by-hand"),
    "the right document in both": (
        "inputs[1:] + inputs[:1]",
        "inputs[0:] + inputs[:0]",
        "train-check",
    ),
    "words in either, not in both": ("ours & theirs", "ours | theirs", "rouge-check"),
    "a baseline against itself": (
        'difference(written["fine-tuned"], ',
        'difference(written["lead-1"], ',
        "differences",
    ),
    "quarters at random": (
        "np.digitize(best, np.quantile(best, [0.25, 0.5, 0.75]))",
        "np.arange(len(documents)) % 4",
        "by-likeness-check",
    ),
    "the right sentence in the author's words": (
        "It hands back, going down one axis, whichever element is largest.",
        "Return the maximum element of the array along an axis.",
        "pair",
    ),
    "nothing reworded": (
        "replace_words(text, CLUMSY) for text in decided",
        "replace_words(text, {}) for text in decided",
        "blind-check",
    ),
    "nothing swapped": (
        "replace_words(text, rival_of) for text in references",
        "replace_words(text, {}) for text in references",
        "faithfulness-check",
    ),
    "one cut four times": (
        "cuts = [8, 16, 32, max_length]",
        "cuts = [max_length] * 4",
        "cuts-check",
    ),
    "repeats allowed": (
        '"no_repeat_ngram_size": 3',
        '"no_repeat_ngram_size": 0',
        "length-check",
    ),
    "no leak": (
        "leaked = test.select",
        "leaked = validation.select",
        "leak-measured",
    ),
}

test_the_lesson_notices = notices("07_summarization_t5", CHANGES)
