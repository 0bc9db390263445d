"""Wrong answers that people give to the alignment set, and their misconceptions."""

from labkit.grading import Answer, Edit

MEANT = "(total / due.sum(-1))"
LEANING = "empty.log_softmax(-1).logsumexp(0) - math.log(len(empty))"
CALIBRATED = "(scores.log_softmax(-1) - leaning).softmax(-1)"
JUDGED = "-F.logsigmoid(known[:, :, None] - known[:, None, :])"
PREFERRED = "ranks[:, :, None] < ranks[:, None, :]"
OF_ALL = "of_prompts.sum() / (pairs > 0).sum().clamp(min=1)"
LOSS = "-F.logsigmoid(margins).mean()"
CHANGE = "(policy - reference.detach()).masked_fill(~mask, 0.0)"
APART = "rewards[own] - rewards[own].mean()"
SIZE = "(rewards[own].std() + eps)"
GAINS = "weight * torch.where(weight < 0, down, up).exp()"
LIMITED = """    up, down = moved.clamp(max=math.log(1 + high)), moved.clamp(min=math.log(1 - low))
    gains = weight * torch.where(weight < 0, down, up).exp()
"""
PER_ANSWER = "(gains * mask).sum(-1) / mask.sum(-1).clamp(min=1)"
KEPT = "kept += ways / choices * sum(tied) / len(tied)"
GAIN = "kept - sum(worth) / len(worth)"


def products(text: str) -> dict[str, str]:
    """The objective by another rule, without a limit before `exp`."""
    return {LIMITED: f"    ratio = moved.exp()\n    gains = {text}\n"}


