"""Right answers to the alignment set, written differently."""

ALTERNATIVES = {
    "label_scores": {
        "with cross_entropy, which passes over what is not a label": """
def label_scores(logits, input_ids, is_label):
    targets = torch.where(is_label, input_ids, -100)[..., 1:]
    kept = logits[..., :-1, :].movedim(-1, 1)
    loss = F.cross_entropy(kept, targets, reduction="none", ignore_index=-100)
    means = torch.where(targets == -100, 0.0, -loss).sum(-1) / is_label.sum(-1)
    return means - means.logsumexp(-1, keepdim=True)
""",
        "a label at a time": """
def label_scores(logits, input_ids, is_label):
    texts, labels = input_ids.shape[:2]
    scores = torch.empty(texts, labels)
    for t in range(texts):
        for c in range(labels):
            places = is_label[t, c].nonzero().flatten()
            log_p = torch.log_softmax(logits[t, c, places - 1].double(), dim=-1)
            ids = input_ids[t, c, places]
            scores[t, c] = log_p[torch.arange(len(places)), ids].mean()
    return torch.log_softmax(scores, dim=1)
""",
        "with NumPy": """
import numpy as np

def label_scores(logits, input_ids, is_label):
    z, ids, due = logits.numpy().astype(float), input_ids.numpy(), is_label.numpy()
    t, c, n = np.nonzero(due)
    rows = z[t, c, n - 1]
    rows = rows - rows.max(1, keepdims=True)
    own = rows[np.arange(len(n)), ids[t, c, n]] - np.log(np.exp(rows).sum(1))
    total = np.zeros(due.shape[:2])
    np.add.at(total, (t, c), own)
    means = total / due.sum(-1)
    means -= means.max(1, keepdims=True)
    found = means - np.log(np.exp(means).sum(1, keepdims=True))
    return torch.from_numpy(found).float()
""",
        "all logits moved by a place": """
def label_scores(logits, input_ids, is_label):
    ids = torch.where(is_label, input_ids, 0)[..., None]
    log_p = torch.roll(F.log_softmax(logits, dim=-1), 1, dims=2)
    own = torch.where(is_label, log_p.gather(3, ids)[..., 0], 0.0)
    return F.log_softmax(own.sum(2) / is_label.sum(2), dim=1)
""",
    },
    "calibrate": {
        "as lesson 12 has it, in logarithms": """
def calibrate(scores, empty):
    of_empty = empty - empty.logsumexp(dim=1, keepdim=True)
    moved = scores - torch.logsumexp(of_empty, dim=0)
    return torch.exp(moved - moved.logsumexp(dim=1, keepdim=True))
""",
        "with probabilities of double precision, largest first": """
def calibrate(scores, empty):
    rows = [row.double() for row in empty]
    logs = torch.stack([row - row.max() - (row - row.max()).exp().sum().log() for row in rows])
    top = logs.max(dim=0).values
    leaning = top + (logs - top).exp().mean(0).log()
    result = []
    for row in scores.double():
        z = row - leaning
        z = (z - z.max()).exp()
        result.append(z / z.sum())
    return torch.stack(result).float()
""",
        "with SciPy": """
from scipy import special

def calibrate(scores, empty):
    leaning = special.logsumexp(special.log_softmax(empty.numpy(), axis=1), axis=0)
    return torch.from_numpy(special.softmax(scores.numpy() - leaning, axis=1))
""",
        "in double precision, and returned so": """
def calibrate(scores, empty):
    leaning = empty.double().log_softmax(dim=1).exp().clamp(min=1e-300).mean(dim=0).log()
    far = torch.logsumexp(empty.double().log_softmax(dim=1), dim=0) - math.log(len(empty))
    leaning = torch.where(leaning > -600, leaning, far)
    return torch.softmax(scores.double() - leaning, dim=1)
""",
    },
    "bradley_terry_loss": {
        "pair by pair": """
def bradley_terry_loss(rewards, ranks):
    losses = []
    for row, places in zip(rewards, ranks.tolist()):
        pairs = [
            F.softplus(row[j] - row[i])
            for i, a in enumerate(places)
            for j, b in enumerate(places)
            if a and b and a < b
        ]
        if pairs:
            losses.append(sum(pairs) / len(pairs))
    if not losses:
        return torch.zeros(()) + 0.0 * rewards[ranks > 0].sum()
    return torch.stack(losses).mean()
""",
        "one list of all pairs, each with its weight": """
def bradley_terry_loss(rewards, ranks):
    better = (ranks[:, :, None] < ranks[:, None, :]) & (ranks > 0)[:, :, None]
    prompt, i, j = better.nonzero(as_tuple=True)
    if len(prompt) == 0:
        return (rewards * 0).nan_to_num(0, 0, 0).sum()
    count = torch.bincount(prompt, minlength=len(ranks))
    weight = 1.0 / count[prompt] / (count > 0).sum()
    margin = rewards[prompt, i] - rewards[prompt, j]
    return (torch.logaddexp(torch.zeros_like(margin), -margin) * weight).sum()
""",
        "as the cross-entropy of two classes": """
def bradley_terry_loss(rewards, ranks):
    rows, total, count = torch.where(ranks > 0, rewards, 0.0), 0.0, 0
    for row, rank in zip(rows, ranks):
        i, j = torch.triu_indices(len(rank), len(rank), 1)
        real = (rank[i] > 0) & (rank[j] > 0) & (rank[i] != rank[j])
        if real.any():
            i, j = i[real], j[real]
            both = torch.stack([row[i], row[j]], dim=1)
            total = total + F.cross_entropy(both, (rank[j] < rank[i]).long())
            count += 1
    return total / count if count else rows.sum() * 0
""",
        "the sorted answers of a prompt, each against those behind it": """
def bradley_terry_loss(rewards, ranks):
    total, prompts = rewards[ranks > 0].sum() * 0, 0
    for row, rank in zip(rewards, ranks):
        places = [i for i in rank.argsort().tolist() if rank[i] > 0]
        pairs = [(i, j) for n, i in enumerate(places) for j in places[n:] if rank[i] < rank[j]]
        if pairs:
            better, worse = zip(*pairs)
            margin = row[list(better)].double() - row[list(worse)].double()
            total = total - F.logsigmoid(margin).mean()
            prompts += 1
    return (total / max(prompts, 1)).float()
""",
    },
    "dpo_loss": {
        "answer by answer": """
def dpo_loss(policy, reference, mask, beta=0.1):
    reference = reference.detach()
    rewards = torch.stack([
        torch.stack([(p[m].sum() - r[m].sum()) * beta for p, r, m in zip(*pair)])
        for pair in zip(policy, reference, mask)
    ])
    chosen, rejected = rewards.unbind(1)
    return F.softplus(rejected - chosen).mean(), rewards
""",
        "sums of each model, as most libraries do": """
def dpo_loss(policy, reference, mask, beta=0.1):
    with torch.no_grad():
        frozen = torch.where(mask, reference, 0.0).sum(-1)
    own = torch.where(mask, policy, 0.0).sum(-1)
    logits = (own[:, 0] - own[:, 1]) - (frozen[:, 0] - frozen[:, 1])
    losses = -F.logsigmoid(beta * logits)
    return losses.mean(), (beta * (own - frozen)).detach()
""",
        "as a classification of the two": """
def dpo_loss(policy, reference, mask, beta=0.1):
    gap = policy.masked_fill(~mask, 0) - reference.detach().masked_fill(~mask, 0)
    rewards = torch.einsum("pal->pa", gap) * beta
    first = torch.zeros(len(rewards), dtype=torch.long)
    return F.cross_entropy(rewards, first), rewards
""",
        "softplus by hand, in double precision": """
def dpo_loss(policy, reference, mask, beta=0.1):
    change = policy.double() - reference.double().detach()
    rewards = torch.where(mask, change, 0.0).sum(dim=2) * beta
    margin = rewards[:, 0] - rewards[:, 1]
    losses = F.relu(-margin) + torch.log1p(torch.exp(-margin.abs()))
    return losses.mean(), rewards
""",
    },
    "group_advantages": {
        "with a matrix of who is in whose group": """
def group_advantages(rewards, prompts, scale=True, eps=1e-4):
    same = (prompts[:, None] == prompts[None, :]).float()
    n = same.sum(1)
    apart = rewards - same @ rewards / n
    if not scale:
        return apart
    return apart / (torch.sqrt(same @ apart**2 / (n - 1).clamp(min=1)) + eps)
""",
        "with pandas": """
import pandas as pd

def group_advantages(rewards, prompts, scale=True, eps=1e-4):
    frame = pd.DataFrame({"r": rewards.double().numpy(), "p": prompts.numpy()})
    groups = frame.groupby("p")["r"]
    apart = frame["r"] - groups.transform("mean")
    if scale:
        apart = apart / (groups.transform("std").fillna(1.0) + eps)
    return torch.tensor(apart.to_numpy(), dtype=torch.float32)
""",
        "in plain Python": """
import statistics

def group_advantages(rewards, prompts, scale=True, eps=1e-4):
    groups = {}
    for r, p in zip(rewards.tolist(), prompts.tolist()):
        groups.setdefault(p, []).append(r)
    result = []
    for r, p in zip(rewards.tolist(), prompts.tolist()):
        group = groups[p]
        apart = r - statistics.fmean(group)
        if scale:
            apart /= (statistics.stdev(group) if len(group) > 1 else 1.0) + eps
        result.append(apart)
    return torch.tensor(result)
""",
        "by sums at the places of the prompts": """
def group_advantages(rewards, prompts, scale=True, eps=1e-4):
    names, where, size = prompts.unique(return_inverse=True, return_counts=True)
    def summed(values):
        return torch.zeros(len(names)).index_add(0, where, values)
    apart = rewards - (summed(rewards) / size)[where]
    if not scale:
        return apart
    variance = summed(apart * apart) / torch.clamp(size - 1, min=1)
    return apart / (variance.sqrt()[where] + eps)
""",
    },
    "clipped_objective": {
        "the products, after a limit that clipping never reaches": """
def clipped_objective(log_p, old_log_p, advantages, mask, low=0.2, high=0.2):
    a = advantages.detach().unsqueeze(1)
    difference = torch.where(mask, log_p - old_log_p.detach(), 0.0)
    difference = torch.where(a >= 0, difference.clamp(max=5.0), difference)
    ratio = difference.exp()
    gain = torch.minimum(ratio * a, ratio.clamp(1 - low, 1 + high) * a)
    gain = gain * mask
    return (gain.sum(1) / mask.sum(1).clamp(min=1)).mean()
""",
        "answer by answer": """
def clipped_objective(log_p, old_log_p, advantages, mask, low=0.2, high=0.2):
    total = (log_p * 0).nan_to_num(0.0, 0.0, 0.0).sum()
    for new, old, a, own in zip(log_p, old_log_p, advantages.tolist(), mask):
        if own.any():
            moved = new[own] - old[own].detach()
            if a >= 0:
                ratio = moved.clamp(max=math.log1p(high)).exp()
            else:
                ratio = moved.clamp(min=math.log1p(-low)).exp()
            total = total + a * ratio.mean()
    return total / len(mask)
""",
        "all tokens in one row": """
def clipped_objective(log_p, old_log_p, advantages, mask, low=0.2, high=0.2):
    answer, place = mask.nonzero(as_tuple=True)
    moved = log_p[answer, place] - old_log_p[answer, place].detach()
    a = advantages.detach()[answer]
    edge = torch.where(a >= 0, 1 + high, 1 - low)
    past = torch.where(a >= 0, moved > edge.log(), moved < edge.log())
    ratio = torch.where(past, edge, moved.masked_fill(past, 0.0).exp())
    weight = 1 / mask.sum(1)[answer] / len(mask)
    return (a * ratio * weight).sum()
""",
        "its sign and the limit of the ratio, side by side": """
def clipped_objective(log_p, old_log_p, advantages, mask, low=0.2, high=0.2):
    found = []
    for new, old, a, own in zip(log_p, old_log_p.detach(), advantages.detach(), mask):
        if not own.any():
            found.append(new[own].sum())
            continue
        moved = new[own] - old[own]
        limit = torch.log1p(torch.tensor(high if a > 0 else -low))
        moved = torch.minimum(moved, limit) if a > 0 else torch.maximum(moved, limit)
        found.append((a * moved.exp()).mean() if a != 0 else (moved * 0).sum())
    return torch.stack(found).mean()
""",
    },
    "best_of_n_gain": {
        "chances from below, in whole numbers": """
def best_of_n_gain(scores, rewards, n):
    m = scores.shape[1]
    gains = []
    for s, r in zip(scores, rewards):
        order = s.argsort()
        s, r = s[order], r[order].double()
        up_to = [math.comb(i, n) for i in range(m + 1)]
        total, i = 0.0, 0
        while i < m:
            j = i
            while j < m and s[j] == s[i]:
                j += 1
            total += (up_to[j] - up_to[i]) / up_to[m] * float(r[i:j].mean())
            i = j
        gains.append(total - float(r.mean()))
    return torch.tensor(gains)
""",
        "with log-gamma in double precision": """
def best_of_n_gain(scores, rewards, n):
    m = scores.shape[1]
    k = torch.arange(m + 1, dtype=torch.float64)
    def logs(x):
        return torch.lgamma(x + 1) - torch.lgamma((x - n).clamp(min=0) + 1)
    below = torch.where(k >= n, (logs(k) - logs(k[-1:])).exp(), 0.0)
    less = (scores[:, None, :] < scores[:, :, None]).sum(-1)
    equal = (scores[:, None, :] == scores[:, :, None]).sum(-1)
    chance = (below[less + equal] - below[less]) / equal
    worth = rewards.double()
    return ((chance * worth).sum(1) - worth.mean(1)).float()
""",
        "by products, with NumPy": """
import numpy as np

def best_of_n_gain(scores, rewards, n):
    gains = []
    for s, r in zip(scores.numpy(), rewards.numpy().astype(float)):
        m = len(s)
        def none_above(k):
            steps = np.arange(n)
            return np.prod((k - steps) / (m - steps)) if k >= n else 0.0
        values, where, count = np.unique(s, return_inverse=True, return_counts=True)
        means = np.bincount(where.ravel(), weights=r) / count
        chances = np.diff([0.0, *map(none_above, np.cumsum(count))])
        gains.append(chances @ means - r.mean())
    return torch.tensor(gains).float()
""",
    },
}
