"""Quizzes keep their form, give nothing away, and are read without a kernel, too."""

import json
from collections import Counter
from html import unescape
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from lxml.html import fragment_fromstring

from labkit import record
from labkit.course import quiz, quizzes
from labkit.errors import LabError

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
QUIZZES = quizzes.lessons().values()
QUESTIONS = [
    pytest.param(question, id=f"{lesson.stem}/{number}")
    for lesson in QUIZZES
    for number, question in enumerate(lesson.questions, start=1)
]
every_question = pytest.mark.parametrize("question", QUESTIONS)
every_quiz = pytest.mark.parametrize("lesson", QUIZZES, ids=lambda one: one.stem)


def key(question):
    (letter,) = (letter for letter, one in question.options.items() if one.is_right)
    return letter


def lengths(question):
    return {letter: len(option.says) for letter, option in question.options.items()}


@pytest.fixture
def mine(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_PROGRESS", str(tmp_path / "progress.sqlite"))


class TestForm:
    def test_each_lesson_has_one_and_ends_with_it(self):
        assert [path.stem for path in NOTEBOOKS] == [one.stem for one in QUIZZES]
        for path in NOTEBOOKS:
            cells = nbformat.read(path, as_version=4).cells
            assert any(f'quiz("{path.stem}")' in c.source for c in cells[-5:]), path

    @every_quiz
    def test_title_and_set_are_the_lessons_own(self, lesson):
        path = ROOT / "notebooks" / f"{lesson.stem}.ipynb"
        notebook = json.loads(path.read_text())
        assert lesson.title == notebook["metadata"]["labkit"]["title"]
        assert {*lesson.needs} <= {one.stem for one in QUIZZES if one.stem < path.stem}
        assert lesson.set is None or f"exercises/{lesson.set}/" in path.read_text()

    @every_quiz
    def test_five_questions_whose_keys_differ(self, lesson):
        keys = Counter(map(key, lesson.questions))
        assert len(lesson.questions) == 5
        assert set(keys) == set("ABCD")

    @every_question
    def test_the_right_option_is_not_the_longest(self, question):
        long = lengths(question)
        right = long.pop(key(question))
        assert right <= max(long.values())

    @every_question
    def test_texts_are_short_and_plain(self, question):
        options = question.options.values()
        assert len(question.asks.split()) <= 60
        assert all(len(option.says.split()) <= 25 for option in options)
        assert all(5 <= len(option.because.split()) <= 50 for option in options)
        assert len({option.says for option in options}) == 4
        told = " ".join([question.asks, *(o.says + o.because for o in options)])
        assert not {*"`$*\n"} & {*told.replace(" * ", "")}


class TestNothingIsGivenAway:
    """Rules of thumb that need no lesson find the key about as often as chance does."""

    chance, of = 0.25, len(QUESTIONS)
    room = 3 * (chance * (1 - chance) / of) ** 0.5  # standard errors

    @pytest.mark.parametrize("letter", "ABCD")
    def test_keys_are_spread_evenly(self, letter):
        share = sum(key(param.values[0]) == letter for param in QUESTIONS) / self.of
        assert abs(share - self.chance) < 0.05

    @pytest.mark.parametrize("rule", [min, max], ids=["shortest", "longest"])
    def test_no_length_tells(self, rule):
        hits = 0
        for param in QUESTIONS:
            long = lengths(param.values[0])
            hits += rule(long, key=long.__getitem__) == key(param.values[0])
        assert hits / self.of < self.chance + self.room

    def test_a_key_tells_nothing_of_the_next(self):
        keys = [key(param.values[0]) for param in QUESTIONS]
        for step in range(4):  # the next letter, the one after…
            ahead = "ABCD"[step:] + "ABCD"[:step]
            turned = str.maketrans("ABCD", ahead)
            same = [a.translate(turned) == b for a, b in pairwise(keys)]
            assert sum(same) / len(same) < self.chance + 2 * self.room


class TestShown:
    def test_a_choice_is_explained_and_the_first_one_is_kept(self, mine):
        shown = quiz("02_attention")
        question = shown.lesson.questions[0]
        wrong = next(o for o in question.options.values() if not o.is_right)
        right = question.options[key(question)]
        for option, says in ((wrong, "Not so."), (right, "Right.")):
            shown.choices[0].value = option
            said = fragment_fromstring(shown.verdicts[0].value)
            assert said.text == f"{says} {option.because}"
        assert record.noted("question") == {"02_attention/1": 0}

    def test_run_again_it_begins_again(self, mine):
        for _ in range(2):
            shown = quiz("02_attention")
            assert [choice.value for choice in shown.choices] == [None] * 5
        question = shown.lesson.questions[0]
        shown.choices[0].value = question.options[key(question)]
        assert record.noted("question") == {"02_attention/1": 1}

    @every_quiz
    def test_without_a_kernel_each_option_opens_to_its_reason(self, lesson):
        page, plain = quizzes.Quiz(lesson).still()
        boxes = fragment_fromstring(page).xpath("//details")
        options = [o for q in lesson.questions for o in q.options.values()]
        assert len(boxes) == len(options) == 20
        for box, option in zip(boxes, options, strict=True):
            assert option.says in box[0].text
            assert box[1].text == option.verdict()
            assert option.says in plain
            assert option.verdict() in plain
        assert "open" not in {name for box in boxes for name in box.attrib}

    def test_what_is_written_is_text_and_no_tags(self, mine):
        option = quizzes.Option("a < b", "<b> & c", is_right=True)
        asked = quizzes.Question("if a < b?", dict.fromkeys("ABCD", option))
        shown = quizzes.Quiz(quizzes.Lesson("99_test", "Test", None, [asked]))
        shown.choices[0].index = 0
        for page in (shown.verdicts[0].value, shown.still()[0]):
            assert "<b>" not in page
            assert "<b> & c" in unescape(page)

    def test_another_name_gets_a_sentence(self):
        with pytest.raises(LabError, match="no questions on '2_attention'"):
            quiz("2_attention")


class TestRunToTheEnd:
    """As many different cells as the lesson has were run in this kernel."""

    @pytest.fixture
    def shell(self, tmp_path, monkeypatch, mine):
        monkeypatch.chdir(tmp_path)
        cells = [nbformat.v4.new_code_cell(f"x = {n}") for n in range(4)]
        cells.append(nbformat.v4.new_code_cell('quiz("02_attention")'))
        cells.append(nbformat.v4.new_code_cell("what follows"))
        nbformat.write(nbformat.v4.new_notebook(cells=cells), "02_attention.ipynb")
        shell = InteractiveShell.instance()
        monkeypatch.setitem(shell.user_ns, "In", [""])
        return shell

    def run(self, shell, *sources):
        shell.user_ns["In"].extend([*sources, 'quiz("02_attention")'])
        quiz("02_attention")
        return record.noted("lesson")

    def test_all_of_it(self, shell):
        assert self.run(shell, "x = 0", "x = 1", "x = 2", "x = 3") == {
            "02_attention": 1
        }

    def test_a_changed_cell_counts(self, shell):
        assert self.run(shell, "x = 0", "x = 1", "x = 2.5", "x = 3")

    def test_the_last_cell_alone_does_not(self, shell):
        assert self.run(shell) == {}

    def test_nor_one_cell_again_and_again(self, shell):
        assert self.run(shell, *["x = 0"] * 9) == {}

    def test_where_the_lesson_is_not_beside_it_the_cell_is_believed(self, shell):
        Path("02_attention.ipynb").unlink()
        assert self.run(shell)