MUTANTS = {
    "label_scores": [
        Edit("were summed: take their mean", {MEANT: "total"}),
        Edit("at its own place", {"logits[..., :-1, :]": "logits[..., 1:, :]"}),
        Edit("are not brought together", {f"{MEANT}.log_softmax(-1)": MEANT}),
        Edit(
            "return their logarithm",
            {f"{MEANT}.log_softmax(-1)": f"{MEANT}.softmax(-1)"},
        ),
        Edit("over the texts", {f"{MEANT}.log_softmax(-1)": f"{MEANT}.log_softmax(0)"}),
        Edit("taken as they are", {"[..., :-1, :].log_softmax(-1)": "[..., :-1, :]"}),
        Edit(
            "another dimension than the vocabulary",
            {":].log_softmax(-1)": ":].log_softmax(-2)"},
        ),
        Edit("The sign is wrong", {MEANT: "(-total / due.sum(-1))"}),
        Edit("Divided by more than", {MEANT: "(total / input_ids.size(-1))"}),
        Edit("root of the number", {MEANT: "(total / due.sum(-1).sqrt())"}),
        Edit("Divided by more than", {MEANT: "(total / due.sum())"}),
        Edit(
            "The mean is of probabilities",
            {
                "own.masked_fill": "own.exp().masked_fill",
                MEANT: "(total / due.sum(-1)).log()",
            },
        ),
        Edit("−100 is no index", {".masked_fill(~due, 0)": ""}),
        Edit(
            "NaN that no label needs",
            {"own.masked_fill(~due, 0.0).sum(-1)": "(own * due).sum(-1)"},
        ),
        Edit(
            "`log_softmax` sees to it",
            {
                ":].log_softmax(-1)": ":]\n    log_p = (log_p.exp() / log_p.exp().sum(-1, True)).log()"
            },
        ),
        Edit(
            "log(0) is −∞", {f"{MEANT}.log_softmax(-1)": f"{MEANT}.softmax(-1).log()"}
        ),
        Edit(
            "A dimension of 1 is gone",
            {f"{MEANT}.log_softmax(-1)": f"{MEANT}.log_softmax(-1).squeeze()"},
        ),
        Edit(
            "another afterwards",
            {
                "input_ids[..., 1:].masked_fill(~due, 0)": "input_ids[..., 1:].masked_fill_(~due, 0)"
            },
        ),
    ],
    "calibrate": [
        Edit("is not taken away", {" - leaning": ""}),
        Edit("multiplied by p₀", {" - leaning": " + leaning"}),
        Edit(
            "do not sum to 1", {CALIBRATED: "(scores.log_softmax(-1) - leaning).exp()"}
        ),
        Edit("p₀ was subtracted", {CALIBRATED: "scores.softmax(-1) - leaning.exp()"}),
        Edit(
            "The logarithms were divided",
            {CALIBRATED: "(scores.log_softmax(-1) / leaning).softmax(-1)"},
        ),
        Edit(
            "A softmax of probabilities",
            {CALIBRATED: "(scores.softmax(-1) / leaning.exp()).softmax(-1)"},
        ),
        Edit(
            "These are logarithms",
            {CALIBRATED: "(scores.log_softmax(-1) - leaning).log_softmax(-1)"},
        ),
        Edit(
            "over the texts",
            {CALIBRATED: "(scores.log_softmax(-1) - leaning).softmax(0)"},
        ),
        Edit(
            "It is the likeliest label", {CALIBRATED: "(scores - leaning).argmax(-1)"}
        ),
        Edit("the mean of the texts", {LEANING: "scores.softmax(-1).mean(0).log()"}),
        Edit("The mean is of logarithms", {LEANING: "empty.log_softmax(-1).mean(0)"}),
        Edit("Only the first input", {LEANING: "empty[0].log_softmax(-1)"}),
        Edit("Only the last input", {LEANING: "empty[-1].log_softmax(-1)"}),
        Edit("The largest of the inputs", {LEANING: "empty.log_softmax(-1).amax(0)"}),
        Edit(
            "in turn, and then averaged",
            {
                CALIBRATED: "torch.stack([(scores - row).softmax(-1) for row in empty]).mean(0)"
            },
        ),
        Edit("before the mean", {"empty.log_softmax(-1)": "empty"}),
        Edit(
            "`exp` of −500 is 0",
            {
                LEANING: "(empty.exp() / empty.exp().sum(-1, True)).mean(0)",
                CALIBRATED: "(scores.exp() / leaning) / (scores.exp() / leaning).sum(-1, True)",
            },
        ),
        Edit(
            "subtract logarithms",
            {
                LEANING: "empty.softmax(-1).mean(0)",
                CALIBRATED: "F.normalize(scores.softmax(-1) / leaning, p=1, dim=-1)",
            },
        ),
        Edit(
            "A number was added to p₀",
            {LEANING: "(empty.softmax(-1).mean(0) + 1e-12).log()"},
        ),
        Edit("A dimension of 1 is gone", {CALIBRATED: f"{CALIBRATED}.squeeze()"}),
        Edit("another afterwards", {CALIBRATED: "scores.sub_(leaning).softmax(-1)"}),
    ],
    "bradley_terry_loss": [
        Edit(
            "The larger rank wins",
            {
                PREFERRED: "ranks[:, :, None] > ranks[:, None, :]",
                "& there[:, :, None]": "& there[:, None, :]",
            },
        ),
        Edit(
            "counts from both sides",
            {
                PREFERRED: "ranks[:, :, None] != ranks[:, None, :]",
                "& there[:, :, None]": "& there[:, :, None] & there[:, None, :]",
            },
        ),
        Edit(
            "compared with itself",
            {PREFERRED: "ranks[:, :, None] <= ranks[:, None, :]"},
        ),
        Edit("The sign is wrong", {JUDGED: JUDGED[1:]}),
        Edit(
            "The logarithm is missing",
            {JUDGED: "1 - (known[:, :, None] - known[:, None, :]).sigmoid()"},
        ),
        Edit("σ is missing", {JUDGED: "known[:, None, :] - known[:, :, None]"}),
        Edit(
            "It is a hinge",
            {JUDGED: "(1 + known[:, None, :] - known[:, :, None]).relu()"},
        ),
        Edit("The pairs of a prompt were summed", {" / pairs.clamp(min=1)": ""}),
        Edit("All losses were summed", {OF_ALL: "(losses * wins).sum()"}),
        Edit("The prompts were summed", {OF_ALL: "of_prompts.sum()"}),
        Edit("Each prompt has a loss", {OF_ALL: "of_prompts"}),
        Edit(
            "All pairs have one mean",
            {OF_ALL: "(losses * wins).sum() / pairs.sum().clamp(min=1)"},
        ),
        Edit("A prompt without a pair was counted", {OF_ALL: "of_prompts.mean()"}),
        Edit(
            "Only neighbours were compared",
            {PREFERRED: "ranks[:, :, None] + 1 == ranks[:, None, :]"},
        ),
        Edit(
            "Only the best was compared",
            {PREFERRED: "(ranks[:, :, None] == 1) & (ranks[:, None, :] > 1)"},
        ),
        Edit(
            "How far apart ranks are",
            {
                f"{JUDGED}": f"{JUDGED}\n    losses = losses * (ranks[:, None, :] - ranks[:, :, None])"
            },
        ),
        Edit("makes no pair", {" & there[:, :, None]": ""}),
        Edit("0/0 is NaN", {"pairs.clamp(min=1)": "pairs"}),
        Edit("NaN · 0 is NaN", {"rewards.masked_fill(~there, 0.0)": "rewards"}),
        Edit(
            "comes back in the gradient",
            {
                "rewards.masked_fill(~there, 0.0)": "rewards",
                "(losses * wins)": "torch.where(wins, losses, 0.0)",
            },
        ),
        Edit(
            "without any pair the loss is 0",
            {"(pairs > 0).sum().clamp(min=1)": "(pairs > 0).sum()"},
        ),
        Edit(
            "log(0) is −∞",
            {JUDGED: "-(known[:, :, None] - known[:, None, :]).sigmoid().log()"},
        ),
        Edit(
            "A least or a largest value",
            {
                JUDGED: "-(known[:, :, None] - known[:, None, :]).clamp(-50, 50).sigmoid().log()"
            },
        ),
        Edit(
            "No gradient comes back",
            {
                "rewards.masked_fill(~there, 0.0)": "rewards.detach().masked_fill(~there, 0.0).requires_grad_()"
            },
        ),
        Edit(
            "another afterwards",
            {
                "rewards.masked_fill(~there, 0.0)": "rewards.data.masked_fill_(~there, 0.0)\n    known = rewards"
            },
        ),
    ],
    "dpo_loss": [
        Edit(
            "The mean over the tokens",
            {"change.sum(-1)": "change.sum(-1) / mask.sum(-1)"},
        ),
        Edit("outside the mask were counted", {".masked_fill(~mask, 0.0)": ""}),
        Edit("The reference is missing", {"(policy - reference.detach())": "policy"}),
        Edit("`beta` is missing", {"beta * change": "change"}),
        Edit(
            "before the logarithm",
            {
                "beta * change": "change",
                LOSS: f"beta * {LOSS}",
                "rewards.detach()": "beta * rewards.detach()",
            },
        ),
        Edit("divided by `beta`", {"beta * change.sum(-1)": "change.sum(-1) / beta"}),
        Edit(
            "the other sign",
            {"rewards[:, 0] - rewards[:, 1]": "rewards[:, 1] - rewards[:, 0]"},
        ),
        Edit("The sign is wrong", {LOSS: LOSS[1:]}),
        Edit("The logarithm is missing", {LOSS: "-margins.sigmoid().mean()"}),
        Edit("σ is missing", {LOSS: "-margins.mean()"}),
        Edit("The pairs were summed", {LOSS: "-F.logsigmoid(margins).sum()"}),
        Edit("It is the hinge loss", {LOSS: "(1 - margins).relu().mean()"}),
        Edit("as IPO has", {LOSS: "(margins / beta - 1 / (2 * beta)).square().mean()"}),
        Edit("of each pair is returned", {LOSS: "-F.logsigmoid(margins)"}),
        Edit(
            "Rejected answers are missing",
            {"rewards[:, 0] - rewards[:, 1]": "rewards[:, 0]"},
        ),
        Edit("of all pairs together", {LOSS: "-F.logsigmoid(margins.mean())"}),
        Edit("turned round", {"~mask": "mask"}),
        Edit("without `beta`", {"rewards.detach()": "change.sum(-1).detach()"}),
        Edit("It is the margin", {"rewards.detach()": "margins.detach()"}),
        Edit("0.1 where it is not given", {"beta: float = 0.1": "beta: float = 0.5"}),
        Edit("`beta` changes nothing", {"beta * change": "0.5 * change"}),
        Edit("The reference gets a gradient", {"reference.detach()": "reference"}),
        Edit(
            "rejected answers get no gradient",
            {"- rewards[:, 1]": "- rewards[:, 1].detach()"},
        ),
        Edit("No gradient comes back", {LOSS: f"{LOSS}.detach().requires_grad_()"}),
        Edit("NaN · 0 is NaN", {CHANGE: "(policy - reference.detach()) * mask"}),
        Edit("log(0) is −∞", {LOSS: "-margins.sigmoid().log().mean()"}),
        Edit(
            "A least or a largest value",
            {LOSS: "-margins.sigmoid().clamp(min=1e-12).log().mean()"},
        ),
        Edit(
            "another afterwards",
            {
                "(policy - reference.detach())": "(policy - reference.data.masked_fill_(~mask, 0.0))"
            },
        ),
    ],
    "group_advantages": [
        Edit("has n − 1", {"rewards[own].std()": "rewards[own].std(correction=0)"}),
        Edit("The groups are forgotten", {"prompts == prompt": "prompts == prompts"}),
        Edit("mean is that of all answers", {"rewards[own].mean()": "rewards.mean()"}),
        Edit(
            "deviation is that of all answers", {"rewards[own].std()": "rewards.std()"}
        ),
        Edit("Nothing is divided", {f"apart / {SIZE}": "apart"}),
        Edit("Divided by the variance", {"rewards[own].std()": "rewards[own].var()"}),
        Edit("The mean is not subtracted", {APART: "rewards[own]"}),
        Edit("The sign is wrong", {APART: "rewards[own].mean() - rewards[own]"}),
        Edit(
            "The median was subtracted",
            {"rewards[own].mean()": "rewards[own].median()"},
        ),
        Edit("mean absolute distance", {"rewards[own].std()": "apart.abs().mean()"}),
        Edit(
            "Divided by the range",
            {"rewards[own].std()": "(apart.max() - apart.min())"},
        ),
        Edit("`eps` is missing", {SIZE: "rewards[own].std().clamp(min=1e-30)"}),
        Edit("where it is not given", {"eps: float = 1e-4": "eps: float = 1e-8"}),
        Edit("under the root", {SIZE: "(rewards[own].var() + eps).sqrt()"}),
        Edit("is a least value", {SIZE: "rewards[own].std().clamp(min=eps)"}),
        Edit("`eps` is always the same", {SIZE: "(rewards[own].std() + 1e-4)"}),
        Edit("changes nothing", {"scale and ": ""}),
        Edit("unless `scale` is False", {"scale and ": "not scale and "}),
        Edit("of one number is NaN", {" and len(apart) > 1": ""}),
        Edit("0/0 is NaN", {SIZE: "rewards[own].std()"}),
        Answer(
            "cut by their places",
            """
def group_advantages(rewards, prompts, scale=True, eps=1e-4):
    rows = rewards.view(len(prompts.unique()), -1)
    apart = rows - rows.mean(1, keepdim=True)
    return (apart / (rows.std(1, keepdim=True) + eps) if scale else apart).flatten()
""",
        ),
        Answer(
            "in another order",
            """
def group_advantages(rewards, prompts, scale=True, eps=1e-4):
    found = []
    for prompt in prompts.unique():
        group = rewards[prompts == prompt]
        apart = group - group.mean()
        found.append(apart / (group.std() + eps) if scale and len(group) > 1 else apart)
    return torch.cat(found)
""",
        ),
        Edit("another afterwards", {"torch.zeros_like(rewards)": "rewards"}),
    ],
    "clipped_objective": [
        Edit(
            "it is no loss", {"return of_answers.mean()": "return -of_answers.mean()"}
        ),
        Edit(
            "The ratio is turned round",
            {"(log_p - old_log_p.detach())": "(old_log_p.detach() - log_p)"},
        ),
        Edit(
            "`exp` is missing",
            products(
                "torch.minimum(moved * weight, moved.clamp(1 - low, 1 + high) * weight)"
            ),
        ),
        Edit("The advantages are missing", {"gains = weight * torch": "gains = torch"}),
        Edit(
            "not the sign alone", {"advantages.detach()": "advantages.detach().sign()"}
        ),
        Edit("The tokens were summed", {" / mask.sum(-1).clamp(min=1)": ""}),
        Edit("The answers were summed", {"of_answers.mean()": "of_answers.sum()"}),
        Edit("One result for each answer", {"of_answers.mean()": "of_answers"}),
        Edit("Nothing is clipped", products("ratio * weight")),
        Edit(
            "Clipped on both sides", products("ratio.clamp(1 - low, 1 + high) * weight")
        ),
        Edit(
            "The larger of the two products",
            products(
                "torch.maximum(ratio * weight, ratio.clamp(1 - low, 1 + high) * weight)"
            ),
        ),
        Edit(
            "The minimum is of products",
            products("torch.minimum(ratio, ratio.clamp(1 - low, 1 + high)) * weight"),
        ),
        Edit(
            "Clipped above alone",
            products(
                "torch.minimum(ratio * weight, ratio.clamp(max=1 + high) * weight)"
            ),
        ),
        Edit(
            "Clipped below alone",
            products(
                "torch.minimum(ratio * weight, ratio.clamp(min=1 - low) * weight)"
            ),
        ),
        Edit(
            "was clipped, to 0.2",
            {"math.log(1 + high)": "high", "math.log(1 - low)": "-low"},
        ),
        Edit("have changed places", {"1 + high": "1 + low", "1 - low": "1 - high"}),
        Edit("The limits are always the same", {"1 + high": "1.2", "1 - low": "0.8"}),
        Edit("One limit serves", {"1 + high": "1 + low"}),
        Edit(
            "in the number that you divide by",
            {"mask.sum(-1).clamp(min=1)": "mask.size(-1)"},
        ),
        Edit(
            "All tokens have one mean",
            {
                "return of_answers.mean()": "return (gains * mask).sum() / mask.sum().clamp(min=1)"
            },
        ),
        Edit(
            "with a ratio of 1",
            {PER_ANSWER: "gains.sum(-1) / mask.sum(-1).clamp(min=1)"},
        ),
        Edit("0/0 is NaN", {"mask.sum(-1).clamp(min=1)": "mask.sum(-1)"}),
        Edit(
            "A ratio is held to e²⁰, also where no limit holds it",
            {"down, up).exp()": "down, up).clamp(-20, 20).exp()"},
        ),
        Edit(
            "counted as one of the answers",
            {"of_answers.mean()": "of_answers[mask.any(-1)].mean()"},
        ),
        Edit("`old_log_p` gets a gradient", {"old_log_p.detach()": "old_log_p"}),
        Edit("`advantages` get a gradient", {"advantages.detach()": "advantages"}),
        Edit(
            "NaN · 0 is NaN",
            {
                "(log_p - old_log_p.detach()).masked_fill(~mask, 0.0)": "(log_p - old_log_p.detach())"
            },
        ),
        Edit(
            "before `exp`",
            products(
                "torch.minimum(ratio * weight, ratio.clamp(1 - low, 1 + high) * weight)"
            ),
        ),
        Edit(
            "another afterwards",
            {
                "(log_p - old_log_p.detach())": "(log_p - old_log_p.data.masked_fill_(~mask, 0.0))"
            },
        ),
    ],
    "best_of_n_gain": [
        Edit("of all is not subtracted", {GAIN: "kept"}),
        Edit(
            "An answer was drawn twice",
            {
                "math.comb(scores.size(1), n)": "scores.size(1) ** n",
                "math.comb(less + len(tied), n) - math.comb(less, n)": "(less + len(tied)) ** n - less**n",
            },
        ),
        Edit(
            "The best of all m",
            {"math.comb(scores.size(1), n)": "1\n    n = scores.size(1)"},
        ),
        Answer(
            "The best n of all were averaged",
            """
def best_of_n_gain(scores, rewards, n):
    order = scores.argsort(-1, descending=True)[:, :n]
    return rewards.gather(-1, order).mean(-1) - rewards.mean(-1)
""",
        ),
        Answer(
            "The first n answers are one choice",
            """
def best_of_n_gain(scores, rewards, n):
    kept = scores[:, :n].argmax(-1, keepdim=True)
    return rewards.gather(-1, kept)[:, 0] - rewards.mean(-1)
""",
        ),
        Edit("with the lowest score", {"sum(s < score for": "sum(s > score for"}),
        Edit("the gain in scores", {"rewards.tolist()": "scores.tolist()"}),
        Edit(
            "chosen by their rewards", {"zip(scores.tolist()": "zip(rewards.tolist()"}
        ),
        Edit("The sign is wrong", {GAIN: "sum(worth) / len(worth) - kept"}),
        Edit(
            "A choice of n + 1",
            {
                "math.comb(scores.size(1), n)": "math.comb(scores.size(1), n := min(n + 1, scores.size(1)))"
            },
        ),
        Edit(
            "A choice of n − 1",
            {
                "math.comb(scores.size(1), n)": "math.comb(scores.size(1), n := max(n - 1, 1))"
            },
        ),
        Edit(
            "The prompts have one mean",
            {"torch.tensor(gains)": "torch.tensor(gains).mean()"},
        ),
        Edit(
            "The gain was cut at 0",
            {"torch.tensor(gains)": "torch.tensor(gains).clamp(min=0)"},
        ),
        Edit(
            "The gain has no sign", {"torch.tensor(gains)": "torch.tensor(gains).abs()"}
        ),
        Edit("a tensor is due", {"torch.tensor(gains)": "gains"}),
        Edit("the first, or the last, is kept", {"sum(tied) / len(tied)": "tied[0]"}),
        Edit("the first, or the last, is kept", {"sum(tied) / len(tied)": "tied[-1]"}),
        Edit("the best reward is kept", {"sum(tied) / len(tied)": "max(tied)"}),
        Edit("counted once for each", {"sum(tied) / len(tied)": "sum(tied)"}),
        Answer(
            "more choices than a float can count",
            """
def best_of_n_gain(scores, rewards, n):
    m = scores.size(1)
    k = torch.arange(m + 1).float()
    ways = torch.ones(m + 1)
    for i in range(n):
        ways = ways * (k - i).clamp(min=0)
    less = (scores[:, None, :] < scores[:, :, None]).sum(-1)
    equal = (scores[:, None, :] == scores[:, :, None]).sum(-1)
    chance = (ways[less + equal] - ways[less]) / equal / ways[-1]
    return (chance * rewards).sum(-1) - rewards.mean(-1)
""",
        ),
        Answer(
            "more choices than a float can count",
            """
def best_of_n_gain(scores, rewards, n):
    m = scores.size(1)
    gains = []
    for row, worth in zip(scores.tolist(), rewards.tolist()):
        kept = 0.0
        for s, w in zip(row, worth):
            less, equal = sum(x < s for x in row), row.count(s)
            ways = float(math.comb(less + equal, n)) - float(math.comb(less, n))
            kept += w * ways / equal / float(math.comb(m, n))
        gains.append(kept - sum(worth) / m)
    return torch.tensor(gains)
""",
        ),
        Edit(
            "A dimension of 1 is gone",
            {"torch.tensor(gains)": "torch.tensor(gains).squeeze()"},
        ),
        Edit(
            "another afterwards",
            {
                "choices = math": "rewards -= rewards.mean(-1, keepdim=True)\n    choices = math"
            },
        ),
    ],
}
