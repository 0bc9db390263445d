"""Train BERT-base, T5-small and SmolLM2-135M on a GPU in several ways, and compare.

    python benchmarks/gpu.py [--examples 8192] [--rounds 1] [--write]

Needs torch, transformers and accelerate, and no network: the weights are random, for
speed does not depend on them, and texts are numbers at random, of the lengths that
real ones have. Every run has a process of its own, a warm-up before the clock starts,
and the device's whole attention. What is timed is training alone.

- fit: `labkit.training.fit.fit`, in the device's own precision, batches of 64.
- Trainer: transformers' `Trainer` as it comes: float32, batches of 8.
- Trainer bf16: the same with `bf16=True`.
- Trainer tuned: bf16, batches of 64 of like length: for fairness to it.
- article's loop: the loop of introductions: float32, all padded to 512, batches of 16.

And the decoder, which learns the answer to a prompt (supervised fine-tuning):

- fit LoRA, Trainer LoRA: `fit` and `Trainer tuned`, with PEFT's adapters of rank 16 on
  all projections and nothing else trained. Left out where PEFT is not installed.
- TRL, TRL LoRA: its `SFTTrainer`, tuned likewise; left out where TRL is not.

Tokens are real ones, without padding. Model FLOP utilisation is what the model needs
for the real tokens (forward once, backward twice) as a share of the fastest matrix
product that this device was seen to do in the same run. A frozen weight needs no
gradient, so the model needs a third less for it: of two ways with the same utilisation,
the one with adapters is faster.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from results import RESULTS, write

sys.path.insert(0, str(Path(__file__).parents[1]))  # labkit need not be installed

BATCH, LONGEST, LEARNING_RATE = 64, 512, 5e-5

# Every twentieth of the examples is as long as this, in tokens of bert-base-uncased's
# vocabulary, cut at 512; measured on the train splits of the course's own corpora in
# profile quick: np.quantile(lengths, np.linspace(0, 1, 21)).
# topics: newswire, Reuters-21578 R8, all 4,865.
NEWS = [9, 17, 26, 30, 38, 47, 53, 60, 67, 75, 83, 92, 101, 110, 121]
NEWS += [140, 176, 216, 279, 395, 512]
# summaries: docstrings of Python libraries and their first lines, the first 3,000.
DOCSTRINGS = [51, 84, 97, 109, 120, 134, 150, 170, 189, 220, 253, 292, 331, 385, 449]
DOCSTRINGS += [512] * 6
FIRST_LINES = [4, 8, 9, 10, 11, 12, 12, 13, 14, 14, 15, 16, 17, 18, 19, 20, 22, 24, 29]
FIRST_LINES += [35, 56]

DECODER = "SmolLM2-135M"
MODELS = ("BERT-base", "T5-small", DECODER)
SHAPES = {  # of the batches whose memory is predicted: size, length, labels' length
    "BERT-base": [(32, 128, 0), (16, 512, 0)],
    "T5-small": [(32, 256, 32), (16, 512, 64)],
    DECODER: [(16, 256, 256), (8, 512, 512)],
}
Row = dict[str, Any]
Found = dict[str, float]


# --- the models and their data ------------------------------------------------------


def architecture(name: str, tiny: bool) -> tuple[Any, Any]:
    """A class and its configuration: those of the models' own Hub pages."""
    import transformers

    if name == "BERT-base":
        sizes = {"hidden_size": 32, "num_hidden_layers": 2, "intermediate_size": 64}
        sizes |= {"num_attention_heads": 2, "vocab_size": 500}
        config = transformers.BertConfig(**sizes if tiny else {})
        return transformers.BertForSequenceClassification, config
    if name == DECODER:
        sizes = {"hidden_size": 576, "num_hidden_layers": 30, "vocab_size": 49_152}
        sizes |= {"intermediate_size": 1_536, "num_attention_heads": 9}
        if tiny:
            sizes = {"hidden_size": 48, "num_hidden_layers": 2, "vocab_size": 500}
            sizes |= {"intermediate_size": 64, "num_attention_heads": 3}
        heads = {"num_key_value_heads": sizes["num_attention_heads"] // 3}
        config = transformers.LlamaConfig(**sizes, **heads, tie_word_embeddings=True)
        return transformers.LlamaForCausalLM, config
    sizes = {"d_model": 512, "d_kv": 64, "d_ff": 2048, "num_layers": 6, "num_heads": 8}
    sizes |= {"vocab_size": 32_128}
    if tiny:
        sizes = {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2}
        sizes |= {"vocab_size": 500}
    config = transformers.T5Config(**sizes, decoder_start_token_id=0)
    return transformers.T5ForConditionalGeneration, config


def draw(name: str, count: int, tiny: bool) -> list[Row]:
    """Rows of random tokens; their lengths have the measured distribution."""
    random = np.random.default_rng(0)

    def lengths(quantiles: list[int]) -> list[int]:
        at = random.random(count)
        drawn = np.interp(at, np.linspace(0, 1, len(quantiles)), quantiles)
        return np.maximum(2, drawn / (8 if tiny else 1)).round().astype(int).tolist()

    def tokens(length: int) -> list[int]:
        return random.integers(100, 500, length).tolist()

    if name == "BERT-base":
        return [
            {"input_ids": tokens(n), "labels": int(random.integers(2))}
            for n in lengths(NEWS)
        ]
    sizes = zip(lengths(DOCSTRINGS), lengths(FIRST_LINES), strict=True)
    if name == DECODER:  # a docstring is the prompt, its first line the answer
        longest = LONGEST // (8 if tiny else 1)
        answered = [(tokens(min(n, longest - m)), tokens(m)) for n, m in sizes]
        return [
            {"input_ids": prompt + answer, "labels": [-100] * len(prompt) + answer}
            for prompt, answer in answered
        ]
    return [{"input_ids": tokens(n), "labels": tokens(m)} for n, m in sizes]


def collate(rows: list[Row], width: int = 0) -> dict[str, Any]:
    """Padded to the longest of the rows, or to `width`."""
    import torch

    def padded(sequences: list[list[int]], filler: int, width: int) -> Any:
        longest = max(width, *map(len, sequences))
        return torch.tensor([[*s, *[filler] * (longest - len(s))] for s in sequences])

    ids = [row["input_ids"] for row in rows]
    labels = [row["labels"] for row in rows]
    return {
        "input_ids": padded(ids, 0, width),
        "attention_mask": padded([[1] * len(i) for i in ids], 0, width),
        "labels": padded(labels, -100, width if in_place(rows[0]) else 0)
        if isinstance(labels[0], list)
        else torch.tensor(labels),
    }


def in_place(row: Row) -> bool:
    """Whether the labels are the input's own tokens: then nothing tells the first."""
    return isinstance(row["labels"], list) and row["labels"][0] == -100


def count_tokens(row: Row) -> int:
    apart = isinstance(row["labels"], list) and not in_place(row)
    return len(row["input_ids"]) + (len(row["labels"]) if apart else 0)


def count_flops(model: Any, rows: list[Row]) -> float:
    """What training on `rows` takes, padding aside.

    A weight of a matrix product is used in a multiplication and an addition for each
    token, and a pair of tokens takes 4 · width in a layer's attention (scores, then
    the mixing of values); backward takes both twice more (Kaplan et al., 2020), or once
    more if the weight is frozen.
    """
    from torch import nn

    parts = {"encoder": 0, "decoder": 0, "example": 0}
    config, alone = model.config, in_place(rows[0])
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            reader = "encoder" if alone else read_by(name)
            needed = 6 if module.weight.requires_grad else 4
            parts[reader] += needed * module.weight.numel()
    encoders = config.num_hidden_layers
    width = getattr(config, "hidden_size", 0)
    decoders = 0
    if config.is_encoder_decoder:
        width, decoders = config.d_kv * config.num_heads, config.num_decoder_layers
    total = 0.0
    for row in rows:
        n = len(row["input_ids"])
        m = len(row["labels"]) if decoders else 0
        total += parts["encoder"] * n + parts["decoder"] * m + parts["example"]
        total += 12 * width * (encoders * n * n + decoders * (m * m + n * m))
    return total


def read_by(layer: str) -> str:
    """Whose tokens a linear layer reads: cross-attention's keys are of the input's."""
    if "EncDecAttention.k" in layer or "EncDecAttention.v" in layer:
        return "encoder"
    if layer.startswith("decoder.") or layer == "lm_head":
        return "decoder"
    return "encoder" if "encoder." in layer else "example"  # pooler and classifier


def with_adapters(model: Any) -> Any:
    from peft import LoraConfig, get_peft_model

    return get_peft_model(model, LoraConfig(r=16, target_modules="all-linear"))


# --- the ways -----------------------------------------------------------------------


def with_fit(model: Any, rows: list[Row], device: str) -> None:
    from labkit.training import fit

    options: Any = {"batch_size": BATCH, "learning_rate": LEARNING_RATE, "epochs": 1}
    fit(model, rows, collate, progress=False, **options)


def with_trainer(model: Any, rows: list[Row], device: str, **options: Any) -> None:
    from transformers import Trainer, TrainingArguments

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            num_train_epochs=1,
            learning_rate=LEARNING_RATE,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=device == "cpu",
            **options,
        )
        Trainer(model, arguments, data_collator=collate, train_dataset=rows).train()


