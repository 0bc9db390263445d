"""The efficiency set's own answers on LoRA are what PEFT computes."""

from pathlib import Path

import peft
import pytest
import torch
from torch import nn

from labkit.grading.problems import load

SET = load(Path(__file__).parents[2] / "solutions" / "efficiency")


@pytest.fixture
def adapted():
    """A layer with PEFT's adapter of rank 3, that does something."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 7))
    config = peft.LoraConfig(r=3, lora_alpha=12, target_modules=["0"])
    model = peft.get_peft_model(model, config)
    layer = model.base_model.model[0]
    nn.init.normal_(layer.lora_B["default"].weight)
    return layer


def answer(name: str):
    namespace: dict = {}
    for source in (*SET.given, SET.solution(name)):
        exec(source, namespace)
    return namespace[name]


def parts(layer):
    down, up = (side["default"].weight for side in (layer.lora_A, layer.lora_B))
    return down, up, 12.0


def test_our_layer_gives_what_pefts_gives(adapted):
    base = adapted.base_layer
    x = torch.randn(2, 4, 5)
    ours = answer("lora_linear")(x, base.weight, base.bias, *parts(adapted))
    torch.testing.assert_close(ours, adapted(x), rtol=1e-6, atol=1e-6)


def test_our_merged_matrix_is_pefts(adapted):
    ours = answer("merge")(adapted.base_layer.weight, [parts(adapted)])
    adapted.merge()
    torch.testing.assert_close(ours, adapted.base_layer.weight, rtol=1e-6, atol=1e-6)
