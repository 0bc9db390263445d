"""A rule on an answer's text cannot be got round, and refuses no honest answer."""

import linecache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.exercises import CELL, cell_of, ruled_out
from labkit.grading import shell

WORDS = ("softm", "attention", "entropy", "nll")

HONEST = {
    "as in the lesson": """
def softmax(scores, dim=-1):
    exponentials = (scores - scores.amax(dim, keepdim=True)).exp()
    return exponentials / exponentials.sum(dim, keepdim=True)
""",
    "with the word in comments and strings": """
def softmax(scores, dim=-1):
    "like torch.softmax"  # F.softmax(scores, dim) gives the same
    return (scores - scores.logsumexp(dim, keepdim=True)).exp()
""",
    "NumPy, and imports that are not used": """
from __future__ import annotations
import numpy as np, pandas as pd
import matplotlib.pyplot as plt
from collections.abc import Sequence
from torch import Tensor, nn
def softmax(scores: Tensor, dim: int = -1) -> Tensor:
    x = np.exp(scores.numpy() - scores.numpy().max(axis=dim, keepdims=True))
    return torch.from_numpy(x / np.sum(x, axis=dim, keepdims=True)).type_as(scores)
""",
    "loops and Python's own": """
import math
def softmax(scores, dim=-1):
    moved = scores.movedim(dim, -1)
    rows = []
    for row in moved.reshape(-1, moved.shape[-1]).tolist():
        top = max(row)
        e = [math.exp(x - top) for x in row]
        rows.append([x / sum(e) for x in e])
    return torch.tensor(rows).view(moved.shape).movedim(-1, dim)
""",
    "a magic and stray lines": """%%time
import pandas as pd
def softmax(scores, dim=-1):
    e = torch.exp(scores - torch.amax(scores, dim, True))
    return e / torch.einsum("ij->i", e)[:, None]
softmax?
!pip install torch
""",
    "an error with a message": """
def softmax(scores, dim=-1):
    if not scores.numel():
        raise ValueError(f"{scores.shape} is empty")
    return scores.exp().div(scores.exp().sum(dim, keepdim=True))
""",
    "a question in a docstring": """
def softmax(scores, dim=-1):
    '''How sure is each?

    Not with torch.softmax: is that so?
    / for a slash, ! for a mark
    '''
    e = scores.exp()  # like Softmax?
    return e / e.sum(dim, keepdim=True)
""",
    "a line that goes on with a sign": """
def softmax(scores, dim=-1):
    'Softmax, as in Vaswani et al.'
    e = scores.exp()
    return (
        e
        / e.sum(dim, keepdim=True)
        % 2
    )
""",
    "calling itself": """
def softmax(scores, dim=-1):
    if dim != -1:
        return softmax(scores.transpose(dim, -1)).transpose(dim, -1)
    e = scores.exp()
    return e / e.sum(-1, keepdim=True)
""",
}
SLY = {
    "an alias": "softmax = torch.softmax",
    "a method": "def softmax(s, d=-1): return s.softmax(d)",
    "a class": "def softmax(s, d=-1): return nn.Softmax(d)(s)",
    "fused attention": "def softmax(s, d=-1):\n"
    "    return F.scaled_dot_product_attention(s, s, s)",
    "a loss": "def softmax(s, d=-1): return F.cross_entropy(s, s)",
    "a name from a text": "def softmax(s, d=-1): return getattr(s, 'soft' + 'max')(d)",
    "a dictionary": "def softmax(s, d=-1): return torch.__dict__['soft' + 'max'](s, d)",
    "vars": "def softmax(s, d=-1): return vars(torch)['soft' + 'max'](s, d)",
    "code from a text": "exec('softmax = torch.soft' + 'max')",
    "another library": "from scipy.special import softmax",
    "all of another library": "from scipy.special import *",
    "all of ours": "from torch import *",
    "importlib": "import importlib\nsoftmax = importlib.import_module('torch')",
    "operator": "from operator import attrgetter as softmax",
    "builtins": "from builtins import getattr as g\nsoftmax = g(torch, 'x')",
    "torch's operators": "softmax = torch.ops.aten",
    "a private module": "from torch import _C as softmax",
    "a pattern": "def softmax(s, d=-1):\n"
    "    match s:\n"
    "        case torch.Tensor(softmax=f): return f(d)",
    "a pattern of something else": "def softmax(s, d=-1):\n"
    "    match torch:\n"
    "        case object(_C=f): return f",
    "letters of another form": "def softmax(s, d=-1): return torch.ｓoftmax(s, d)",
    "an f-string": "def softmax(s, d=-1):\n"
    "    f'{(x := torch.softmax(s, d))}'\n    return x",
    "over several lines": "softmax = (lambda f: f)(torch\n  .\n  softmax)",
    "after a backslash": "softmax = torch . \\\n softmax",
    "a comment that ends early": "x = 1 # so\rsoftmax = torch.softmax",
    "a cell in a string": "x = '''\n# %%\nsoftmax = torch.softmax\n# %%\n'''",
    "a string that a magic opens": "%%time '''\nsoftmax = torch.softmax\n#'''",
    "a magic behind Python's prompt": ">>> %%time '''\nsoftmax = torch.softmax\n#'''",
    "a magic behind IPython's": "In [1]: %%time '''\nsoftmax = torch.softmax\n#'''",
    "a bracket that a magic opens": "%time (\n!x '''\nsoftmax = torch.softmax\n'''",
    "a magic's argument": "%time softmax = torch.softmax",
    "imported under a magic": "%%time\nfrom scipy.special import softmax",
    "the shell's": "get_ipython().run_cell_magic('time', '', 'softmax = 1')",
    "annotations": "import typing\ntyping.get_type_hints(softmax)",
    "imported in parentheses": "from torch.nn.functional import (\n relu,\n"
    " log_softmax as l)",
    "imported after a semicolon": "x = 1; from scipy.special import softmax",
    "imported after a colon": "if True: from scipy.special import softmax",
    "delegated to": "def softmax(s, d=-1): yield from torch.special.exp(s)",
    "a distribution": "def softmax(s, d=-1):\n"
    "    return torch.distributions.Categorical(logits=s).probs",
    "the globals of a function": "softmax = torch.vmap.__globals__",
    "an unpickled one": "import pickle\nsoftmax = pickle.loads(b'x')",
    "torch's own names of code": "softmax = torch.jit.script",
}


