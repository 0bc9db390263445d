"""Tiny models and data; as a program, a run whose losses are printed exactly."""

import argparse
import os
import resource
import shutil
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

VOCABULARY = 50
SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 32,
}


def classifier(dropout: float = 0.0) -> BertForSequenceClassification:
    torch.manual_seed(0)
    config = BertConfig(
        **SIZES, hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout
    )
    return BertForSequenceClassification(config)


def masked_lm() -> BertForMaskedLM:
    torch.manual_seed(0)
    config = BertConfig(
        **SIZES, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    return BertForMaskedLM(config)


def t5() -> T5ForConditionalGeneration:
    """0 is its padding and its start, 1 its end."""
    torch.manual_seed(0)
    return T5ForConditionalGeneration(
        T5Config(
            vocab_size=VOCABULARY,
            d_model=32,
            d_kv=8,
            d_ff=64,
            num_layers=2,
            num_heads=4,
            dropout_rate=0.0,
            decoder_start_token_id=0,
        )
    )


def gpt() -> GPT2LMHeadModel:
    torch.manual_seed(0)
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=VOCABULARY,
            n_embd=32,
            n_layer=2,
            n_head=4,
            n_positions=128,
            bos_token_id=1,
            eos_token_id=1,
        )
    )


def llama() -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            **SIZES | {"max_position_embeddings": 128},
            num_key_value_heads=2,
            bos_token_id=1,
            eos_token_id=1,
        )
    )


def adapted(model: nn.Module, targets: list[str], task_type: str | None = None) -> Any:
    """With adapters of PEFT's, of rank 2, that change something from the start."""
    config = LoraConfig(
        task_type=task_type, r=2, target_modules=targets, init_lora_weights=False
    )
    torch.manual_seed(0)
    return get_peft_model(model, config)


class DPO(nn.Module):
    """Rafailov et al. (2023), equation 7; its reference is the model without adapters.

    The first half of the sequences is preferred to the second, one by one. Minus the
    log of a sigmoid of a difference is the cross entropy of two classes, the first of
    which is right: so its labels are zeros, and a pair counts as a label.
    """

    def __init__(self, policy: nn.Module) -> None:
        super().__init__()
        self.policy = policy

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor
    ) -> SimpleNamespace:
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
        with torch.no_grad(), self.policy.disable_adapter():
            reference = self.log_likelihood(**inputs)
        gain = 0.1 * (self.log_likelihood(**inputs) - reference)
        loss = nn.functional.cross_entropy(gain.view(2, -1).T, labels)
        return SimpleNamespace(loss=loss, logits=gain)

    def log_likelihood(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        logits = self.policy(input_ids, attention_mask=attention_mask).logits[:, :-1]
        told = logits.log_softmax(dim=-1).gather(-1, input_ids[:, 1:, None]).squeeze(-1)
        return (told * attention_mask[:, 1:]).sum(dim=1)


def word_tokenizer(padding: bool = True) -> PreTrainedTokenizerFast:
    """Words w00 to w49, of which 0 is for padding and 1 for the end."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = {f"w{number:02}": number for number in range(VOCABULARY)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="w02"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="w00" if padding else None,
        eos_token="w01",
    )


def labelled(count: int, seed: int = 0) -> list[dict]:
    """The label says whether token 7 occurs."""
    random = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        ids = random.integers(10, VOCABULARY, random.integers(3, 20)).tolist()
        label = int(random.integers(2))
        if label:
            ids[random.integers(len(ids))] = 7
        rows.append({"input_ids": ids, "labels": label})
    return rows


def unlabelled(count: int) -> list[dict]:
    return [{"input_ids": row["input_ids"]} for row in labelled(count)]


def masked(count: int) -> list[dict]:
    """Rows in which a few tokens, and not equally many, are to be told."""
    random = np.random.default_rng(0)
    rows = []
    for row in labelled(count):
        ids = np.array(row["input_ids"])
        asked = random.random(len(ids)) < 0.3
        asked[0] = True
        rows.append({"input_ids": ids.tolist(), "labels": np.where(asked, ids, -100)})
    return rows


def collate(rows: list[dict]) -> dict[str, torch.Tensor]:
    longest = max(len(row["input_ids"]) for row in rows)

    def pad(values, with_value):
        return [[*value, *[with_value] * (longest - len(value))] for value in values]

    ids = [row["input_ids"] for row in rows]
    batch = {
        "input_ids": torch.tensor(pad(ids, 0)),
        "attention_mask": torch.tensor(pad([[1] * len(i) for i in ids], 0)),
    }
    labels = [row.get("labels", row.get("label")) for row in rows]
    if labels[0] is not None:
        of_tokens = np.ndim(labels[0])
        batch["labels"] = torch.tensor(pad(labels, -100) if of_tokens else labels)
    return batch


def pairs(rows: list[dict]) -> dict[str, torch.Tensor]:
    """A text is preferred to itself backwards."""
    worse = [{"input_ids": row["input_ids"][::-1]} for row in rows]
    return collate([*rows, *worse]) | {"labels": torch.zeros(len(rows)).long()}


def losses(history) -> list[float]:
    return [record["loss"] for record in history.steps]


def kill_at(call: str) -> None:
    """Arrange for SIGKILL at, for example, the second `rename` ("rename:2")."""
    name, count = call.split(":")
    owner = {"collate": globals(), "rename": Path, "rmtree": shutil}[name]
    original = owner[name] if isinstance(owner, dict) else getattr(owner, name)
    calls = 0

    def killing(*arguments, **options):
        nonlocal calls
        calls += 1
        if calls == int(count):
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **options)

    if isinstance(owner, dict):
        owner[name] = killing
    else:
        setattr(owner, name, killing)


def main() -> None:
    from labkit.training import fit

    parser = argparse.ArgumentParser()
    parser.add_argument("--task", default="classification")
    parser.add_argument("--folder")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--no-dropout", action="store_true")
    parser.add_argument("--kill")
    parser.add_argument("--interrupt", type=int, default=0)
    parser.add_argument("--file-size", type=int)
    options = parser.parse_args()
    if options.kill:
        kill_at(options.kill)
    if options.file_size:
        resource.setrlimit(resource.RLIMIT_FSIZE, (options.file_size,) * 2)
    calls = 0

    def counting(rows: list[dict]) -> dict[str, torch.Tensor]:
        nonlocal calls
        calls += 1
        if calls == options.interrupt:
            os.kill(os.getpid(), signal.SIGINT)
        return make_batch(rows)

    dropout = 0.0 if options.no_dropout else 0.1
    projections = ["q_proj", "v_proj"]
    model, rows, make_batch = {
        "classification": lambda: (classifier(dropout), labelled(45), collate),
        "masked_lm": lambda: (masked_lm(), masked(45), collate),
        "lora": lambda: (adapted(llama(), projections), masked(45), collate),
        "dpo": lambda: (DPO(adapted(llama(), projections)), unlabelled(45), pairs),
    }[options.task]()
    history = fit(
        model,
        rows,
        counting,
        epochs=2,
        batch_size=6,
        learning_rate=1e-3,
        precision="fp32",
        folder=options.folder,
        checkpoint_every=3 if options.folder else None,
        resume=options.resume,
        progress=False,
    )
    if int(os.environ.get("RANK", "0")) == 0:
        print("\n".join(repr(loss) for loss in losses(history)))


if __name__ == "__main__":
    main()
