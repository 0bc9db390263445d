"""Cells run as a notebook runs them, for the worker and for `labkit check`.

The sandbox receives this file compiled: it imports nothing of the kit.
"""

import ast
import codeop
import linecache
from collections.abc import Callable
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager

CELL = "# %%"  # the line between the cells of an answer
RUN_BODY = ("capture", "prun", "time", "timeit")  # cell magics that run their cell


class Shell:
    """A namespace in which cells run, with what IPython gives them.

    Args:
        namespace: Where the cells' names are kept.
        tell: Is told what did not run, and why.
    """

    def __init__(
        self,
        namespace: dict[str, Any],
        tell: Callable[[str, BaseException], None] = lambda what, error: None,
    ) -> None:
        self.namespace, self._tell = namespace, tell
        self._count = 0
        self._compile: Any = codeop.Compile()  # it remembers `from __future__ …`
        namespace |= {
            "get_ipython": lambda: self,
            "display": lambda *values, **options: None,
            "input": lambda prompt="": "",
        }

    def run(self, cells: str) -> None:
        """Run cells statement by statement, for definitions count.

        A cell that is no Python, and a statement that raises, cost only themselves.
        """
        for cell in f"\n{cells}".split(f"\n{CELL}\n"):
            try:
                statements = parsed(cell)
            except (SyntaxError, ValueError) as error:
                self._tell("a cell", error)
                continue
            self._count += 1
            name = f"<ipykernel {self._count}>"  # so that a message can show its lines
            linecache.cache[name] = len(cell), None, cell.splitlines(True), name
            for statement in statements:
                try:
                    alone = ast.Module([statement], [])
                    exec(self._compile(alone, name, "exec"), self.namespace)
                except (Exception, SystemExit) as error:
                    self._tell(ast.unparse(statement).partition("\n")[0], error)

    def run_cell_magic(self, name: str, line: str, body: str) -> None:
        """Run the cells that `%%time` and its like measure."""
        if name in RUN_BODY:
            self.run(body)

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments, **options: None


def parsed(cell: str) -> list[ast.stmt]:
    """A cell's statements, also where it has IPython's own lines.

    Raises:
        SyntaxError, ValueError: it is no Python.
    """
    try:
        return ast.parse(cell).body
    except SyntaxError:  # `%%time`, `!ls`, `softmax?`
        return ast.parse(TransformerManager().transform_cell(cell)).body
