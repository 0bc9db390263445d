"""The overview tells what was done, and names the next thing to do."""

import pytest
from lxml.html import fragments_fromstring

from labkit import record
from labkit.course import progress
from labkit.course.quizzes import lessons

STEMS = [*lessons()]


@pytest.fixture(autouse=True)
def mine(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_PROGRESS", str(tmp_path / "progress.sqlite"))


def finish(*stems):
    for stem in stems:
        record.note("lesson", stem)
        for number in range(1, 6):
            record.note("question", f"{stem}/{number}", number % 2)
        if name := lessons()[stem].set:
            record.note("set", name, 1)
            record.note("check", f"{name}/first")


def next_step():
    return str(progress()).splitlines()[-1].removeprefix("Go on: ")


def test_every_lesson_has_a_line_also_before_anything_is_done():
    told = str(progress()).splitlines()
    assert [line[:2] for line in told[1:-2]] == [stem[:2] for stem in STEMS]


def test_a_line_tells_run_answers_and_checks():
    record.note("lesson", "02_attention")
    for number, is_right in ((1, 1), (2, 0), (3, 1)):
        record.note("question", f"02_attention/{number}", is_right)
    record.note("check", "attention/softmax")
    record.note("set", "attention", 7)
    (line,) = (one for one in str(progress()).splitlines() if one.startswith("02"))
    assert "to the end" in line
    assert "2 right of 3, 2 open" in line
    assert "attention: 1 of 7" in line


def test_where_to_go_on():
    assert next_step() == "lesson 00 Start here."
    record.note("question", "00_start_here/1")
    assert next_step().startswith("run lesson 00 Start here from top to bottom")
    record.note("lesson", "00_start_here")
    assert next_step().startswith("answer the questions at the end of lesson 00")
    finish("00_start_here")
    assert "lesson 01" in next_step()
    assert "lesson 04" in next_step()
    finish("04_finetune_bert")
    assert next_step().startswith("lesson 05")


def test_a_set_comes_after_the_last_lesson_that_it_grades():
    sets = {lesson.set: stem for stem, lesson in lessons().items() if lesson.set}
    for name, last in sets.items():
        finish(*STEMS[: STEMS.index(last) + 1])
        record.note("set", name, 2)  # and one has passed
        assert next_step() == f"solve the exercises in exercises/{name}/."
        record.note("set", name, 1)


def test_the_short_road_looks_inside_before_the_lessons_that_need_it():
    finish("00_start_here", *STEMS[4:10])
    for number in ("02", "03", "10"):
        assert next_step().startswith(f"lesson {number}")
        finish(*(stem for stem in STEMS if stem.startswith(number)))


def test_what_was_passed_over_comes_last_and_then_nothing_is_left():
    finish(*(stem for stem in STEMS if stem != "01_pretraining"))
    assert next_step().startswith("lesson 01")
    finish("01_pretraining")
    assert "of your own" in next_step()


def test_the_button_looks_again_and_the_page_without_a_kernel_is_the_same():
    shown = progress()
    record.note("lesson", "00_start_here")
    assert "to the end" not in shown.page.value
    shown.children[1].click()
    assert "to the end" in shown.page.value
    assert shown.still() == (shown.page.value, str(shown))


def test_the_page_is_a_table_with_a_head():
    page = fragments_fromstring(progress().page.value)
    tables = [one for one in page if getattr(one, "tag", "") == "table"]
    assert len(tables) == 1
    assert tables[0].xpath("string(.//thead)").split()[0] == "Lesson"
    assert len(tables[0].xpath(".//tbody/tr")) == len(STEMS)
