"""Write with a decoder, and score continuations, beside transformers' own `generate`.

    python benchmarks/decoder.py [--prompts 16] [--rounds 1] [--model FOLDER] [--write]

Needs torch, transformers and accelerate, and no network: without a folder the weights
are random, with the sizes of SmolLM2-135M, for speed does not depend on them. Prompts
are tokens at random, of unlike lengths: "shared" ones begin with the same 128, as
examples in a prompt do, "apart" ones with nothing in common. All write as many tokens.
Every run has a process of its own (peak memory cannot be read otherwise) and a warm-up,
the ways alternate, and all compute in the device's own precision, or in --precision.
On a CPU that others use too, --cpu-seconds counts what the process itself took.

- generate, label_scores: `labkit.training`, as a lesson calls them.
- transformers: `model.generate` on padded batches, in the order in which prompts come.
- transformers, sorted: the same on batches of like length: for fairness to it.
- naive: prompt and continuation as one padded row, logits of all its tokens.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from finetune import machine, median, peak_memory
from results import RESULTS, write

sys.path.insert(0, str(Path(__file__).parents[1]))  # labkit need not be installed

SHARED, OWN = 128, (8, 48)  # tokens: of the common beginning, of each prompt's own part
ENDS = (" negative", " positive", " neither of the two")
SMOLLM2 = {
    "vocab_size": 49_152,
    "hidden_size": 576,
    "intermediate_size": 1_536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "tie_word_embeddings": True,
}
TINY = SMOLLM2 | {"vocab_size": 500, "hidden_size": 36, "num_hidden_layers": 2}
Row = dict[str, list[int]]
Found = dict[str, float]


# --- the model and its prompts ------------------------------------------------------


def load(options: argparse.Namespace) -> tuple[Any, Any]:
    """The model, on its device and in float32, and its tokenizer."""
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    torch.manual_seed(0)
    if options.model:
        tokenizer = transformers.AutoTokenizer.from_pretrained(options.model)
        model = transformers.AutoModelForCausalLM.from_pretrained(
            options.model, dtype=torch.float32
        )
    else:
        sizes = TINY if options.tiny else SMOLLM2
        config = transformers.LlamaConfig(**sizes, eos_token_id=2)
        model = transformers.LlamaForCausalLM(config)
        tokenizer = numbered(config.vocab_size)
    return model.to(options.device).eval(), tokenizer


def numbered(size: int) -> Any:
    """A tokenizer of as many words."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    real = "".join(ENDS).split()
    words = {f"w{number}": number for number in range(size - len(real))}
    words |= {word: size - 1 - place for place, word in enumerate(real)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="w0"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="w0", eos_token="w2", pad_token="w2"
    )


def draw(kind: str, count: int, vocabulary: int) -> list[Row]:
    import numpy as np

    random = np.random.default_rng(0)
    shared = random.integers(100, vocabulary, SHARED).tolist()
    rows = []
    for length in random.integers(*OWN, count):
        own = random.integers(100, vocabulary, length).tolist()
        rows.append({"input_ids": [*shared, *own] if kind == "shared" else own})
    return rows


# --- the ways -----------------------------------------------------------------------


class Stopwatch:
    """A streamer: `generate` hands it the prompts, then what it writes."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.calls, self.first, self.started, self.clock = 0, 0.0, clock(), clock

    def put(self, tokens: Any) -> None:
        self.calls += 1
        if self.calls == 2:
            self.first = self.clock() - self.started

    def end(self) -> None:
        pass


def with_generate(
    model: Any, tokenizer: Any, rows: list[Row], options: argparse.Namespace, **own: Any
) -> list[str]:
    from labkit.training.decoding import generate

    size, precision = options.batch_size, options.precision
    return generate(model, tokenizer, rows, batch_size=size, precision=precision, **own)


def with_transformers(
    model: Any, tokenizer: Any, rows: list[Row], options: argparse.Namespace, **own: Any
) -> list[str]:
    texts: list[str] = []
    for ids, mask in batches(rows, options.batch_size, options.device, "left"):
        written = model.generate(
            input_ids=ids, attention_mask=mask, do_sample=False, pad_token_id=2, **own
        )[:, ids.shape[1] :]
        texts += tokenizer.batch_decode(written, skip_special_tokens=True)
    return texts


def sorted_with_transformers(
    model: Any, tokenizer: Any, rows: list[Row], options: argparse.Namespace, **own: Any
) -> list[str]:
    longest_first = sorted(rows, key=lambda row: -len(row["input_ids"]))
    return with_transformers(model, tokenizer, longest_first, options, **own)


def with_label_scores(
    model: Any, tokenizer: Any, rows: list[Row], options: argparse.Namespace
) -> list[list[float]]:
    from labkit.training.decoding import label_scores

    size, precision = options.batch_size, options.precision
    return label_scores(
        model, tokenizer, rows, ENDS, batch_size=size, precision=precision
    ).tolist()


def naively(
    model: Any, tokenizer: Any, rows: list[Row], options: argparse.Namespace
) -> list[list[float]]:
    ends = [tokenizer(end, add_special_tokens=False)["input_ids"] for end in ENDS]
    whole = [{"input_ids": [*r["input_ids"], *end]} for r in rows for end in ends]
    starts = [len(row["input_ids"]) for row in rows for _ in ends]
    scores: list[float] = []
    for ids, mask in batches(whole, options.batch_size, options.device, "right"):
        log_p = model(input_ids=ids, attention_mask=mask).logits.float().log_softmax(-1)
        of_next = log_p[:, :-1].gather(-1, ids[:, 1:, None])[..., 0] * mask[:, 1:]
        for line in of_next:
            scores.append(line[starts[len(scores)] - 1 :].sum().item())
    return [scores[i : i + len(ends)] for i in range(0, len(scores), len(ends))]


def batches(
    rows: list[Row], size: int, device: str, side: str
) -> Iterator[tuple[Any, Any]]:
    """ids and mask, (batch, longest) each."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    for start in range(0, len(rows), size):
        ids = [torch.tensor(row["input_ids"]) for row in rows[start : start + size]]
        ones = [torch.ones_like(one) for one in ids]
        yield (
            pad_sequence(ids, True, 2, padding_side=side).to(device),
            pad_sequence(ones, True, 0, padding_side=side).to(device),
        )