@pytest.mark.parametrize("how", HONEST)
def test_an_honest_answer_is_not_ruled_out(how):
    assert ruled_out(HONEST[how], WORDS, "softmax") == ""


@pytest.mark.parametrize("how", SLY)
def test_no_way_round_the_rule(how):
    assert ruled_out(SLY[how], WORDS, "softmax")


def test_cells_are_told_apart_where_they_are_run():
    assert CELL == shell.CELL


def test_without_a_rule_nothing_is_ruled_out():
    assert ruled_out("eval('1')", (), "softmax") == ""


@given(st.text(max_size=200))
def test_any_text_can_be_read(text):
    assert isinstance(ruled_out(text, WORDS, "softmax"), str)


@given(st.text("softmax.#'\"\n\\\r (){}f%!?=\t", max_size=30))
def test_what_runs_by_name_is_seen(text):
    """However the line before and after it ends, the call is seen, or never runs."""
    source = f"{text}\nx = torch.softmax\n{text}"
    try:
        compile(source, "<answer>", "exec")
    except (SyntaxError, ValueError):
        return
    before: dict = {}
    stand_in = type("torch", (), {"softmax": "found"})
    try:
        exec(source, before | {"torch": stand_in}, before)
    except Exception:
        return
    assert before.get("x") != "found" or ruled_out(source, WORDS, "softmax")


def test_the_source_of_an_answer_is_its_whole_cell():
    source = "helper = 1\ndef answer(): return helper\n"
    linecache.cache["<a cell>"] = len(source), None, source.splitlines(True), "<a cell>"
    namespace: dict = {}
    exec(compile(source, "<a cell>", "exec"), namespace)
    assert cell_of(namespace["answer"]) == source
