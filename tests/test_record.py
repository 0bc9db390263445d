"""What a learner has done is kept, by two kernels at once, and never stops a lesson."""

import multiprocessing
import sqlite3

import pytest

from labkit import record
from labkit.errors import LabError


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "new" / "progress.sqlite"
    monkeypatch.setenv("LABKIT_PROGRESS", str(path))
    record._say_once.cache_clear()
    return path


def test_before_anything_is_done_nothing_is_noted_or_made(file):
    assert record.noted("lesson") == {}
    assert not file.parent.exists()


def test_the_later_value_stands(file):
    for value in (0, 1):
        record.note("question", "02_attention/1", value)
    record.note("lesson", "02_attention")
    assert record.noted("question") == {"02_attention/1": 1}
    assert record.noted("lesson") == {"02_attention": 1}


def write_many(kernel):
    for number in range(50):
        record.note("check", f"{kernel}/{number}")


def test_two_kernels_at_once_lose_nothing(file, capsys):
    start = multiprocessing.get_context("spawn")
    kernels = [start.Process(target=write_many, args=(name,)) for name in "ab"]
    for kernel in kernels:
        kernel.start()
    for kernel in kernels:
        kernel.join(120)
        assert kernel.exitcode == 0
    assert len(record.noted("check")) == 100


def test_one_that_waits_too_long_goes_on_with_a_word(file, monkeypatch, capsys):
    record.note("lesson", "00_start_here")
    monkeypatch.setattr(record, "PATIENCE", 0.1)
    holder = sqlite3.connect(file)
    holder.execute("BEGIN EXCLUSIVE")
    record.note("lesson", "01_pretraining")
    record.note("lesson", "02_attention")
    holder.close()
    assert capsys.readouterr().out.count("your progress is not kept") == 1
    assert record.noted("lesson") == {"00_start_here": 1}


@pytest.mark.parametrize("spoil", ["damaged", "a folder"])
def test_a_file_that_is_none_stops_no_lesson_and_gets_a_sentence(file, spoil, capsys):
    file.parent.mkdir()
    if spoil == "damaged":
        file.write_bytes(b"this is no database, it only lies there" * 100)
    else:
        file.mkdir()
    record.note("lesson", "00_start_here")
    assert "your progress is not kept" in capsys.readouterr().out
    with pytest.raises(LabError, match="Move that file away"):
        record.noted("lesson")


def test_where_no_folder_can_be_made_lessons_go_on(file, capsys):
    file.parent.write_text("a file in the way")
    record.note("lesson", "00_start_here")
    assert "Set LABKIT_PROGRESS" in capsys.readouterr().out