WRITING = {
    "generate": with_generate,
    "transformers": with_transformers,
    "transformers, sorted": sorted_with_transformers,
}
SCORING = {"label_scores": with_label_scores, "naive": naively}


# --- measuring ----------------------------------------------------------------------


def measure(way: str, kind: str, options: argparse.Namespace) -> Found:
    """Go through all prompts once; what came of it."""
    import torch

    from labkit.machine import placement

    model, tokenizer = load(options)
    rows = draw(kind, options.prompts, model.config.vocab_size)
    device = torch.device(options.device)
    options.precision = placement.precision_on(device, options.precision)
    clock = time.process_time if options.cpu_seconds else time.perf_counter
    own: dict[str, Any] = {}
    if way in WRITING:
        own |= {"max_new_tokens": options.new, "min_new_tokens": options.new}
        own["streamer"] = Stopwatch(clock)
    do = (WRITING | SCORING)[way]
    with torch.inference_mode(), placement.autocast(device, options.precision):
        warm_up = own | {"max_new_tokens": 2, "min_new_tokens": 2} if own else {}
        do(model, tokenizer, rows[: options.batch_size], options, **warm_up)
        settle(options.device)
        if own:
            own["streamer"] = Stopwatch(clock)
        started = clock()
        do(model, tokenizer, rows, options, **own)
        settle(options.device, forget=False)
        seconds = clock() - started
    found = {"seconds": seconds, "prompts/s": len(rows) / seconds}
    if own:
        found["written tokens/s"] = len(rows) * options.new / seconds
        found["s to the first token"] = own["streamer"].first
    return found | {"peak MB": peak_memory(options.device) / 2**20}


def settle(device: str, forget: bool = True) -> None:
    """Nothing is running; of a GPU the peak is counted from here."""
    import torch

    if device == "cuda":
        torch.cuda.synchronize()
        if forget:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()


def apart(way: str, kind: str, options: argparse.Namespace) -> Found:
    """`measure` in a process of its own."""
    if options.together:
        return measure(way, kind, options)
    command = [sys.executable, __file__, "--task", f"{way}|{kind}", *sys.argv[1:]]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{way}, {kind} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def table(runs: dict[str, list[Found]]) -> str:
    """Markdown: medians over the rounds, and how many times faster the first way is."""
    ours, *_ = runs
    names = [name for name in runs[ours][0] if name != "seconds"]
    header = ["way", *names, f"{ours} is faster by"]
    lines = [f"| {' | '.join(header)} |", "|---" + "|--:" * (len(header) - 1) + "|"]
    for way, found in runs.items():
        cells = [f"{median(found, n):,.{0 if n == 'peak MB' else 2}f}" for n in names]
        paired = [
            {"ratio": other["seconds"] / own["seconds"]}
            for own, other in zip(runs[ours], found, strict=True)
        ]
        cells.append(f"{median(paired, 'ratio'):.2f}×")
        lines.append(f"| {' | '.join([way, *cells])} |")
    return "\n".join(lines)


def report(options: argparse.Namespace) -> str:
    told = f"{options.prompts} prompts of {OWN[0]} to {OWN[1] - 1} tokens, batches of "
    told += f"{options.batch_size}, {options.new} tokens written; {len(ENDS)} "
    told += f"continuations; medians of {options.rounds} round(s), ratios within one."
    told += " Seconds are the process's own." if options.cpu_seconds else ""
    told += f"\n\n{machine()}.\n"
    for kind, what in (
        ("shared", f"{SHARED} tokens more that all prompts begin with"),
        ("apart", "Nothing shared"),
    ):
        for ways in (WRITING, SCORING):
            runs: dict[str, list[Found]] = {way: [] for way in ways}
            for number in range(options.rounds):
                for way in ways:
                    found = apart(way, kind, options)
                    runs[way].append(found)
                    line = (
                        f"round {number + 1}, {kind}, {way}: {found['seconds']:.2f} s"
                    )
                    print(line, flush=True)
            doing = "writing" if ways is WRITING else "scoring"
            told += f"\n### {what}: {doing}\n\n{table(runs)}\n"
    return told


def main() -> None:
    import torch

    gpu = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompts", type=int, default=1_024 if gpu else 16)
    parser.add_argument("--batch-size", type=int, default=64 if gpu else 8)
    parser.add_argument("--new", type=int, default=64 if gpu else 16)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--model", help="a folder; by default random weights")
    parser.add_argument("--precision", choices=("fp32", "bf16"))
    parser.add_argument("--cpu-seconds", action="store_true", help="not the clock's")
    parser.add_argument("--write", action="store_true", help="keep it in RESULTS.md")
    device = "cuda" if gpu else "cpu"
    for name, default in (("device", device), ("task", ""), ("results", RESULTS)):
        parser.add_argument(f"--{name}", default=default, help=argparse.SUPPRESS)
    for name in ("tiny", "together"):  # a rehearsal; in one process
        parser.add_argument(f"--{name}", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.task:
        print(json.dumps(measure(*options.task.split("|"), options)))
        return
    text = report(options)
    print(text)
    if options.write:
        write("decoder.py", text, Path(options.results))


if __name__ == "__main__":
    main()