def with_articles_loop(model: Any, rows: list[Row], device: str, tiny: bool) -> None:
    import torch

    width = LONGEST // 8 if tiny else LONGEST
    loader = torch.utils.data.DataLoader(
        rows,  # type: ignore[arg-type]
        batch_size=16,
        shuffle=True,
        collate_fn=lambda batch: collate(batch, width),
    )
    optimizer = torch.optim.AdamW(model.to(device).parameters(), lr=LEARNING_RATE)
    model.train()
    for batch in loader:
        optimizer.zero_grad()
        batch = {name: values.to(device) for name, values in batch.items()}
        loss = model(**batch).loss
        loss.backward()
        optimizer.step()


def with_trl(model: Any, rows: list[Row], device: str, **options: Any) -> None:
    """Its own collator, and no checkpoints of activations, for the others keep none."""
    from datasets import Dataset
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast
    from trl import SFTConfig, SFTTrainer

    words = models.WordLevel({"a": 0, "b": 1}, unk_token="b")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(words), pad_token="a", eos_token="b"
    )
    with tempfile.TemporaryDirectory() as folder:
        arguments = SFTConfig(
            output_dir=folder,
            num_train_epochs=1,
            learning_rate=LEARNING_RATE,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=device == "cpu",
            max_length=LONGEST,
            activation_checkpointing=False,
            **options,
        )
        SFTTrainer(
            model,
            arguments,
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
        ).train()


