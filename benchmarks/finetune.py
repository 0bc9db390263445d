"""Fine-tune the same encoder on the same tweets with `fit`, `Trainer` and a plain loop.

    python benchmarks/finetune.py [--examples 768] [--rounds 3] [--write]

Every run has a process of its own (peak memory cannot be read otherwise), and the
ways alternate, so that a machine that slows down slows all of them. What is timed is
training alone: not imports, loading, tokenization or evaluation.

- fit: `labkit.training.fit` as a lesson calls it, in the device's own precision.
- fit fp32: the same in float32.
- Trainer: transformers' `Trainer` as it comes; batches of 8.
- Trainer tuned: batches of 16 of like length, warm-up, fused AdamW.
- Trainer tuned, native: the same in bfloat16, where the device computes it natively.
- plain loop: the loop that introductions print: padded to 128, no schedule.
- fit LoRA, Trainer LoRA: `fit` and `Trainer tuned`, but only PEFT's adapters of rank 8
  in queries and values, and the head, are trained.
- accumulated, Trainer accumulated: the gradients of four batches of 4, summed: lesson
  14's loop, and `Trainer tuned`; both in float32.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from results import write

MAX_LENGTH, EPOCHS, LEARNING_RATE = 48, 2, 2e-4
BATCH, SMALL = 16, 4  # of a step, and of what it is accumulated of
LORA_RATE = 25 * LEARNING_RATE  # the best of 5, 10 and 25 times
TEST_EXAMPLES = 800


def with_fit(model: Any, train: Any, tokenizer: Any, **options: Any) -> None:
    from transformers import DataCollatorWithPadding

    from labkit.training import fit

    options = {"epochs": EPOCHS, "learning_rate": LEARNING_RATE} | options
    fit(model, train, DataCollatorWithPadding(tokenizer), progress=False, **options)


def with_trainer(model: Any, train: Any, tokenizer: Any, **options: Any) -> None:
    import torch
    from transformers import Trainer, TrainingArguments

    options = {"learning_rate": LEARNING_RATE} | options
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            num_train_epochs=EPOCHS,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=not torch.cuda.is_available(),
            **options,
        )
        trainer = Trainer(
            model, arguments, train_dataset=train, processing_class=tokenizer
        )
        trainer.train()


def with_plain_loop(model: Any, train: Any, tokenizer: Any) -> None:
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    padded = tokenizer.pad(
        {"input_ids": train["input_ids"], "attention_mask": train["attention_mask"]},
        padding="max_length",
        max_length=128,
        return_tensors="pt",
    )
    data = torch.utils.data.TensorDataset(
        padded["input_ids"], padded["attention_mask"], torch.tensor(train["label"])
    )
    loader = torch.utils.data.DataLoader(data, batch_size=BATCH, shuffle=True)
    optimizer = torch.optim.AdamW(model.to(device).parameters(), lr=LEARNING_RATE)
    model.train()
    for _ in range(EPOCHS):
        for input_ids, attention_mask, labels in loader:
            optimizer.zero_grad()
            loss = model(
                input_ids=input_ids.to(device),
                attention_mask=attention_mask.to(device),
                labels=labels.to(device),
            ).loss
            loss.backward()
            optimizer.step()


def accumulated(model: Any, train: Any, tokenizer: Any) -> None:
    import torch
    from transformers import DataCollatorWithPadding

    from labkit.training import batches_of_like_length, schedule

    collate = DataCollatorWithPadding(tokenizer)
    train = train.select_columns(["input_ids", "attention_mask", "label"])
    lengths = [len(ids) for ids in train["input_ids"]]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    plan = [
        batch
        for epoch in range(EPOCHS)
        for batch in batches_of_like_length(lengths, BATCH, seed=(0, epoch))
    ]
    parameters = [*model.to(device).parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, fused=True)
    model.train()
    for step, batch in enumerate(plan, start=1):
        optimizer.param_groups[0]["lr"] = LEARNING_RATE * schedule(step, len(plan))
        for at in range(0, len(batch), SMALL):
            part = [train[i] for i in batch[at : at + SMALL]]
            loss = model(**collate(part).to(device)).loss
            (loss * len(part) / len(batch)).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()


def adapted(model: Any) -> Any:
    """With adapters in the model itself, so that it is tested with them."""
    from peft import LoraConfig, get_peft_model

    targets = {"target_modules": ["query", "value"], "modules_to_save": ["classifier"]}
    return get_peft_model(model, LoraConfig(r=8, lora_alpha=16, **targets))


TUNED = {
    "per_device_train_batch_size": BATCH,
    "train_sampling_strategy": "group_by_length",
    "optim": "adamw_torch_fused",
    "warmup_steps": 0.1,
}
ACCUMULATED = {
    "per_device_train_batch_size": SMALL,
    "gradient_accumulation_steps": BATCH // SMALL,
}
WAYS = {
    "fit": with_fit,
    "fit fp32": lambda *run: with_fit(*run, precision="fp32"),
    "Trainer": with_trainer,
    "Trainer tuned": lambda *run: with_trainer(*run, **TUNED),
    "Trainer tuned, native": lambda *run: with_trainer(*run, **TUNED, **native()),
    "plain loop": with_plain_loop,
    "fit LoRA": lambda model, *run: with_fit(
        adapted(model), *run, learning_rate=LORA_RATE
    ),
    "Trainer LoRA": lambda model, *run: with_trainer(
        adapted(model), *run, **TUNED | {"learning_rate": LORA_RATE}
    ),
    "accumulated": accumulated,
    "Trainer accumulated": lambda *run: with_trainer(*run, **TUNED | ACCUMULATED),
}


def native() -> dict[str, bool]:
    from labkit.machine import detect

    return {"bf16": detect().precision == "bf16"}


def measure(way: str, examples: int, seed: int) -> dict[str, float]:
    """Train once, in this process; what came of it."""
    import torch
    import transformers
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
    )

    from labkit import setup
    from labkit.training import predict

    transformers.logging.set_verbosity_error()
    lab = setup(seed=seed)
    checkpoint = lab.checkpoint("encoder")
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    corpus = lab.corpus("sentiment").map(
        lambda row: tokenizer(row["text"], truncation=True, max_length=MAX_LENGTH)
    )
    train = corpus["train"].select(range(examples))
    test = corpus["test"].select(range(TEST_EXAMPLES))
    model = AutoModelForSequenceClassification.from_pretrained(checkpoint)
    started = time.perf_counter()
    WAYS[way](model, train, tokenizer)
    if lab.device == "cuda":
        torch.cuda.synchronize()
    seconds = time.perf_counter() - started
    memory = peak_memory(lab.device)
    found = predict(model, test, DataCollatorWithPadding(tokenizer))
    return {
        "examples/s": examples * EPOCHS / seconds,
        "tokens/s": sum(map(len, train["input_ids"])) * EPOCHS / seconds,
        "peak MB": memory / 2**20,
        "accuracy": float((found.logits.argmax(1) == found.labels).mean()),
    }


def peak_memory(device: str) -> int:
    """Bytes: of the GPU where there is one, else of the whole process."""
    if device == "cuda":
        import torch

        return torch.cuda.max_memory_allocated()
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def measure_apart(way: str, examples: int, seed: int) -> dict[str, float]:
    """`measure` in a process of its own."""
    command = [sys.executable, __file__, "--one", way]
    command += ["--examples", str(examples), "--seed", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def table(runs: dict[str, list[dict[str, float]]]) -> str:
    """Markdown: medians over the rounds, and each way's speed as a share of fit's."""
    names = list(runs["fit"][0])
    header = ["way", *names, "fit is faster by", "fit fp32 is faster by"]
    lines = [f"| {' | '.join(header)} |", "|---" + "|--:" * (len(header) - 1) + "|"]
    speed = {way: median(found, "examples/s") for way, found in runs.items()}
    for way, found in runs.items():
        cells = [way]
        for name in names:
            digits = 3 if name == "accuracy" else 0
            cells.append(f"{median(found, name):,.{digits}f}")
        cells += [f"{speed[fit] / speed[way]:.2f}×" for fit in ("fit", "fit fp32")]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def median(found: list[dict[str, float]], name: str) -> float:
    return statistics.median(run[name] for run in found)


def machine() -> str:
    import torch

    from labkit.machine import detect

    found = detect()
    name = torch.cuda.get_device_name() if found.device == "cuda" else processor()
    versions = ", ".join(f"{m} {version(m)}" for m in ("torch", "transformers"))
    return (
        f"{name}, {found.threads} threads; {found.reasons['precision']}; "
        f"{versions}; Python {platform.python_version()}"
    )


def processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.partition(": ")[2] for line in lines if "model name" in line]
    return f"{models[0] if models else platform.processor()} ({platform.machine()})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=768)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="keep it in RESULTS.md")
    parser.add_argument("--one", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.examples, options.seed)))
        return
    runs: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for number in range(options.rounds):
        for way in WAYS:
            found = measure_apart(way, options.examples, seed=number)
            runs[way].append(found)
            print(f"round {number + 1}, {way}: {found['examples/s']:.1f} examples/s")
    text = (
        f"{options.examples} tweets, {EPOCHS} epochs, learning rate {LEARNING_RATE:g}, "
        f"at most {MAX_LENGTH} tokens; accuracy on {TEST_EXAMPLES} others; medians of "
        f"{options.rounds} rounds.\n\n{machine()}.\n\n{table(runs)}\n"
    )
    print(text)
    if options.write:
        write("finetune.py", text)


if __name__ == "__main__":
    main()
