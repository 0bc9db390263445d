"""A rule on how an answer is written, told by its text: "not PyTorch's own softmax".

Where code runs, code can hide what it calls. So the rule is on the words of the source:
some are ruled out, and so is whatever could make a name at run time. What is left is
the vocabulary of tensors, arrays and plain Python: enough to write anything by hand.
"""

import functools
import inspect
import io
import itertools
import linecache
import math
import re
import tokenize
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from keyword import iskeyword
from typing import Any

CELL = "# %%"  # the line between the cells of one answer
WORD = re.compile(r"(\.?)\s*([^\W\d]\w*)")
# A line for IPython, or one with a prompt, which it takes away
SHELL = re.compile(r"[ \t]*([%!?,;/]|>>>|\.{3,}[: ]|In \[)|[^'\"#]*\?[ \t]*$")
REACHING = {  # by these a text becomes code, or a name an attribute
    *("__builtins__", "__import__", "breakpoint", "compile", "delattr", "eval", "exec"),
    *("get_ipython", "getattr", "globals", "locals", "open", "setattr", "vars"),
}
USUAL = """
Any Callable Counter Iterable Iterator List Module Optional Parameter Sequence Tensor
Tuple Union abc annotations bool_ cache dataclass defaultdict deque double
field finfo functional iinfo inf lru_cache nan newaxis nn no_grad numpy partial pi
reduce torch
""".split()  # noqa: SIM905

UNSAFE = {  # modules, and what reads code or names from a text or a file
    *("F", "boolean_dispatch", "bmat", "char", "core", "ctypes", "ctypeslib", "dump"),
    *("dumps", "dtypes", "emath", "exceptions", "f2py", "fft", "fromfile", "from_file"),
    *("fromregex", "genfromtxt", "grad_fn", "handle_torch_function", "importlib"),
    *("lib", "linalg", "load", "loadtxt", "ma", "matlib", "polynomial", "random"),
    *("rec", "strings", "test", "testing", "tofile", "torch_function", "typename"),
    *("typing", "utils", "warnings"),
}


def ruled_out(source: str, words: Sequence[str], name: str) -> str:
    """The first name in an answer that its statement rules out, or nothing.

    Args:
        source: The answer's cell or cells, as they were typed.
        words: Parts of names that are ruled out, in small letters: "softm".
        name: The answer's own, which it defines and may call.
    """
    if not words:
        return ""
    for cell in f"\n{newlines(source)}".split(f"\n{CELL}\n"):
        for before, word in names(cell):
            if word == name and before not in (".", "import"):
                continue
            if any(part in word.lower() for part in words) or word in REACHING:
                return word
            if before in (".", "import") and word not in vocabulary():
                return word
            if before == "line" and word == "case":  # its patterns read attributes
                return word
    return ""


def cell_of(answer: Callable[..., Any]) -> str:
    """The source of the notebook's cell in which a function was defined."""
    code = inspect.unwrap(answer).__code__
    return "".join(linecache.getlines(code.co_filename))


def newlines(source: str) -> str:
    """Python ends a line at \\r, too."""
    return source.replace("\r\n", "\n").replace("\r", "\n")


def names(cell: str) -> Iterator[tuple[str, str]]:
    """The names in a cell, each with what stands before it.

    That is "." for an attribute, "import" for what `from … import` brings, "module" for
    what `import` does, "line" at the beginning of a line. Comments and strings are
    passed over, unless they hold code, or may: where the cell has IPython's commands.
    """
    code, commands = without_commands(cell)
    yield from spelt(commands)
    try:
        tokens = tokens_of(code)
    except (tokenize.TokenError, SyntaxError):  # then it will not run
        yield from (("import", word) for _, word in spelt(cell))
        return
    before, statement = "line", ""
    for token in tokens:
        text = token.string
        is_text = token.type in (tokenize.STRING, tokenize.COMMENT)
        is_formatted = re.match("[a-z]*f[a-z]*['\"]", text.lower()) is not None
        if is_text and (commands or is_formatted):
            yield from spelt(text)
        elif text in ("from", "import"):
            brings = {"from": "import", "": "module"}.get(statement, "")
            statement = text if text == "from" else brings
        elif token.type == tokenize.NAME and not iskeyword(text):
            is_brought = statement == "import" and before in ("import", ",", "(")
            is_module = statement == "module" and before != "as"
            label = "import" if is_brought else "module" if is_module else before
            yield label, plain(text)
        elif text == "*" and before == "import":
            yield "import", "*"
        if token.type in (tokenize.NEWLINE, tokenize.INDENT):
            before, statement = "line", ""
        elif token.type not in (tokenize.NL, tokenize.DEDENT, tokenize.COMMENT):
            before = text
        if text in (";", ":"):
            statement = ""


def without_commands(cell: str) -> tuple[str, str]:
    """A cell's Python, and its lines for IPython, as far as they can be told apart.

    No such line begins inside a string or a bracket; where there is no telling what is
    inside, each that looks like one is one.
    """
    lines = cell.split("\n")
    beginnings = {*range(len(lines))}
    passed_over = (tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT)
    with suppress(tokenize.TokenError, SyntaxError):
        telling = [token for token in tokens_of(cell) if token.type not in passed_over]
        ends = [tokenize.NEWLINE, *(token.type for token in telling)]
        beginnings = {
            token.start[0] - 1
            for end, token in zip(ends, telling, strict=False)
            if end == tokenize.NEWLINE
        }
    commands = []
    for row, line in enumerate(lines):
        if row in beginnings and SHELL.match(line):
            commands.append(line)
            lines[row] = ""
    return "\n".join(lines), "\n".join(commands)


def tokens_of(code: str) -> list[tokenize.TokenInfo]:
    """As Python's own tokenizer has them, which takes no harm from any text."""
    return [*tokenize.generate_tokens(io.StringIO(code).readline)]


def spelt(text: str) -> Iterator[tuple[str, str]]:
    """What looks like a name in any text, each with the point before it."""
    return ((point, plain(word)) for point, word in WORD.findall(text))


def plain(word: str) -> str:
    """A name as Python reads it: other forms of a letter are the same letter."""
    return unicodedata.normalize("NFKC", word)


@functools.cache
def vocabulary() -> frozenset[str]:
    """The attributes and imports with which an answer can be written by hand."""
    import numpy as np
    import torch

    spoken = {*USUAL, *dir(math), *dir(itertools)}
    for kind in (list, dict, set, str, tuple, int, float, torch.Tensor, np.ndarray):
        spoken |= {*dir(kind)}
    spoken |= {*dir(torch._C._VariableFunctions), *dir(torch.nn.functional)}
    spoken |= {
        word for word in dir(torch) if isinstance(vars(torch)[word], torch.dtype)
    }
    spoken |= {*np.__all__}
    return frozenset(word for word in spoken - UNSAFE if not word.startswith("_"))
