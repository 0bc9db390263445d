"""The alignment set's own answers are what TRL's trainers compute, on a tiny model."""

from pathlib import Path

import pytest
import torch
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import DPOConfig, DPOTrainer, GRPOConfig, GRPOTrainer

from labkit.grading.problems import load

SET = load(Path(__file__).parents[2] / "solutions" / "alignment")
WORDS = ["<pad>", "<eos>", "<unk>", *"abcdefghijklmnop"]
QUIET = {
    "report_to": "none",
    "disable_tqdm": True,
    "use_cpu": True,
    "bf16": False,
    "activation_checkpointing": False,
}


def answer(name: str):
    namespace: dict = {}
    for source in (*SET.given, SET.solution(name)):
        exec(source, namespace)
    return namespace[name]


def model(seed: int) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        initializer_range=0.5,
        pad_token_id=0,
        eos_token_id=1,
    )
    return LlamaForCausalLM(config).eval()


@pytest.fixture
def tokenizer():
    places = {word: place for place, word in enumerate(WORDS)}
    words = Tokenizer(models.WordLevel(places, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="<pad>",
        eos_token="<eos>",
        unk_token="<unk>",
        padding_side="left",
    )


def log_probabilities(of, ids, seen):
    """Of each token after the first."""
    logits = of(input_ids=ids, attention_mask=seen).logits[:, :-1]
    return logits.log_softmax(-1).gather(-1, ids[:, 1:, None])[..., 0]


@pytest.fixture
def pairs():
    """Ids, what is text, and what is an answer: chosen ones, then rejected ones."""
    generator = torch.Generator().manual_seed(4)
    ids = torch.randint(3, len(WORDS), (6, 9), generator=generator)
    lengths = torch.tensor([9, 6, 7, 5, 9, 8])[:, None]
    seen = torch.arange(9) < lengths
    return (
        ids.masked_fill(~seen, 0),
        seen.long(),
        (seen & (torch.arange(9) >= 3)).long(),
    )


@pytest.mark.parametrize("beta", [0.1, 0.7])
def test_our_dpo_loss_and_its_gradient_are_those_of_the_trainer(
    tokenizer, pairs, tmp_path, beta
):
    ids, seen, own = pairs
    texts = {"prompt": ["a b"], "chosen": [" c"], "rejected": [" d"]}
    trainer = DPOTrainer(
        model(0),
        model(1),
        DPOConfig(str(tmp_path), beta=beta, **QUIET),
        train_dataset=Dataset.from_dict(texts),
        processing_class=tokenizer,
    )
    trained = trainer.model.eval()
    batch = {"input_ids": ids, "attention_mask": seen, "completion_mask": own}
    theirs = trainer.compute_loss(trained, batch)
    theirs.backward()
    slopes = [p.grad.clone() for p in trained.parameters()]
    trained.zero_grad()
    policy, reference, mask = (
        part.view(2, 3, -1).transpose(0, 1)
        for part in (
            log_probabilities(trained, ids, seen),
            log_probabilities(trainer.ref_model, ids, seen),
            own[:, 1:] > 0,
        )
    )
    ours, _ = answer("dpo_loss")(policy, reference, mask, beta)
    ours.backward()
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
    for p, slope in zip(trained.parameters(), slopes, strict=True):
        torch.testing.assert_close(p.grad, slope, rtol=1e-4, atol=1e-6)


def grpo(tokenizer, folder, rewards, **settings) -> GRPOTrainer:
    """Four answers to each prompt."""
    return GRPOTrainer(
        model(0),
        reward_funcs=lambda completions, **_: rewards,
        args=GRPOConfig(
            str(folder),
            loss_type="grpo",
            beta=0.0,
            num_generations=4,
            per_device_train_batch_size=8,
            max_completion_length=4,
            **settings,
            **QUIET,
        ),
        train_dataset=Dataset.from_dict({"prompt": ["a b", "c d"]}),
        processing_class=tokenizer,
    )


@pytest.mark.parametrize("scale", ["group", "none"])
def test_our_advantages_are_those_of_the_trainer(tokenizer, tmp_path, scale):
    rewards = [0.0, 1.0, 1.0, 0.25, 3.0, 3.0, 3.0, 3.0]
    trainer = grpo(tokenizer, tmp_path, rewards, scale_rewards=scale)
    rows = [{"prompt": "a b"}] * 4 + [{"prompt": "c d"}] * 4
    theirs = trainer._generate_and_score_completions(rows)["advantages"]
    prompts = torch.tensor([7] * 4 + [2] * 4)
    ours = answer("group_advantages")(torch.tensor(rewards), prompts, scale == "group")
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("low", "high"), [(0.2, 0.2), (0.1, 0.28)])
def test_our_clipped_objective_is_the_trainers_loss_with_the_other_sign(
    tokenizer, pairs, tmp_path, low, high
):
    ids, seen, own = pairs
    settings = {"epsilon": low, "epsilon_high": high}
    trainer = grpo(tokenizer, tmp_path, [0.0] * 8, **settings)
    trained = trainer.model.eval()
    now = log_probabilities(trained, ids, seen)[:, 2:]
    generator = torch.Generator().manual_seed(2)
    old = now.detach() + 0.3 * torch.randn(now.shape, generator=generator)
    advantages = torch.tensor([1.5, -0.5, 0.0, 2.0, -1.0, 0.7])
    batch = {
        "prompt_ids": ids[:, :3],
        "prompt_mask": seen[:, :3],
        "completion_ids": ids[:, 3:],
        "completion_mask": own[:, 3:],
        "advantages": advantages,
        "old_per_token_logps": old,
    }
    theirs = trainer._compute_loss(trained, batch)
    ours = answer("clipped_objective")(now, old, advantages, own[:, 3:] > 0, low, high)
    ratios = (now - old).exp()[own[:, 3:] > 0]
    assert (ratios > 1 + high).any()
    assert (ratios < 1 - low).any()
    torch.testing.assert_close(ours, -theirs, rtol=1e-5, atol=1e-6)