TUNED = {
    "bf16": True,
    "per_device_train_batch_size": BATCH,
    "train_sampling_strategy": "group_by_length",
}
WAYS: dict[str, tuple[Callable[..., None], int]] = {  # and a divisor of the examples
    "fit": (lambda tiny, *run: with_fit(*run), 1),
    "Trainer": (lambda tiny, *run: with_trainer(*run), 4),
    "Trainer bf16": (lambda tiny, *run: with_trainer(*run, bf16=True), 2),
    "Trainer tuned": (lambda tiny, *run: with_trainer(*run, **TUNED), 1),
    "article's loop": (lambda tiny, *run: with_articles_loop(*run, tiny), 8),
}
OF_THE_DECODER: dict[str, tuple[Callable[..., None], int]] = {
    "fit LoRA": WAYS["fit"],
    "Trainer LoRA": WAYS["Trainer tuned"],
    "TRL": (lambda tiny, *run: with_trl(*run, **TUNED), 1),
    "TRL LoRA": (lambda tiny, *run: with_trl(*run, **TUNED), 1),
}


def ways(name: str) -> dict[str, tuple[Callable[..., None], int]]:
    """All that can be done with this model and the libraries that are here."""
    found = WAYS | (OF_THE_DECODER if name == DECODER else {})
    for library, needed in (("peft", "LoRA"), ("trl", "TRL"), ("datasets", "TRL")):
        if find_spec(library) is None:
            found = {way: how for way, how in found.items() if needed not in way}
    return found


