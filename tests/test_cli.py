"""`labkit doctor` and `labkit fetch`, as a terminal sees them."""

import subprocess
import sys

import pytest

from labkit import cli, doctor


def labkit(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "labkit.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


class TestDoctor:
    def test_it_finds_nothing_wrong_where_all_is_installed_and_fetched(self):
        run = labkit("doctor")
        assert run.returncode == 0, run.stdout
        assert run.stdout.endswith("All is well.\n")
        for topic in (
            "Python",
            "libraries",
            "device",
            "precision",
            "profile",
            "encoder",
        ):
            assert f"✓ {topic}" in run.stdout

    def test_what_is_missing_comes_with_what_to_do(self, empty_home):
        run = labkit("doctor")
        assert run.returncode == 1
        assert "✗ encoder" in run.stdout
        assert "run `labkit fetch encoder`" in run.stdout
        assert not empty_home.exists(), "looking must not write"

    def test_a_library_that_is_too_old_or_absent_is_named(self, monkeypatch):
        wanted = ["torch>=99", "no-such-library>=1", "pytest>=99; extra == 'test'"]
        monkeypatch.setattr(doctor.metadata, "requires", lambda name: wanted)
        found = {finding.topic: finding.advice for finding in doctor.examine()}
        assert ">=99 is needed" in found["torch"]
        assert "make lab" in found["no-such-library"]
        assert "pytest" not in found

    def test_a_cache_that_cannot_be_written_is_said(self, monkeypatch):
        monkeypatch.setattr(doctor.os, "access", lambda path, mode: False)
        found = {finding.topic: finding.advice for finding in doctor.examine()}
        assert "LABKIT_HOME" in found["cache"]

    def test_a_refused_accelerator_is_something_to_mend(self, monkeypatch):
        import torch

        from labkit import runtime

        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(runtime, "canary", lambda device: f"{device} is broken")
        found = {finding.topic: finding for finding in doctor.examine()}
        assert "cuda is broken" in found["device"].found
        assert "driver" in found["device"].advice


class TestFetch:
    def test_what_is_there_is_said_without_a_network(self, capsys):
        assert cli.main(["fetch", "encoder"]) == 0
        assert capsys.readouterr().out.startswith("encoder: already in ")

    def test_an_unknown_name_is_refused_with_the_nearest(self, capsys):
        assert cli.main(["fetch", "encodr"]) == 1
        assert "encoder" in capsys.readouterr().err

    def test_one_failure_does_not_keep_the_others_from_being_tried(
        self, empty_home, monkeypatch, capsys
    ):
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(empty_home))
        assert cli.main(["fetch", "encoder", "sentiment"]) == 1
        assert capsys.readouterr().err.count("LabError:") == 2

    @pytest.mark.parametrize("arguments", [[], ["conjure"]])
    def test_a_command_that_does_not_exist_is_a_usage_error(self, arguments):
        with pytest.raises(SystemExit) as stopped:
            cli.main(arguments)
        assert stopped.value.code == 2
