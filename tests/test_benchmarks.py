"""The programs in `benchmarks/` run; what they measure is nobody's test."""

import os
import re
import subprocess
import sys
from argparse import Namespace
from importlib import import_module
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
import torch
from packaging.requirements import Requirement
from torch.utils.flop_counter import FlopCounterMode

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def markdown_tables(text: str) -> list[list[list[str]]]:
    """The tables in a text: rows of cells, the header first."""
    tables: list[list[list[str]]] = []
    before = ""
    for line in text.splitlines():
        if line[:1] == "|":
            if before[:1] != "|":
                tables.append([])
            tables[-1].append([cell.strip() for cell in line.split("|")[1:-1]])
        before = line
    return [[header, *rows] for header, _, *rows in tables]


@pytest.mark.slow
def test_every_way_of_fine_tuning_is_measured_and_compared():
    command = [sys.executable, str(BENCHMARKS / "finetune.py")]
    command += ["--examples", "16", "--rounds", "1"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    rows = [line.split("|") for line in run.stdout.splitlines() if line[:1] == "|"]
    header, _, *ways = [[cell.strip() for cell in row[1:-1]] for row in rows]
    assert header[0] == "way"
    assert ways[0][0] == "fit"
    assert len(ways) == 10
    assert ways[0][header.index("fit is faster by")] == "1.00×"


@pytest.mark.slow
def test_all_services_are_asked_by_1_4_and_16_clients_and_answer_the_same():
    command = [sys.executable, str(BENCHMARKS / "serve.py")]
    command += ["--requests", "32", "--rounds", "1"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    ((header, *rows),) = markdown_tables(run.stdout)
    assert header[2:5] == ["requests/s", "p50 ms", "p95 ms"]
    expected = [
        [clients, way]
        for clients in ("1", "4", "16")
        for way in ("labkit serve", "one at a time", "one at a time, one thread")
    ]
    assert [row[:2] for row in rows] == expected
    assert all(row[-1] == "1.00×" for row in rows[::3])
    assert re.search(r"batching has \d+\.\d\d× to give", run.stdout)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is there")
def test_without_a_gpu_it_says_so_in_a_sentence():
    command = [sys.executable, str(BENCHMARKS / "gpu.py"), "--write"]
    before = (BENCHMARKS / "RESULTS.md").read_text()
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.count(".") == 1
    assert "no CUDA device" in run.stdout
    assert (BENCHMARKS / "RESULTS.md").read_text() == before


def needed_by(*names: str) -> set[str]:
    """Names of distributions: these, and all that they cannot do without."""
    found: set[str] = set()
    asked = list(names)
    while asked:
        name = asked.pop()
        if name in found:
            continue
        try:
            requirements = distribution(name).requires or []
        except PackageNotFoundError:
            continue  # of another platform
        found.add(name)
        for line in requirements:
            requirement = Requirement(line)
            marker = requirement.marker
            if marker is None or marker.evaluate({"extra": ""}):
                asked.append(requirement.name)
    return found


@pytest.fixture
def bare_environment(tmp_path) -> dict[str, str]:
    """Where torch, transformers and accelerate are installed, and nothing else."""
    packages = tmp_path / "packages"
    packages.mkdir()
    for name in needed_by("torch", "transformers", "accelerate"):
        installed = distribution(name)
        for top in {file.parts[0] for file in installed.files or ()} - {"..", "."}:
            if not (packages / top).exists() and installed.locate_file(top).exists():
                (packages / top).symlink_to(installed.locate_file(top))
    offline = os.environ["PYTHONPATH"]
    return os.environ | {"PYTHONPATH": f"{offline}{os.pathsep}{packages}"}


@pytest.mark.slow
def test_the_gpu_benchmark_needs_torch_transformers_and_accelerate_alone(
    bare_environment, tmp_path
):
    """The whole program, on the CPU and with tiny models; its section is replaced."""
    results = tmp_path / "RESULTS.md"
    old = "# What was measured\n\n## gpu.py\n\nold\n\n## other.py\n\nkept\n"
    results.write_text(old)
    command = [sys.executable, "-S", str(BENCHMARKS / "gpu.py"), "--write", "--tiny"]
    command += ["--device", "cpu", "--together", "--examples", "32"]
    command += ["--results", str(results)]
    absent = "import importlib.util as u; print([u.find_spec(n) for n in {}])".format(
        ["datasets", "evaluate", "IPython", "sklearn", "pandas", "labkit"]
    )
    probe = subprocess.run(
        [sys.executable, "-S", "-c", absent],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=bare_environment,
        check=True,
    )
    assert probe.stdout == f"{[None] * 6}\n"

    run = subprocess.run(
        command, capture_output=True, text=True, env=bare_environment, check=False
    )

    assert run.returncode == 0, run.stderr
    written = results.read_text()
    assert "old" not in written
    assert written.endswith("\n\n## other.py\n\nkept\n")
    *of_speed, of_memory = markdown_tables(written)
    assert len(of_speed) == 3
    for header, *ways in of_speed:
        assert header[1:3] == ["examples/s", "tokens/s"]
        names = ["fit", "Trainer", "Trainer bf16", "Trainer tuned", "article's loop"]
        assert [way[0] for way in ways] == names
        assert ways[0][header.index("fit is faster by")] == "1.00×"
        assert all(way[header.index("FLOP utilisation")].endswith("%") for way in ways)
    assert len(of_memory) == 7


@pytest.mark.slow
def test_where_peft_and_trl_are_the_decoder_is_trained_with_them_too(gpu):
    options = Namespace(device="cpu", examples=8, tiny=True, together=True)
    assert [*gpu.ways(gpu.DECODER)][5:] == [
        "fit LoRA",
        "Trainer LoRA",
        "TRL",
        "TRL LoRA",
    ]
    for way in [*gpu.ways(gpu.DECODER)][5:]:
        assert gpu.measure(way, gpu.DECODER, options)["tokens/s"] > 0


@pytest.mark.slow
def test_so_does_the_decoders(bare_environment, tmp_path):
    results = tmp_path / "RESULTS.md"
    command = [sys.executable, "-S", str(BENCHMARKS / "decoder.py"), "--write"]
    command += ["--tiny", "--together", "--device", "cpu", "--prompts", "6"]
    command += ["--new", "4", "--batch-size", "4", "--results", str(results)]
    run = subprocess.run(
        command, capture_output=True, text=True, env=bare_environment, check=False
    )
    assert run.returncode == 0, run.stderr
    tables = markdown_tables(results.read_text())
    assert len(tables) == 4
    for (header, *ways), (first, last) in zip(
        tables,
        [("generate", "transformers, sorted"), ("label_scores", "naive")] * 2,
        strict=True,
    ):
        assert [ways[0][0], ways[-1][0]] == [first, last]
        assert header[-1] == f"{first} is faster by"
        assert ways[0][-1] == "1.00×"


@pytest.mark.parametrize("kind", ["shared", "apart"])
def test_all_ways_of_a_decoder_do_the_same(monkeypatch, kind):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    decoder = import_module("decoder")
    options = Namespace(device="cpu", precision="fp32", tiny=True, model=None)
    options.batch_size = 3
    model, tokenizer = decoder.load(options)
    rows = decoder.draw(kind, 7, model.config.vocab_size)
    assert len({len(row["input_ids"]) for row in rows}) > 3
    run = model, tokenizer, rows, options
    with torch.inference_mode():
        texts = decoder.with_generate(*run, max_new_tokens=5)
        assert texts == decoder.with_transformers(*run, max_new_tokens=5)
        assert sorted(texts) == sorted(
            decoder.sorted_with_transformers(*run, max_new_tokens=5)
        )
        scores = decoder.with_label_scores(*run)
        assert scores == [pytest.approx(row, abs=1e-3) for row in decoder.naively(*run)]


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return import_module("gpu")


def test_a_task_is_done_in_a_process_of_its_own(gpu):
    options = Namespace(device="cpu", examples=8, tiny=True, together=False)
    assert gpu.apart("matmul", options)["flops/s"] > 0


@pytest.mark.parametrize("adapted", [False, True])
@pytest.mark.parametrize("name", ["BERT-base", "T5-small", "SmolLM2-135M"])
def test_flops_are_those_that_torch_counts(gpu, name, adapted):
    build, config = gpu.architecture(name, tiny=True)
    model = build(config)
    model.set_attn_implementation("eager")
    model = gpu.with_adapters(model) if adapted else model
    (row,) = gpu.draw(name, 1, tiny=True)
    with FlopCounterMode(display=False) as counter:
        model(**gpu.collate([row])).loss.backward()
    # torch counts no gradient of the embeddings, which no matrix product makes; with
    # adapters the first of these two layers needs none of its input either
    assert gpu.count_flops(model, [row]) == pytest.approx(
        counter.get_total_flops(), rel=0.07 if adapted else 0.02
    )


def test_lengths_have_the_distribution_that_was_measured(gpu):
    rows = gpu.draw("T5-small", 4_000, tiny=False)
    for column, quantiles in (
        ("input_ids", gpu.DOCSTRINGS),
        ("labels", gpu.FIRST_LINES),
    ):
        lengths = sorted(len(row[column]) for row in rows)
        for share in (5, 10, 15):
            drawn = lengths[len(lengths) * share // 20]
            assert drawn == pytest.approx(quantiles[share], rel=0.1)


def test_real_tokens_are_counted_and_padding_is_not(gpu):
    rows = [
        {"input_ids": [1, 2, 3], "labels": [1]},
        {"input_ids": [1], "labels": [2, 3]},
    ]
    assert sum(map(gpu.count_tokens, rows)) == 7
    batch = gpu.collate(rows, 8)
    assert batch["input_ids"].shape == (2, 8)
    assert batch["attention_mask"].sum() == 4
    assert (batch["labels"] != -100).sum() == 3


def test_a_program_replaces_its_own_section_and_no_other(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    write, kept = import_module("results").write, tmp_path / "RESULTS.md"
    write("gpu.py", "one\n\n### A model\n\ntable\n", kept)
    write("grading.py", "two", kept)
    write("gpu.py", "three", kept)
    expected = "# What was measured\n\n## gpu.py\n\nthree\n\n## grading.py\n\ntwo\n"
    assert kept.read_text() == expected
