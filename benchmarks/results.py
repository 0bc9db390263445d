"""RESULTS.md: a section a program, the newest figures only."""

import re
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")


def write(program: str, text: str, results: Path = RESULTS) -> None:
    """Put `text` in the place of that program's section; the others stay."""
    kept = results.read_text("utf-8") if results.exists() else "# What was measured\n"
    head, *sections = re.split(r"^## (?=\w+\.py\n)", kept, flags=re.MULTILINE)
    by_program = {name: body for name, _, body in (s.partition("\n") for s in sections)}
    by_program[program] = text
    parts = [f"## {name}\n\n{body.strip()}" for name, body in by_program.items()]
    results.write_text("\n\n".join([head.strip(), *parts]) + "\n", "utf-8")
