"""Marks by hand come back from any spreadsheet, whatever it did to the table.

`fixtures/` holds what LibreOffice made of the table below, opened, marked and saved;
`python tests/grading/test_spreadsheets.py` makes it anew.
"""

import csv
import io
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from labkit.errors import LabError
from labkit.grading.extract import printable
from labkit.grading.judge import Mark
from labkit.grading.marking import MANUAL, Graded, merge_manual

FIXTURES = Path(__file__).parent / "fixtures"
STUDENTS = (
    *("0012345", "1E5", "3-4", "TRUE", "12/31/2025", "1.5", "1,5", "5%", "$5", "1:30"),
    *("=cmd|' /C calc'!A0", "+49 30 12", "-x", "@sum", "'=1+1", "'0012", "＝1", "NaN"),
    *("José", "Müller, Jo", "O'Neil", "wörter\u3000x", '"quoted"', "a;b", "  lead"),
    *("9" * 22, "März 3", "Jan 5", "0x1F", "½"),
)
ANSWERS = (
    "Because.",
    "=SUM(A1)",
    "two\nlines",
    "x;y,z\t“",
    "\rlone",
    "1.000,50",
    "007",
)
TYPED = {  # as a person types -> the mark that it is
    "2,5": 2.5,
    "2.5": 2.5,
    "3": 3.0,
    "0": 0.0,
    ".5": 0.5,
    "": None,
}
COMMENTS = ("", "gut – José", "-> see; page 3", 'ok, "good"', "two\nlines")
LOCALES = {"en": ("en-US", "44,34,76,1"), "de": ("de-DE", "59,34,ANSI,1")}


def graded() -> list[Graded]:
    """A class of names that a spreadsheet takes for something else."""
    found = []
    for number, student in enumerate(STUDENTS):
        answer = f"{ANSWERS[number % len(ANSWERS)]} {number}"
        mark = Mark("explain", None, 3.0, (), answer)
        name = printable(student)
        found.append(Graded(name, f"{name}.ipynb", "vault", (mark,), ""))
    return found


def typed(number: int) -> tuple[str, str]:
    """Points and comment of a student, as they are typed."""
    return [*TYPED][number % len(TYPED)], COMMENTS[number % len(COMMENTS)]


def marked(path: Path) -> list[dict[str, str]]:
    """The table, with marks typed into it."""
    merge_manual(graded(), path)
    rows = [*csv.DictReader(io.StringIO(path.read_text(), newline=""))]
    for number, row in enumerate(rows):
        row["points"], row["comment"] = typed(number)
    return rows


def written(rows: list[dict[str, str]], separator: str = ",", end: str = "\n") -> str:
    file = io.StringIO()
    names = list(rows[0])
    writer = csv.DictWriter(
        file,
        names,
        delimiter=separator,
        lineterminator=end,
        quoting=csv.QUOTE_ALL if end == "\r" else csv.QUOTE_MINIMAL,
    )
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def check(path: Path) -> None:
    """Every mark and comment is the one that was typed; also in the next run."""
    for _ in range(2):
        for number, one in enumerate(merge_manual(graded(), path)):
            points, comment = typed(number)
            assert one.marks[0].points == TYPED[points], one.student
            assert dict(one.comments)["explain"] == comment, one.student


@pytest.fixture
def manual(tmp_path) -> Path:
    return tmp_path / "manual.csv"


class TestWhatLibreOfficeSaves:
    @pytest.mark.parametrize("name", ["en", "de", "en-special", "de-special"])
    def test_it_is_read_back(self, manual, name):
        shutil.copy(FIXTURES / f"manual-{name}.csv", manual)
        assert b"0012345" not in manual.read_bytes(), "it took a name for a number"
        check(manual)

    @pytest.mark.soak
    @pytest.mark.parametrize("locale", LOCALES)
    @pytest.mark.parametrize("special", [False, True])
    def test_it_is_read_back_from_the_program_itself(self, manual, locale, special):
        manual.write_text(written(marked(manual)))
        manual.write_bytes(opened_and_saved(manual, locale, special))
        check(manual)


def opened_and_saved(table: Path, locale: str, special: bool) -> bytes:
    """A table that LibreOffice opened and saved, in the manner of a country."""
    language, form = LOCALES[locale]
    with tempfile.TemporaryDirectory() as name:
        room = Path(name)
        settings = room / "profile" / "user" / "registrymodifications.xcu"
        settings.parent.mkdir(parents=True)
        settings.write_text(
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<oor:items xmlns:oor="http://openoffice.org/2001/registry" '
            'xmlns:xs="http://www.w3.org/2001/XMLSchema">'
            '<item oor:path="/org.openoffice.Setup/L10N">'
            '<prop oor:name="ooSetupSystemLocale" oor:op="fuse">'
            f"<value>{language}</value></prop></item></oor:items>"
        )
        program = shutil.which("soffice")
        assert program, "LibreOffice is not installed: apt-get install libreoffice-calc"
        base = [program, f"-env:UserInstallation=file://{room / 'profile'}"]
        base += ["--headless", "--convert-to"]
        opened = f"--infilter=CSV:44,34,76,1,,,false,{str(special).lower()}"
        saved = f"csv:Text - txt - csv (StarCalc):{form}"
        for step in (
            [*base, "ods", opened, str(table)],
            [*base, saved, f"{table.stem}.ods"],
        ):
            subprocess.run(step, cwd=room, check=True, capture_output=True, timeout=120)
        return (room / f"{table.stem}.csv").read_bytes()


