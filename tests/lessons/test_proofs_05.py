"""Lesson 05: what it invites the reader to change, one of its own cells notices."""

from proofs import notices

CHANGES = {  # in the order of the lesson, so that a change in front waits for nothing
    "an answer that starts one later": (
        'answers["answer_start"][0]\n',
        'answers["answer_start"][0] + 1\n',
        "spans-are-real",
    ),
    "a train context in test": (
        'shared_texts(data, "context")',
        'shared_texts(data | {"test": [{"context": '
        'data["train"][0]["context"].upper()}]}, "context")',
        "no-leak",
    ),
    "the first token for the last": (
        "return touched[0], touched[-1]",
        "return touched[0], touched[0]",
        "round-trip",
    ),
    "an answer with an end that is in no token": (
        "pair.sequence_ids(), covered_span(row))",
        "pair.sequence_ids(), answer_span(row))",
        "covered-check",
    ),
    "a token too many in a window": (
        "length - question - 3",
        "length - question - 2",
        "count-check",
    ),
    "no overlap": (
        "share_lost(some, s)",
        "share_lost(some, 0)",
        "lost-answers",
    ),
    "the end for the start": (
        "assert_close(start, output",
        "assert_close(end, output",
        "model-parts",
    ),
    "a softmax over the batch": (
        "a.softmax(dim=1), b.softmax(dim=1)",
        "a.softmax(dim=0), b.softmax(dim=0)",
        "loss-by-hand",
    ),
    "the second 20 steps for the last": (
        "losses[-20:]",
        "losses[20:40]",
        "hesitation",
    ),
    "an end before the start": (".triu() & ~", " & ~", "best-span-check"),
    "articles that count": ('not in {"a", "an", "the"}', "not in set()", "f1-parity"),
    "rules against rules": (
        'ours = answers["fine-tuned"]',
        'ours = answers["rules"]',
        "differences",
    ),
    "no order": ("np.argsort(sure)[::-1]", "np.arange(len(sure))", "confidence"),
    "the constraint": (
        "first, last = logits[i].argmax(axis=0)",
        "first, last, _ = best_span(logits[i], cut.sequence_ids(i))",
        "unconstrained",
    ),
    "answers in lower case": (
        "text in row[",
        "text.lower() in row[",
        "joined-check",
    ),
    "forced with the threshold": (
        "forced = unless_unsure(found, 0)",
        "forced = unless_unsure(found, t)",
        "forced-cost",
    ),
    "the reader's own states": (
        "encoder(**inputs)",
        "reader.base_model(**inputs)",
        "route-hits",
    ),
    "another passage": (
        "assert text in passage",
        "assert text in handbook[0]",
        "desk-check",
    ),
}

test_the_lesson_notices = notices("05_question_answering", CHANGES)