# --- measuring, each in a process of its own ----------------------------------------


def measure(way: str, name: str, options: argparse.Namespace) -> Found:
    """Train once; what came of it."""
    import torch

    torch.manual_seed(0)
    build, config = architecture(name, options.tiny)
    model, device = build(config), options.device
    if way.endswith("LoRA"):
        model = with_adapters(model)
    train, divisor = ways(name)[way]
    rows = draw(name, options.examples, options.tiny)
    train(options.tiny, model, rows[: 4 * BATCH], device)  # the warm-up
    rows = rows[: len(rows) // divisor]
    settle(device)
    started = time.perf_counter()
    train(options.tiny, model, rows, device)
    if device == "cuda":
        torch.cuda.synchronize()
    seconds = time.perf_counter() - started
    return {
        "examples/s": len(rows) / seconds,
        "tokens/s": sum(map(count_tokens, rows)) / seconds,
        "peak MiB": allocated(device) / 2**20,
        "flops/s": count_flops(model, rows) / seconds,
    }


def settle(device: str) -> None:
    """Forget the warm-up: nothing is running, and the peak is counted from here."""
    import gc

    import torch

    gc.collect()
    if device == "cuda":
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def allocated(device: str) -> float:
    import torch

    return torch.cuda.max_memory_allocated() if device == "cuda" else float("nan")


def measure_memory(name: str, options: argparse.Namespace) -> list[Found]:
    """For each of the model's shapes: the peak predicted, and the one of a real fit."""
    import torch

    from labkit.machine import memory, native_precision
    from labkit.training import fit

    build, config = architecture(name, options.tiny)
    found = []
    for size, length, labels in SHAPES[name]:
        if options.tiny:
            size, length, labels = size // 4, length // 8, labels // 8
        lengths = [length - n % 2 for n in range(3 * size)]  # so that there is padding
        rows = [{"input_ids": [100] * n, "labels": 0} for n in lengths]
        for row in rows if labels else []:
            row["labels"] = [100] * labels
            if name == DECODER:
                row["labels"] = [-100, *row["input_ids"][1:]]
        model = build(config)
        predicted = memory.predict(
            build,
            config,
            collate(rows[:size]),
            precision=native_precision(options.device)[0],
            attention=model.config._attn_implementation,
        )
        settle(options.device)
        fit(model, rows, collate, epochs=1, batch_size=size, progress=False)
        peak = allocated(options.device)
        found.append(
            {"size": size, "length": length, "labels": labels, "measured": peak}
            | {part: getattr(predicted, part) for part in PARTS}
        )
        del model
        if options.device == "cuda":
            torch.cuda.empty_cache()
    return found


PARTS = ("peak", "weights", "gradients", "optimizer", "activations")


def matmul_peak(options: argparse.Namespace) -> Found:
    """The most operations a second that a matrix product reached on this device."""
    import torch

    from labkit.machine import native_precision

    bf16 = native_precision(options.device)[0] == "bf16"
    best = 0.0
    for size in (128, 256) if options.tiny else (4_096, 8_192, 16_384):
        shape = {"device": options.device, "dtype": torch.bfloat16 if bf16 else None}
        left, right = torch.randn(2, size, size, **shape)  # type: ignore[call-overload]
        for repeats in (3, 20):  # the first to warm up
            settle(options.device)
            started = time.perf_counter()
            for _ in range(repeats):
                left @ right
            if options.device == "cuda":
                torch.cuda.synchronize()
            seconds = time.perf_counter() - started
        best = max(best, 2 * size**3 * repeats / seconds)
    return {"flops/s": best}


def apart(task: str, options: argparse.Namespace) -> Any:
    """The result of a task ("measure|fit|BERT-base") done in a process of its own."""
    if options.together:
        return do(task, options)
    command = [sys.executable, __file__, "--task", task, "--device", options.device]
    command += ["--examples", str(options.examples), *["--tiny"] * options.tiny]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{task} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def do(task: str, options: argparse.Namespace) -> Any:
    kind, *arguments = task.split("|")
    tasks: dict[str, Callable[..., Any]] = {
        "measure": measure,
        "memory": measure_memory,
        "matmul": matmul_peak,
    }
    return tasks[kind](*arguments, options)


# --- what is told of it -------------------------------------------------------------


def speed_table(runs: dict[str, list[Found]], peak: float) -> str:
    """Markdown: medians over the rounds."""
    header = ["way", "examples/s", "tokens/s", "peak MiB", "FLOP utilisation"]
    lines = [row([*header, "fit is faster by"]), "|---" + "|--:" * len(header) + "|"]
    fastest = median(runs["fit"], "examples/s")
    for way, found in runs.items():
        cells = [f"{median(found, name):,.0f}" for name in header[1:4]]
        cells += [f"{median(found, 'flops/s') / peak:.1%}"]
        cells += [f"{fastest / median(found, 'examples/s'):.2f}×"]
        lines.append(row([way, *cells]))
    return "\n".join(lines)


def memory_table(found: dict[str, list[Found]]) -> str:
    header = ["batch", *PARTS, "measured peak", "predicted / measured"]
    header[1] = "predicted peak"
    lines = [row(header), "|---" + "|--:" * (len(header) - 1) + "|"]
    for name, shapes in found.items():
        for shape in shapes:
            told = f"{name}, {shape['size']:.0f} × {shape['length']:.0f}"
            told += f" → {shape['labels']:.0f}" if name == "T5-small" else ""
            sizes = [shape[part] for part in PARTS] + [shape["measured"]]
            ratio = f"{shape['peak'] / shape['measured']:.2f}"
            lines.append(row([told, *[f"{s / 2**20:,.0f}" for s in sizes], ratio]))
    return "\n".join(lines)


def row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def median(found: list[Found], name: str) -> float:
    return statistics.median(run[name] for run in found)


def machine(device: str) -> str:
    import torch

    names = ("torch", "transformers", "accelerate", "peft", "trl")
    versions = ", ".join(f"{name} {version(name)}" for name in names if find_spec(name))
    if device != "cuda":
        return f"A rehearsal on the CPU; {versions}"
    properties = torch.cuda.get_device_properties()
    memory = f"{properties.total_memory / 2**30:.0f} GiB"
    capability = f"compute capability {properties.major}.{properties.minor}"
    return f"{properties.name}, {memory}, {capability}; {versions}"


def report(options: argparse.Namespace) -> str:
    peak = apart("matmul", options)["flops/s"]
    told = f"{machine(options.device)}.\n\nFastest matrix product: "
    told += f"{peak / 1e12:,.3g} TFLOP/s. Up to {options.examples:,} examples a way, "
    told += f"one epoch; medians of {options.rounds} round(s).\n"
    for name in MODELS:
        runs: dict[str, list[Found]] = {way: [] for way in ways(name)}
        for number in range(options.rounds):
            for way in runs:
                found = apart(f"measure|{way}|{name}", options)
                runs[way].append(found)
                rate = f"{found['examples/s']:.1f} examples/s"
                print(f"round {number + 1}, {name}, {way}: {rate}", flush=True)
        told += f"\n### {name}\n\n{speed_table(runs, peak)}\n"
    memories = {name: apart(f"memory|{name}", options) for name in MODELS}
    told += "\n### Memory of a step of fit, in MiB, predicted before it and measured\n"
    return told + f"\n{memory_table(memories)}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=8_192)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="keep it in RESULTS.md")
    for name, default in (("device", "cuda"), ("task", ""), ("results", RESULTS)):
        parser.add_argument(f"--{name}", default=default, help=argparse.SUPPRESS)
    for name in ("tiny", "together"):  # a rehearsal; in one process
        parser.add_argument(f"--{name}", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")  # a Trainer takes all it sees
    import torch

    if options.device == "cuda" and not torch.cuda.is_available():
        print("There is no CUDA device that this torch can use: nothing was measured.")
        return
    if options.task:
        print(json.dumps(do(options.task, options)))
        return
    text = report(options)
    print(text)
    if options.write:
        write("gpu.py", text, Path(options.results))


if __name__ == "__main__":
    main()
