"""What `setup` chooses, and why."""

import os
import subprocess
import sys

import pytest
import torch

import labkit
from labkit import setup
from labkit.errors import LabError
from labkit.machine import runtime


def in_a_new_process(program: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_importing_the_kit_imports_none_of_the_slow_libraries():
    program = (
        "import sys, labkit, labkit.cli, labkit.data;"
        "print(sys.modules.keys() & {'torch', 'transformers', 'datasets', 'evaluate'})"
    )
    assert in_a_new_process(program).stdout.strip() == "set()"


def test_an_unknown_name_of_the_kit_is_an_attribute_error():
    with pytest.raises(AttributeError, match="setpu"):
        labkit.setpu  # noqa: B018


def test_setup_prints_one_line(capsys):
    lab = setup(seed=0)
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    for part in (
        lab.profile,
        lab.device,
        lab.runtime.precision,
        f"{lab.runtime.threads} thread",
    ):
        assert part in printed


def test_the_same_seed_gives_the_same_numbers():
    draws = []
    for _ in range(2):
        setup(seed=3)
        draws.append(torch.rand(3))
    assert torch.equal(*draws)


class TestProfile:
    def test_an_argument_beats_the_environment(self, monkeypatch):
        monkeypatch.setenv("LABKIT_PROFILE", "full")
        assert runtime.detect("quick").profile == "quick"
        assert runtime.detect().profile == "full"

    def test_without_a_gpu_it_is_quick(self, monkeypatch):
        monkeypatch.delenv("LABKIT_PROFILE")
        assert runtime.detect().profile == (
            "quick" if runtime.detect().device == "cpu" else "full"
        )

    @pytest.mark.parametrize("by", ["argument", "environment"])
    def test_an_unknown_one_is_refused_with_the_two_that_exist(self, by, monkeypatch):
        monkeypatch.setenv("LABKIT_PROFILE", "fast")
        with pytest.raises(LabError, match=r"quick .* and full"):
            runtime.detect("fast" if by == "argument" else None)

    def test_pick_takes_the_value_of_the_profile(self):
        assert setup(profile="quick").pick(quick=1, full=2) == 1
        assert setup(profile="full").pick(quick=1, full=2) == 2


class TestPrecision:
    def test_a_cpu_without_bfloat16_instructions_computes_in_float32(self):
        program = (
            "from labkit.machine import runtime; print(runtime.native_precision('cpu'))"
        )
        run = in_a_new_process(program, ATEN_CPU_CAPABILITY="avx2")
        assert "fp32" in run.stdout, run.stderr

    def test_bfloat16_is_chosen_only_with_instructions_for_it(self):
        capabilities = torch.cpu.get_capabilities()
        native = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")
        precision, reason = runtime.native_precision("cpu")
        assert reason
        if precision == "bf16":
            assert native

    def test_mps_computes_in_float32(self):
        assert runtime.native_precision("mps")[0] == "fp32"


class TestCanary:
    def test_a_device_that_agrees_with_the_cpu_is_accepted(self):
        assert runtime.canary("cpu") == ""

    def test_a_device_that_computes_nonsense_is_refused(self, monkeypatch):
        """The device's copy of the module is the second that runs."""
        original, calls = torch.nn.TransformerEncoderLayer.forward, 0

        def wrong(self, *arguments, **options):
            nonlocal calls
            calls += 1
            result = original(self, *arguments, **options)
            return result if calls == 1 else result.roll(1, dims=-1)

        monkeypatch.setattr(torch.nn.TransformerEncoderLayer, "forward", wrong)
        assert "computes nonsense" in runtime.canary("cpu")

    def test_a_device_that_gives_nan_is_refused(self, monkeypatch):
        original, calls = torch.nn.TransformerEncoderLayer.forward, 0

        def wrong(self, *arguments, **options):
            nonlocal calls
            calls += 1
            return original(self, *arguments, **options) * (
                1 if calls == 1 else torch.nan
            )

        monkeypatch.setattr(torch.nn.TransformerEncoderLayer, "forward", wrong)
        assert "computes nonsense" in runtime.canary("cpu")

    def test_a_device_that_fails_is_refused(self):
        """The meta device has no numbers: nothing can be read back from it."""
        assert "meta failed a small forward pass" in runtime.canary("meta")

    def test_a_refused_accelerator_is_not_used_and_the_reason_is_kept(
        self, monkeypatch
    ):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(runtime, "canary", lambda device: f"{device} is broken")
        monkeypatch.setenv("ACCELERATE_USE_CPU", "false")  # put back afterwards
        found = runtime.detect()
        assert found.device == "cpu"
        assert found.reasons["device"] == "cuda is broken, so it is not used"
        runtime.activate(found, seed=0)
        assert os.environ["ACCELERATE_USE_CPU"] == "true"