class TestOtherPrograms:
    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    @pytest.mark.parametrize("separator", [",", ";", "\t"])
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
    def test_any_separator_encoding_and_end_of_line(
        self, manual, separator, encoding, end
    ):
        text = written(marked(manual), separator, end)
        manual.write_bytes(text.encode(encoding, errors="replace"))
        check(manual)

    def test_columns_in_another_order_and_case_and_more_of_them(self, manual):
        rows = [
            {"Seen by": "me", **{k.upper(): v for k, v in reversed(row.items())}}
            for row in marked(manual)
        ]
        text = written(rows, ";")
        manual.write_text(f";;;;;;;;\n{text}\n;;;;;;;;\n\n")
        check(manual)

    def test_names_that_it_spoilt_do_not_matter(self, manual):
        rows = [row | {"student": "100000", "answer": ""} for row in marked(manual)]
        manual.write_text(written(rows))
        check(manual)

    def test_without_keys_the_names_tell(self, manual):
        rows = marked(manual)
        for row in rows:
            del row["key"]
        manual.write_text(written(rows))
        check(manual)


class TestWhatCannotBeMatched:
    """One sentence that names the row; and nothing is overwritten."""

    def refuse(self, manual: Path, rows: list[dict[str, str]], said: str) -> None:
        manual.write_text(written(rows))
        before = manual.read_bytes()
        with pytest.raises(LabError, match=said):
            merge_manual(graded(), manual)
        assert manual.read_bytes() == before
        assert [path.name for path in manual.parent.iterdir()] == [manual.name]

    @pytest.mark.parametrize("key", ["", "?", "k-", "100000"])
    def test_a_mark_with_neither_a_key_nor_a_known_name(self, manual, key):
        rows = marked(manual)
        rows[2] |= {"student": "12345", "key": key, "points": "", "comment": "Good."}
        self.refuse(manual, rows, "row 4: no answer .* student '12345'")

    def test_two_rows_that_mark_one_answer_differently(self, manual):
        rows = marked(manual)
        rows.append(rows[0] | {"points": "1"})
        self.refuse(manual, rows, f"rows 2 and {len(rows) + 1}")

    @pytest.mark.parametrize(
        "points", ["4", "-1", "nan", "all", "1_0", "2 5", "1.000,5", "02.05.26", "1e0"]
    )
    def test_a_mark_that_is_none(self, manual, points):
        rows = marked(manual)
        rows[1]["points"] = points
        self.refuse(manual, rows, r"row 3: .*\s+Enter a number from 0 to 3")

    def test_a_table_that_is_none(self, manual):
        for content in (b"", b"\0\1\2", b"PK\3\4 an .xlsx", b"a,b\n1,2\n"):
            manual.write_bytes(content)
            with pytest.raises(LabError, match="no column `points`"):
                merge_manual(graded(), manual)
            assert manual.read_bytes() == content

    def test_a_quote_that_never_ends(self, manual):
        rows = marked(manual)
        text = written(rows) + 'ann,vault,explain,3,"2,Good.,x,y\n' + "b,c\n"
        manual.write_text(text)
        with pytest.raises(LabError, match="cannot be read"):
            merge_manual(graded(), manual)
        assert manual.read_text() == text

    def test_a_folder_of_that_name(self, manual):
        manual.mkdir()
        with pytest.raises(LabError, match="cannot be read"):
            merge_manual(graded(), manual)


class TestNothingIsLost:
    def test_what_was_saved_is_kept_before_the_table_is_written_anew(self, manual):
        text = written(
            [row | {"my notes": "call her"} for row in marked(manual)], ";", "\r\n"
        )
        manual.write_text(text, newline="")
        merge_manual(graded(), manual)
        backup = manual.with_name("manual.csv.bak")
        assert backup.read_bytes() == text.encode()
        merge_manual(graded(), manual)
        assert backup.read_bytes() == text.encode(), "nothing was written meanwhile"

    def test_marks_and_comments_of_others_are_kept(self, manual):
        manual.write_text(written(marked(manual)))
        for _ in range(2):
            merge_manual(graded()[:1], manual)
        merge_manual(graded()[1:3], manual)
        check(manual)

    def test_the_table_stays_the_same_from_run_to_run(self, manual):
        manual.write_text(written(marked(manual)))
        merge_manual(graded(), manual)
        once = manual.read_bytes()
        for _ in range(3):
            merge_manual(graded(), manual)
        assert manual.read_bytes() == once
        rows = [*csv.reader(io.StringIO(once.decode(), newline=""))]
        assert [tuple(rows[0]), len(rows)] == [MANUAL, len(STUDENTS) + 1]


def make_fixtures() -> None:
    with tempfile.TemporaryDirectory() as name:
        table = Path(name) / "manual.csv"
        table.write_text(written(marked(table)))
        for locale in LOCALES:
            for special in (False, True):
                saved = opened_and_saved(table, locale, special)
                form = f"manual-{locale}{'-special' * special}.csv"
                (FIXTURES / form).write_bytes(saved)


if __name__ == "__main__":
    make_fixtures()
