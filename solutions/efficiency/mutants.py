"""Wrong answers that people give to the efficiency set, and their misconceptions."""

from labkit.grading import Answer, Edit

LORA = "base + alpha / down.size(0) * update"
UPDATE = "F.linear(F.linear(x, down), up)"
ADDED = "merged = merged + (update.T if input_first else update)"
SCALE = "wide.abs().amax(dim=1) / top"
CODES = "(wide / step).round().to(torch.int8), scale"
STEPS = "(2**bits - 1)"
GROUP_CODES = "((part - low) / step).round().to(torch.uint8)"
LOSS = 'F.cross_entropy(model(inputs), labels, reduction="sum") / count'
RATE = "rate = learning_rate * (max_norm / norm if norm > max_norm else 1.0)"
NORM = "math.sqrt(sum(p.grad.square().sum().item() for p in learning))"
KEPT = 'sum(x["input"] for x in below) + sum(x["inside"] for x in again)'
MOST = "most = max(most, kept + gradients)"
FROM = "range(min(learning, default=len(layers)), len(layers))"
SOFT = 'temperature**2 * F.kl_div(log_q, p, reduction="sum")'
HARD = 'F.cross_entropy(theirs, labels[due], reduction="sum")'
MEAN = "(alpha * soft + (1 - alpha) * hard) / due.sum().clamp(min=1)"

MUTANTS = {
    "lora_linear": [
        Edit("not divided by the rank", {"alpha / down.size(0)": "alpha"}),
        Edit("α is missing", {"alpha / down.size(0) * ": ""}),
        Edit("α is missing", {"alpha / down.size(0)": "1 / down.size(0)"}),
        Edit("divided by α/r", {"alpha / down.size(0)": "down.size(0) / alpha"}),
        Edit("by α/√r", {"alpha / down.size(0)": "alpha / down.size(0) ** 0.5"}),
        Edit("this is d_in", {"down.size(0)": "down.size(1)"}),
        Edit("of `up` it is the columns", {"down.size(0)": "up.size(0)"}),
        Edit("The adapter is missing", {LORA: "base"}),
        Edit("The layer is missing", {LORA: "alpha / down.size(0) * update"}),
        Edit("The bias is missing", {".float(), frozen)": ".float())"}),
        Edit("The bias is added twice", {LORA: f"{LORA} + frozen"}),
        Edit(
            "multiplies the layer as well",
            {LORA: "alpha / down.size(0) * (base + update)"},
        ),
        Edit("The update is subtracted", {"base + alpha": "base - alpha"}),
        Edit(
            "there is nothing between them",
            {UPDATE: "F.linear(F.linear(x, down).relu(), up)"},
        ),
        Answer(
            "A matrix lies output before input",
            """
def lora_linear(x, weight, bias, down, up, alpha):
    def times(x, matrix):
        fits = x.shape[-1] == matrix.shape[0]
        return x @ (matrix if fits else matrix.T)

    base = times(x, weight.detach().float())
    if bias is not None:
        base = base + bias.detach().float()
    return base + alpha / len(down) * times(times(x, down), up)
""",
        ),
        Answer(
            "There may be no dimension in front",
            """
def lora_linear(x, weight, bias, down, up, alpha):
    base = torch.mm(x.view(-1, x.shape[-1]), weight.detach().float().T)
    update = torch.mm(torch.mm(x.view(-1, x.shape[-1]), down.T), up.T)
    base = base + alpha / len(down) * update
    if bias is not None:
        base = base + bias.detach().float()
    return base if x.ndim < 3 else base.view(*x.shape[:-1], -1)
""",
        ),
        Edit(
            "A dimension of 1 is gone", {f"return {LORA}": f"return ({LORA}).squeeze()"}
        ),
        Edit(
            "`bias` is `None` where the layer has none",
            {"None if bias is None else bias.detach()": "bias.detach()"},
        ),
        Edit(
            "W and b are frozen",
            {"weight.detach().float()": "weight.float()"},
        ),
        Edit(
            "W and b are frozen",
            {"else bias.detach().float()": "else bias.float()"},
        ),
        Edit(
            "The adapter learns nothing",
            {UPDATE: "F.linear(F.linear(x, down.detach()), up.detach())"},
        ),
        Edit("The adapter learns nothing", {"(x, down)": "(x, down.detach())"}),
        Edit(
            "`x` needs its gradient",
            {
                "F.linear(x, weight": "F.linear(x.detach(), weight",
                "(x, down)": "(x.detach(), down)",
            },
        ),
        Answer(
            "Nothing can learn",
            """
@torch.no_grad()
def lora_linear(x, weight, bias, down, up, alpha):
    bias = None if bias is None else bias.float()
    return F.linear(x, weight.float(), bias) + alpha / len(down) * (x @ down.T @ up.T)
""",
        ),
        Edit(
            "bring it to float32 first",
            {"weight.detach().float()": "weight.detach()"},
        ),
        Answer(
            "It is computed in float16",
            """
def lora_linear(x, weight, bias, down, up, alpha):
    bias = None if bias is None else bias.detach()
    base = F.linear(x.to(weight.dtype), weight.detach(), bias)
    return base.float() + alpha / len(down) * F.linear(F.linear(x, down), up)
""",
        ),
        Edit("The result is float32", {LORA: f"({LORA}).to(weight.dtype)"}),
        Answer(
            "another afterwards",
            """
def lora_linear(x, weight, bias, down, up, alpha):
    weight.data = weight.float() + alpha / len(down) * up.detach() @ down.detach()
    bias = None if bias is None else bias.detach().float()
    beside = F.linear(F.linear(x, down), up)
    return F.linear(x, weight.detach(), bias) + (beside - beside.detach())
""",
        ),
    ],
    "merge": [
        Edit("not divided by the rank", {"alpha / down.size(0)": "alpha"}),
        Edit("α is missing", {"alpha / down.size(0) * (up @ down)": "up @ down"}),
        Edit("α is missing", {"alpha / down.size(0)": "1 / down.size(0)"}),
        Edit("this is d_in", {"down.size(0)": "down.size(1)"}),
        Edit("of `up` it is the columns", {"down.size(0)": "up.size(0)"}),
        Edit("W is missing", {"weight.float()": "torch.zeros_like(weight.float())"}),
        Edit("The product is subtracted", {"merged + (": "merged - ("}),
        Edit("Nothing was added", {ADDED: "pass"}),
        Edit(
            "multiplies W as well",
            {
                "alpha / down.size(0) * (up @ down)": "up @ down",
                ADDED: "merged = alpha / down.size(0) * (merged + (update.T if input_first else update))",
            },
        ),
        Edit(
            "Only the last adapter",
            {"merged = merged + (": "merged = weight.float() + ("},
        ),
        Edit("Only the first adapter", {"in adapters:": "in adapters[:1]:"}),
        Edit(
            "divided by the rank of one",
            {"alpha / down.size(0)": "alpha / adapters[0][0].size(0)"},
        ),
        Edit(
            "divided by the rank of one",
            {"alpha / down.size(0)": "alpha / adapters[-1][0].size(0)"},
        ),
        Edit(
            "It is the mean of the adapters",
            {"alpha / down.size(0)": "alpha / down.size(0) / len(adapters)"},
        ),
        Edit("its sign counts", {"alpha / down": "abs(alpha) / down"}),
        Edit(
            "The ranks are added up",
            {"alpha / down.size(0)": "alpha / sum(a.size(0) for a, _, _ in adapters)"},
        ),
        Edit(
            "The product was turned round",
            {
                "update.T if input_first else update": "update.T if weight.size(0) == weight.size(1) or input_first else update"
            },
        ),
        Edit(
            "the matrix is (d_in, d_out)",
            {"update.T if input_first else update": "update"},
        ),
        Edit(
            "the matrix is (d_in, d_out)",
            {
                "update.T if input_first else update": (
                    "update if update.shape == weight.shape else update.T"
                )
            },
        ),
        Edit(
            "lies as it does",
            {
                "weight.float()": "(weight.T if input_first else weight).float()",
                "update.T if input_first else update": "update",
            },
        ),
        Answer(
            "The list may be empty",
            """
def merge(weight, adapters, input_first=False):
    changes = torch.stack([alpha / len(down) * up @ down for down, up, alpha in adapters])
    change = changes.sum(0)
    return (weight.float() + (change.T if input_first else change)).to(weight.dtype)
""",
        ),
        Edit(
            "rounded away by itself",
            {ADDED: f"{ADDED}\n        merged = merged.to(weight.dtype).float()"},
        ),
        Edit(
            "rounded away by itself",
            {
                ADDED: "merged = merged + (update.T if input_first else update).to(weight.dtype)",
                "weight.float()": "weight",
            },
        ),
        Answer(
            "The product was rounded before it was added",
            """
def merge(weight, adapters, input_first=False):
    change = torch.zeros(weight.shape)
    for down, up, alpha in adapters:
        product = alpha / len(down) * up @ down
        change += product.T if input_first else product
    return weight + change.to(weight.dtype)
""",
        ),
        Edit("rounded once", {"merged.to(weight.dtype)": "merged"}),
        Edit(
            "has the dtype of `weight`",
            {
                "merged.to(weight.dtype)": "merged if weight.dtype == torch.float32 else merged.half()"
            },
        ),
        Answer(
            "another afterwards",
            """
def merge(weight, adapters, input_first=False):
    merged = weight.float()
    for down, up, alpha in adapters:
        update = alpha / len(down) * up @ down
        merged = merged + (update.T if input_first else update)
    return weight.copy_(merged)
""",
        ),
        Answer(
            "another afterwards",
            """
def merge(weight, adapters, input_first=False):
    merged = weight.double()
    while adapters:
        down, up, alpha = adapters.pop()
        update = (alpha / len(down) * up @ down).double()
        merged = merged + (update.T if input_first else update)
    return merged.to(weight.dtype)
""",
        ),
    ],
    "quantise": [
        Edit(
            "All rows have one scale",
            {SCALE: "wide.abs().amax().expand(len(wide)) / top"},
        ),
        Edit(
            "Each column has a scale",
            {SCALE: "wide.abs().amax(dim=0) / top", ".unsqueeze(1)": ""},
        ),
        Edit("The absolute value is missing", {SCALE: "wide.amax(dim=1) / top"}),
        Edit("The fraction was cut off", {"(wide / step).round()": "(wide / step)"}),
        Edit("It was rounded down", {".round()": ".floor()"}),
        Edit("It was rounded up", {".round()": ".ceil()"}),
        Edit(
            "q is 2^(bits − 1) − 1",
            {
                "2 ** (bits - 1) - 1": "2 ** (bits - 1)",
                ".round()": ".round().clamp(-top, top - 1)",
            },
        ),
        Edit("q is 2^(bits − 1) − 1", {"2 ** (bits - 1) - 1": "2**bits - 1"}),
        Edit("`bits` is not used", {"2 ** (bits - 1) - 1": "127"}),
        Edit(
            "The scales are turned round",
            {CODES: "(wide / step).round().to(torch.int8), 1 / scale"},
        ),
        Edit(
            "divide them by q",
            {CODES: "(wide / step).round().to(torch.int8), scale * top"},
        ),
        Edit(
            "have the shape (rows,)",
            {CODES: "(wide / step).round().to(torch.int8), scale[:, None]"},
        ),
        Edit(
            "The numbers themselves came back",
            {CODES: "(wide / step).round() * step, scale"},
        ),
        Edit(
            "the codes first",
            {f"return {CODES}": "return scale, (wide / step).round().to(torch.int8)"},
        ),
        Answer(
            "The least number was subtracted",
            """
def quantise(weight, bits):
    wide = weight.float()
    low = wide.amin(dim=1, keepdim=True)
    scale = (wide.amax(dim=1, keepdim=True) - low) / (2**bits - 1)
    step = scale.masked_fill(scale == 0, 1.0)
    return ((wide - low) / step).round().clamp(0, 127).to(torch.int8), scale.squeeze(1)
""",
        ),
        Edit("of type `torch.int8`", {".to(torch.int8)": ""}),
        Edit("of type `torch.int8`", {".to(torch.int8)": ".long()"}),
        Edit(
            "The codes are of type `torch.int8`",
            {".to(torch.int8)": ".to(torch.int8 if bits > 4 else torch.int16)"},
        ),
        Edit(
            "A small number was added to the scale",
            {"scale.masked_fill(scale == 0, 1.0)": "(scale + 1e-5)"},
        ),
        Edit(
            "A small number was added to the scale",
            {"scale.masked_fill(scale == 0, 1.0)": "scale.clamp(min=1e-5)"},
        ),
        Edit(
            "A row of zeros has the scale 0",
            {"return (wide": "scale = step.squeeze(1)\n    return (wide"},
        ),
        Edit(
            "Compute in float32",
            {
                "weight.float()": "weight",
                "round().to(torch.int8), scale": "round().to(torch.int8), scale.float()",
            },
        ),
        Edit(
            "The scales are float32",
            {CODES: "(wide / step).round().to(torch.int8), scale.to(weight.dtype)"},
        ),
        Edit(
            "A dimension of 1 is gone",
            {CODES: "(wide / step).round().to(torch.int8).squeeze(), scale.squeeze()"},
        ),
        Edit(
            "another afterwards",
            {"(wide / step).round()": "wide.div_(step).round()"},
        ),
    ],
    "quantise_groups": [
        Edit(
            "Each row has one scale",
            {"split(group, dim=1)": "split(weight.size(1), dim=1)"},
        ),
        Answer(
            "All rows have one scale and one least value",
            """
def quantise_groups(weight, group, bits=4):
    low, scale = weight.min(), (weight.max() - weight.min()) / (2**bits - 1)
    codes = ((weight - low) / (scale if scale > 0 else 1)).round().to(torch.uint8)
    return codes, scale, low
""",
        ),
        Edit("The least value was not subtracted", {"(part - low)": "part"}),
        Edit(
            "The scale is absmax's",
            {"(part.amax(dim=1, keepdim=True) - low)": "part.abs().amax(1, True)"},
        ),
        Edit("It is divided by 2^bits", {STEPS: "2**bits"}),
        Edit("There are 2^bits − 1 steps", {STEPS: "(2 ** (bits - 1) - 1)"}),
        Edit("`bits` is not used", {STEPS: "15"}),
        Edit("The fraction was cut off", {".round()": ""}),
        Answer(
            "The groups go along the columns",
            """
def quantise_groups(weight, group, bits=4):
    codes, scales, lows = [], [], []
    for part in weight.split(group, dim=0):
        low = part.amin(0, keepdim=True)
        scale = (part.amax(0, keepdim=True) - low) / (2**bits - 1)
        codes.append(((part - low) / scale.masked_fill(scale == 0, 1)).round())
        scales.append(scale)
        lows.append(low)
    return torch.cat(codes).to(torch.uint8), torch.cat(scales), torch.cat(lows)
""",
        ),
        Edit(
            "The third is the largest",
            {"minimums.append(low)": "minimums.append(part.amax(1, True))"},
        ),
        Edit(
            "The third is the mean",
            {"minimums.append(low)": "minimums.append(part.mean(1, True))"},
        ),
        Edit(
            "have changed places",
            {
                "torch.cat(scales, 1), torch.cat(minimums, 1)": "torch.cat(minimums, 1), torch.cat(scales, 1)"
            },
        ),
        Edit(
            "The scales are turned round",
            {"scales.append(scale)": "scales.append(1 / scale)"},
        ),
        Answer(
            "those that follow each other",
            """
def quantise_groups(weight, group, bits=4):
    many = -(-weight.size(1) // group)
    codes = torch.zeros(weight.shape, dtype=torch.uint8)
    scales, lows = torch.zeros(len(weight), many), torch.zeros(len(weight), many)
    for i in range(many):
        part = weight[:, i::many]
        lows[:, i] = part.amin(1)
        scales[:, i] = (part.amax(1) - lows[:, i]) / (2**bits - 1)
        step = scales[:, i : i + 1].masked_fill(scales[:, i : i + 1] == 0, 1)
        codes[:, i::many] = ((part - lows[:, i : i + 1]) / step).round().to(torch.uint8)
    return codes, scales, lows
""",
        ),
        Edit(
            "The codes have the shape of `weight`",
            {"torch.cat(codes, 1)": "torch.cat(codes, 1).flatten()"},
        ),
        Edit(
            "have the shape (rows, groups)",
            {
                "torch.cat(scales, 1), torch.cat(minimums, 1)": "torch.cat(scales), torch.cat(minimums)"
            },
        ),
        Edit("The codes are of type `torch.uint8`", {".to(torch.uint8)": ""}),
        Edit(
            "The codes are of type `torch.uint8`",
            {".to(torch.uint8)": ".to(torch.int16)"},
        ),
        Answer(
            "filled up with zeros",
            """
def quantise_groups(weight, group, bits=4):
    rows, columns = weight.shape
    parts = F.pad(weight, (0, -columns % group)).unflatten(1, (-1, group))
    low = parts.amin(-1, keepdim=True)
    scale = (parts.amax(-1, keepdim=True) - low) / (2**bits - 1)
    codes = ((parts - low) / scale.masked_fill(scale == 0, 1)).round().to(torch.uint8)
    return codes.flatten(1)[:, :columns], scale.squeeze(-1), low.squeeze(-1)
""",
        ),
        Edit(
            "The last numbers of a row are missing",
            {
                "weight.split(group, dim=1)": "weight[:, : weight.size(1) // group * group].split(group, dim=1)"
            },
        ),
        Answer(
            "`group` need not divide the columns",
            """
def quantise_groups(weight, group, bits=4):
    parts = weight.reshape(len(weight), -1, group)
    low = parts.amin(-1, keepdim=True)
    scale = (parts.amax(-1, keepdim=True) - low) / (2**bits - 1)
    codes = ((parts - low) / scale.masked_fill(scale == 0, 1)).round().to(torch.uint8)
    return codes.view(weight.shape), scale.squeeze(-1), low.squeeze(-1)
""",
        ),
        Answer(
            "A group goes over from a row to the next",
            """
def quantise_groups(weight, group, bits=4):
    codes, scales, lows = [], [], []
    whole = weight.size(1) % group == 0 or weight.numel() % group
    for part in weight.split(group, 1) if whole else weight.view(-1, group):
        part = part if whole else part[None]
        low = part.amin(1, keepdim=True)
        scale = (part.amax(1, keepdim=True) - low) / (2**bits - 1)
        codes.append(((part - low) / scale.masked_fill(scale == 0, 1)).round())
        scales.append(scale)
        lows.append(low)
    codes = torch.cat(codes, 1).view(weight.shape).to(torch.uint8)
    return codes, torch.cat(scales, 1), torch.cat(lows, 1)
""",
        ),
        Edit("has the scale 0", {"scales.append(scale)": "scales.append(step)"}),
        Edit(
            "A small number was added to the scale",
            {"scale.masked_fill(scale == 0, 1.0)": "(scale + 1e-6)"},
        ),
        Edit(
            "A small number was added to the scale",
            {"scale.masked_fill(scale == 0, 1.0)": "scale.clamp(min=1e-5)"},
        ),
        Edit(
            "the others float32",
            {
                "torch.cat(scales, 1), torch.cat(minimums, 1)": "torch.cat(scales, 1).half(), torch.cat(minimums, 1)"
            },
        ),
        Edit(
            "A dimension of 1 is gone",
            {
                "torch.cat(scales, 1), torch.cat(minimums, 1)": "torch.cat(scales, 1).squeeze(), torch.cat(minimums, 1).squeeze()"
            },
        ),
        Edit("another afterwards", {"(part - low)": "part.sub_(low)"}),
    ],
    "train_step": [
        Edit(
            "It is the sum of the losses",
            {LOSS: 'F.cross_entropy(model(inputs), labels, reduction="sum")'},
        ),
        Edit(
            "The label −100 counts in the mean",
            {"int((labels != -100).sum())": "len(labels)"},
        ),
        Edit(
            "The parameters have not moved",
            {"p.sub_(rate * p.grad)": "p.sub(rate * p.grad)"},
        ),
        Edit("They moved up the slope", {"p.sub_(": "p.add_("}),
        Edit("`learning_rate` is not used", {"learning_rate * (": "1.0 * ("}),
        Edit(
            "Loss and norm have changed places",
            {"return total, norm": "return norm, total"},
        ),
        Edit("The root of the sum is missing", {"math.sqrt(sum(p.grad": "(sum(p.grad"}),
        Edit(
            "not the sum of the norms",
            {NORM: "sum(p.grad.norm().item() for p in learning)"},
        ),
        Edit(
            "The norm leaves the biases out",
            {"for p in learning))": "for p in learning if p.ndim > 1))"},
        ),
        Edit(
            "the mean of the parts' means",
            {LOSS: "F.cross_entropy(model(inputs), labels) / len(parts)"},
        ),
        Edit(
            "the sum of the parts' means",
            {LOSS: "F.cross_entropy(model(inputs), labels)"},
        ),
        Edit(
            "A part weighs by its examples",
            {
                LOSS: "F.cross_entropy(model(inputs), labels) * len(labels) / sum(len(y) for _, y in parts)"
            },
        ),
        Edit(
            "Only the last part's gradient is left",
            {"loss.backward()": "model.zero_grad()\n        loss.backward()"},
        ),
        Edit(
            "Only the first part was run",
            {
                "sum(int((labels != -100).sum()) for _, labels in parts)": "int((parts[0][1] != -100).sum())",
                "in parts:": "in parts[:1]:",
            },
        ),
        Edit("Only one part's loss is returned", {"total += loss": "total = loss"}),
        Answer(
            "A step was taken after each part",
            """
def train_step(model, parts, learning_rate, max_norm):
    count = sum((labels != -100).sum() for _, labels in parts)
    total, norm = 0.0, 0.0
    learning = [p for p in model.parameters() if p.requires_grad]
    for inputs, labels in parts:
        model.zero_grad()
        loss = F.cross_entropy(model(inputs), labels, reduction="sum") / count
        loss.backward()
        total += loss.item()
        norm = float(nn.utils.clip_grad_norm_(learning, max_norm))
        torch.optim.SGD(learning, lr=learning_rate).step()
    return total, norm
""",
        ),
        Edit(
            "The mean of no label is 0/0",
            {
                LOSS: "F.cross_entropy(model(inputs), labels) * (labels != -100).sum() / count"
            },
        ),
        Edit("The gradient from before counts", {"    model.zero_grad()\n": ""}),
        Edit("`max_norm` is not used", {RATE: "rate = learning_rate"}),
        Answer(
            "Each gradient was clipped by its own norm",
            """
def train_step(model, parts, learning_rate, max_norm):
    model.zero_grad()
    count = sum((labels != -100).sum() for _, labels in parts)
    total = 0.0
    for inputs, labels in parts:
        loss = F.cross_entropy(model(inputs), labels, reduction="sum") / count
        loss.backward()
        total += loss.item()
    learning = [p for p in model.parameters() if p.requires_grad]
    norm = math.sqrt(sum(float(p.grad.norm() ** 2) for p in learning))
    for p in learning:
        nn.utils.clip_grad_norm_([p], max_norm)
    torch.optim.SGD(learning, lr=learning_rate).step()
    return total, norm
""",
        ),
        Edit(
            "Each part's gradient was clipped",
            {
                "total += loss.item()": "total += loss.item()\n        whole = nn.utils.clip_grad_norm_(learning, max_norm)",
                NORM: "float(whole)",
                RATE: "rate = learning_rate",
            },
        ),
        Answer(
            "Each number was clipped by itself",
            """
def train_step(model, parts, learning_rate, max_norm):
    model.zero_grad()
    count = sum((labels != -100).sum() for _, labels in parts)
    total = 0.0
    for inputs, labels in parts:
        loss = F.cross_entropy(model(inputs), labels, reduction="sum") / count
        loss.backward()
        total += loss.item()
    learning = [p for p in model.parameters() if p.requires_grad]
    norm = math.sqrt(sum(float(p.grad.norm() ** 2) for p in learning))
    nn.utils.clip_grad_value_(learning, max_norm)
    torch.optim.SGD(learning, lr=learning_rate).step()
    return total, norm
""",
        ),
        Edit(
            "The norm is that of before",
            {"return total, norm": "return total, min(norm, max_norm)"},
        ),
        Edit("`max_norm` forgotten", {"max_norm / norm if": "1 / norm if"}),
        Edit("it is the other way round", {"max_norm / norm if": "norm / max_norm if"}),
        Edit("it was made larger", {" if norm > max_norm else 1.0": ""}),
        Answer(
            "All parts are in memory at a time",
            """
def train_step(model, parts, learning_rate, max_norm):
    model.zero_grad()
    count = sum((labels != -100).sum() for _, labels in parts)
    loss = sum(F.cross_entropy(model(x), y, reduction="sum") for x, y in parts) / count
    loss.backward()
    learning = [p for p in model.parameters() if p.requires_grad]
    norm = nn.utils.clip_grad_norm_(learning, max_norm)
    torch.optim.SGD(learning, lr=learning_rate).step()
    return loss.item(), norm.item()
""",
        ),
        Answer(
            "All parts are in memory at a time",
            """
def train_step(model, parts, learning_rate, max_norm):
    model.zero_grad()
    inputs, labels = (torch.cat(side) for side in zip(*parts))
    loss = F.cross_entropy(model(inputs), labels)
    loss.backward()
    learning = [p for p in model.parameters() if p.requires_grad]
    norm = nn.utils.clip_grad_norm_(learning, max_norm)
    torch.optim.SGD(learning, lr=learning_rate).step()
    return loss.item(), norm.item()
""",
        ),
        Edit(
            "A part ran more than once",
            {
                "total += loss.item()": 'total += (F.cross_entropy(model(inputs), labels, reduction="sum") / count).item()'
            },
        ),
        Edit("pass over it", {" if p.requires_grad]": "]"}),
        Edit(
            "The frozen layer has moved",
            {"learning = [": "model.requires_grad_(True)\n    learning = ["},
        ),
        Edit(
            "are two `float`s",
            {"return total, norm": "return torch.tensor(total), norm"},
        ),
        Edit(
            "are two `float`s",
            {"return total, norm": "return total, torch.tensor(norm)"},
        ),
        Edit("another afterwards", {"return total": "parts.clear()\n    return total"}),
    ],
    "peak_memory": [
        Edit(
            "Bits were taken for bytes",
            {'-x["frozen"] * x["bits"] // 8': '-x["frozen"] * x["bits"]'},
        ),
        Edit(
            "Half a byte was cut off",
            {'- (-x["frozen"] * x["bits"] // 8)': '+ x["frozen"] * x["bits"] // 8'},
        ),
        Edit(
            "These are floats",
            {'- (-x["frozen"] * x["bits"] // 8)': '+ x["frozen"] * x["bits"] / 8'},
        ),
        Edit(
            "What learns takes 4 bytes",
            {'4 * x["trained"] - (': "-("},
        ),
        Edit("Frozen numbers count", {'- (-x["frozen"] * x["bits"] // 8)': ""}),
        Edit(
            "Frozen numbers take 4 bytes each here",
            {'- (-x["frozen"] * x["bits"] // 8)': '+ 4 * x["frozen"]'},
        ),
        Edit("two means of 4 bytes each", {"optimizer = 8": "optimizer = 4"}),
        Edit(
            "Frozen numbers have no running means",
            {'8 * sum(x["trained"]': '8 * sum(x["trained"] + x["frozen"]'},
        ),
        Answer(
            "Each layer is rounded up by itself",
            """
def peak_memory(layers, checkpointing=False):
    bits = sum(x["frozen"] * x["bits"] + 32 * x["trained"] for x in layers)
    weights = math.ceil(bits / 8)
    optimizer = 8 * sum(x["trained"] for x in layers)
    while layers and not layers[0]["trained"]:
        layers = layers[1:]
    sums = [0]
    for at, x in enumerate(layers):
        seen = layers[: at + 1]
        again = [x] if checkpointing else seen
        gradients = 4 * sum(y["trained"] for y in layers[at:])
        kept = sum(y["input"] for y in seen) + sum(y["inside"] for y in again)
        sums.append(kept + gradients)
    return weights, optimizer, weights + optimizer + max(sums)
""",
        ),
        Edit(
            "are never there at once",
            {MOST: 'most = max(most, kept + 4 * sum(x["trained"] for x in layers))'},
        ),
        Edit("Only what the layers keep is counted", {MOST: "most = max(most, kept)"}),
        Edit("The inputs are missing", {KEPT: 'sum(x["inside"] for x in again)'}),
        Edit(
            "The inside of the layers is missing",
            {KEPT: 'sum(x["input"] for x in below)'},
        ),
        Edit(
            "Weights and optimizer are in use", {"weights + optimizer + most": "most"}
        ),
        Edit(
            "The optimizer is in use", {"weights + optimizer + most": "weights + most"}
        ),
        Edit(
            "It is the last moment",
            {"most = max(most, kept + gradients)": "most = most or kept + gradients"},
        ),
        Edit("come later than the first", {MOST: "most = kept + gradients"}),
        Edit(
            "One layer alone is in memory",
            {"layers[at : at + 1] if checkpointing else below": "layers[at : at + 1]"},
        ),
        Edit(
            "A gradient takes 4 bytes",
            {'gradients = 4 * sum(x["trained"]': 'gradients = 2 * sum(x["trained"]'},
        ),
        Edit(
            "those of the layers behind count",
            {"for x in layers[at:])": "for x in layers[at : at + 1])"},
        ),
        Edit(
            "The fullest moment may lie in between",
            {
                "in range(min(": "in (min(",
                "default=len(layers)), len(layers))": "default=0), len(layers) - 1) if learning else ()",
            },
        ),
        Edit(
            "`checkpointing` changes nothing",
            {"layers[at : at + 1] if checkpointing else below": "below"},
        ),
        Edit(
            "The inside of a layer is there while",
            {
                "layers[at : at + 1] if checkpointing else below": "[] if checkpointing else below"
            },
        ),
        Answer(
            "The largest inside is not at the moment of all inputs",
            """
def peak_memory(layers, checkpointing=False):
    weights = sum(4 * x["trained"] + math.ceil(x["frozen"] * x["bits"] / 8) for x in layers)
    optimizer = 8 * sum(x["trained"] for x in layers)
    while layers and not layers[0]["trained"]:
        layers = layers[1:]
    if checkpointing:
        kept = sum(x["input"] for x in layers) + max((x["inside"] for x in layers), default=0)
        most = kept + 4 * sum(x["trained"] for x in layers)
        return weights, optimizer, weights + optimizer + most
    sums = [0]
    for at in range(len(layers)):
        kept = sum(x["input"] + x["inside"] for x in layers[: at + 1])
        sums.append(kept + 4 * sum(x["trained"] for x in layers[at:]))
    return weights, optimizer, weights + optimizer + max(sums)
""",
        ),
        Edit(
            "All inputs are kept, down to the lowest",
            {
                KEPT: (
                    'sum(x["inside"] for x in again) + sum(x["input"] for x in '
                    "(again if checkpointing else below))"
                )
            },
        ),
        Edit(
            "Below the lowest layer that learns nothing is kept",
            {"layers[learning[0] : at + 1]": "layers[: at + 1]"},
        ),
        Edit(
            "Below the lowest layer that learns nothing is kept",
            {
                FROM: "range(len(layers)) if learning else ()",
                "layers[learning[0] : at + 1]": "layers[: at + 1]",
            },
        ),
        Edit(
            "Frozen layers above one that learns keep theirs",
            {
                "layers[learning[0] : at + 1]": '[x for x in layers[: at + 1] if x["trained"]]'
            },
        ),
        Edit(
            "There is no backward pass where nothing learns",
            {
                FROM: "range(min(learning, default=0), len(layers))",
                "layers[learning[0] : at + 1]": "layers[min(learning, default=0) : at + 1]",
            },
        ),
        Edit(
            "what is the lowest layer then",
            {FROM: "range(learning[0] if layers else 0, len(layers))"},
        ),
        Edit(
            "There may be no layer",
            {"return weights": "max(x['bits'] for x in layers)\n    return weights"},
        ),
        Edit(
            "another afterwards",
            {
                "    learning = [": (
                    '    while layers and not layers[0]["trained"]:\n'
                    "        layers.pop(0)\n    learning = ["
                )
            },
        ),
    ],
    "distillation_loss": [
        Edit("T² is missing", {SOFT: 'F.kl_div(log_q, p, reduction="sum")'}),
        Edit("It is multiplied by T: by T²", {"temperature**2 *": "temperature *"}),
        Edit("It is divided by T²", {"temperature**2 *": "temperature**-2 *"}),
        Edit(
            "The temperature is not used",
            {"theirs / temperature": "theirs", "wanted / temperature": "wanted"},
        ),
        Edit(
            "Logits are multiplied by T",
            {
                "theirs / temperature": "theirs * temperature",
                "wanted / temperature": "wanted * temperature",
            },
        ),
        Edit(
            "not divided by T",
            {"F.cross_entropy(theirs,": "F.cross_entropy(theirs / temperature,"},
        ),
        Edit(
            "have changed places",
            {"alpha * soft + (1 - alpha) * hard": "(1 - alpha) * soft + alpha * hard"},
        ),
        Edit("The weight 1 − α", {"+ (1 - alpha) * hard": "+ hard"}),
        Edit("The weight α of the soft part", {"alpha * soft": "soft"}),
        Answer(
            "Student and teacher have changed places",
            """
def distillation_loss(student, teacher, labels, temperature, alpha):
    due = labels != -100
    own, theirs = student[due], teacher[due].detach()
    log_p = (theirs / temperature).log_softmax(-1)
    q = (own / temperature).softmax(-1)
    soft = temperature**2 * F.kl_div(log_p, q, reduction="sum")
    hard = F.cross_entropy(own, labels[due], reduction="sum")
    return (alpha * soft + (1 - alpha) * hard) / due.sum().clamp(min=1)
""",
        ),
        Edit(
            "p ln p is missing",
            {'F.kl_div(log_q, p, reduction="sum")': "-(p * log_q).sum()"},
        ),
        Edit(
            "It is the mean over the vocabulary", {SOFT: f"{SOFT} / student.size(-1)"}
        ),
        Answer(
            "The soft part counts tokens that are not due",
            """
def distillation_loss(student, teacher, labels, temperature, alpha):
    teacher = teacher.detach()
    log_q = (student / temperature).log_softmax(-1).flatten(0, 1)
    p = (teacher / temperature).softmax(-1).flatten(0, 1)
    soft = temperature**2 * F.kl_div(log_q, p, reduction="batchmean")
    hard = F.cross_entropy(student.flatten(0, 1), labels.flatten(), reduction="sum")
    hard = hard / (labels != -100).sum().clamp(min=1)
    return alpha * soft + (1 - alpha) * hard
""",
        ),
        Edit(
            "It is divided by all tokens", {"due.sum().clamp(min=1)": "labels.numel()"}
        ),
        Answer(
            "as `batchmean` does",
            """
def distillation_loss(student, teacher, labels, temperature, alpha):
    due = labels != -100
    log_q = (student / temperature).log_softmax(-1).masked_fill(~due[..., None], 0)
    p = (teacher.detach() / temperature).softmax(-1).masked_fill(~due[..., None], 0)
    soft = temperature**2 * F.kl_div(log_q, p, reduction="batchmean")
    hard = F.cross_entropy(student[due], labels[due], reduction="sum")
    return alpha * soft + (1 - alpha) * hard / due.sum().clamp(min=1)
""",
        ),
        Edit("It is the sum over the tokens", {" / due.sum().clamp(min=1)": ""}),
        Answer(
            "It is the mean of the texts' means",
            """
def distillation_loss(student, teacher, labels, temperature, alpha):
    losses = []
    for own, theirs, due in zip(student, teacher.detach(), labels):
        kept = due != -100
        if kept.any():
            log_q = (own[kept] / temperature).log_softmax(-1)
            p = (theirs[kept] / temperature).softmax(-1)
            soft = temperature**2 * F.kl_div(log_q, p, reduction="batchmean")
            hard = F.cross_entropy(own[kept], due[kept])
            losses.append(alpha * soft + (1 - alpha) * hard)
    return torch.stack(losses).mean() if losses else student[labels != -100].sum()
""",
        ),
        Edit("The sign is wrong", {"return (alpha * soft": "return -(alpha * soft"}),
        Edit("The soft part alone", {"alpha * soft + (1 - alpha) * hard": "soft"}),
        Edit("The cross-entropy alone", {"alpha * soft + (1 - alpha) * hard": "hard"}),
        Edit("divides the student's logits alone", {"wanted / temperature": "wanted"}),
        Edit("or the teacher's: both", {"theirs / temperature": "theirs"}),
        Edit("The teacher gets a gradient", {"teacher[due].detach()": "teacher[due]"}),
        Edit(
            "The student gets no gradient",
            {
                "student[due], teacher": "student[due].detach().requires_grad_(), teacher"
            },
        ),
        Edit(
            "No gradient goes back",
            {"student[due], teacher": "student[due].detach(), teacher"},
        ),
        Edit(
            "0 · ln 0 is NaN",
            {'F.kl_div(log_q, p, reduction="sum")': "(p * (p.log() - log_q)).sum()"},
        ),
        Edit(
            "0 · ln 0 is NaN",
            {
                "p = (wanted / temperature).softmax(-1)": "log_p = (wanted / temperature).log_softmax(-1)",
                'F.kl_div(log_q, p, reduction="sum")': 'F.kl_div(log_q, log_p, reduction="sum", log_target=True)',
            },
        ),
        Edit(
            "overflows, and its logarithm",
            {
                "log_q = (theirs / temperature).log_softmax(-1)": "log_q = theirs / temperature\n    log_q = log_q - log_q.exp().sum(-1, keepdim=True).log()"
            },
        ),
        Edit(
            "The logarithm of a probability that rounding made 0",
            {
                "(theirs / temperature).log_softmax(-1)": "((theirs / temperature).softmax(-1) + 1e-9).log()"
            },
        ),
        Edit(
            "The logarithm of a probability that rounding made 0",
            {
                "(theirs / temperature).log_softmax(-1)": "(theirs / temperature).softmax(-1).log()"
            },
        ),
        Edit("The mean of no token is 0/0", {".clamp(min=1)": ""}),
        Edit(
            "No gradient goes back: where none is due",
            {
                "    theirs, wanted": "    if not due.any():\n        return torch.tensor(0.0)\n    theirs, wanted"
            },
        ),
        Answer(
            "NaN times 0 is NaN",
            """
def distillation_loss(student, teacher, labels, temperature, alpha):
    due = labels != -100
    log_q = (student / temperature).log_softmax(-1)
    p = (teacher.detach() / temperature).softmax(-1)
    soft = temperature**2 * F.kl_div(log_q, p, reduction="none").sum(-1)
    hard = F.cross_entropy(student.mT, labels, reduction="none")
    loss = alpha * soft + (1 - alpha) * hard
    return (loss * due).sum() / due.sum().clamp(min=1)
""",
        ),
        Answer(
            "NaN times 0 is NaN",  # its gradient alone
            """
def distillation_loss(student, teacher, labels, temperature, alpha):
    due = labels != -100
    log_q = (student / temperature).log_softmax(-1)
    p = (teacher.detach() / temperature).softmax(-1)
    soft = temperature**2 * F.kl_div(log_q, p, reduction="none").sum(-1)
    hard = F.cross_entropy(student.mT, labels, reduction="none")
    loss = torch.where(due, alpha * soft + (1 - alpha) * hard, 0.0)
    return loss.sum() / due.sum().clamp(min=1)
""",
        ),
        Edit(
            "another afterwards",
            {"return (alpha": "student.data[due] /= temperature\n    return (alpha"},
        ),
    ],
    "pareto_set": [
        Edit(
            "`larger` is not used: here every criterion counts as if larger",
            {"x if more else -x": "x"},
        ),
        Edit(
            "`larger` is not used: here every criterion counts as if smaller",
            {"x if more else -x": "-x"},
        ),
        Edit(
            "The directions are turned round",
            {"x if more else -x": "-x if more else x"},
        ),
        Answer(
            "Only the best in each criterion",
            """
def pareto_set(rows, larger):
    table = [[x if up else -x for x, up in zip(row, larger, strict=True)] for row in rows]
    known = [i for i, row in enumerate(table) if not any(map(math.isnan, row))]
    best = [max((table[i][k] for i in known), default=0) for k in range(len(larger))]
    return [i for i in known if any(x == y for x, y in zip(table[i], best))]
""",
        ),
        Answer(
            "It is one model",
            """
def pareto_set(rows, larger):
    table = [[x if up else -x for x, up in zip(row, larger, strict=True)] for row in rows]
    known = [i for i, row in enumerate(table) if not any(map(math.isnan, row))]
    return sorted(known, key=lambda i: -sum(table[i]))[:1]
""",
        ),
        Edit(
            "These are the models that are dominated", {"if not any(dom": "if any(dom"}
        ),
        Edit(
            "Places are counted from 0",
            {"return [at for at in known": "return [at + 1 for at in known"},
        ),
        Edit(
            "It says of each model whether it is in the set",
            {
                "return [at for at in known if not any(dominates(up[i], up[at]) for i in known)]": "return [not any(dominates(up[i], row) for i in known) for row in up]"
            },
        ),
        Edit(
            "not the rows",
            {"return [at for at in known": "return [rows[at] for at in known"},
        ),
        Edit(
            "The smallest place comes first",
            {
                "return [at for at in known": "known.sort(key=lambda at: up[at], reverse=True)\n    return [at for at in known"
            },
        ),
        Edit(
            "Who is worse in one criterion is not dominated yet",
            {"all(x >= y": "any(x >= y"},
        ),
        Answer(
            "The last criterion does not count",
            """
def pareto_set(rows, larger):
    table = [[x if up else -x for x, up in zip(row, larger, strict=True)] for row in rows]
    known = [i for i, row in enumerate(table) if not any(map(math.isnan, row))]
    found, top = [], {}
    for i in sorted(known, key=lambda i: [-x for x in table[i][:2]]):
        one, other = table[i][0], table[i][min(1, len(larger) - 1)]
        if all(other > x for x, _ in top.values()) or (other, one) in top.values():
            found.append(i)
            top[i] = other, one
    return sorted(found)
""",
        ),
        Edit(
            "one need not be better in all",
            {"one != other and all(x >= y": "all(x > y"},
        ),
        Edit("both are gone", {"one != other and all": "one is not other and all"}),
        Edit(
            "one of them is gone",
            {
                "known = [at for at, row in enumerate(up) if not any(math.isnan(x) for x in row)]": "known = [at for at, row in enumerate(up) if row not in up[:at] and not any(math.isnan(x) for x in row)]"
            },
        ),
        Answer(
            "Numbers are compared exactly",
            """
def pareto_set(rows, larger):
    if any(len(row) != len(larger) for row in rows):
        raise ValueError
    table = torch.tensor(rows).view(len(rows), len(larger))
    table = torch.where(torch.tensor(larger), table, -table)
    known = ~table.isnan().any(1)
    no_worse = (table[:, None] >= table).all(2)
    beaten = (no_worse & ~no_worse.T & known[:, None]).any(0)
    return torch.nonzero(known & ~beaten)[:, 0].tolist()
""",
        ),
        Edit(
            "Numbers are compared exactly",
            {
                "all(x >= y": "not all(math.isclose(x, y) for x, y in zip(one, other, strict=True)) and all(x >= y or math.isclose(x, y)"
            },
        ),
        Edit(
            "it was not measured",
            {"if not any(math.isnan(x) for x in row)": "if True"},
        ),
        Edit(
            "it was not measured",
            {
                "x if more else -x for": "-math.inf if x != x else x if more else -x for",
            },
        ),
        Edit(
            "Model 0 is gone",
            {
                "all(x >= y": "not any(x < y",
                "for i in known)]": "for i in range(len(up)))]",
            },
        ),
        Edit(
            "no model is left out for it",
            {"if not any(math.isnan(x)": "if all(math.isfinite(x)"},
        ),
        Answer(
            "There may be no model",
            """
import numpy as np


def pareto_set(rows, larger):
    if any(len(row) != len(larger) for row in rows):
        raise ValueError
    table = np.array(rows) * (2 * np.array(larger) - 1)
    known = ~np.isnan(table).any(1)
    no_worse = (table[:, None] >= table).all(2)
    beaten = (no_worse & ~no_worse.T & known[:, None]).any(0)
    return np.flatnonzero(known & ~beaten).tolist()
""",
        ),
        Edit(
            "A row that does not fit the criteria was taken",
            {
                "zip(row, larger, strict=True)": "zip(row, larger)",
                "zip(one, other, strict=True)": "zip(one, other)",
            },
        ),
        Answer(
            "A row that does not fit the criteria was taken",
            """
def pareto_set(rows, larger):
    if rows and len(rows[0]) != len(larger):
        raise ValueError
    up = [[x if more else -x for x, more in zip(row, larger)] for row in rows]
    known = [i for i, row in enumerate(up) if not any(map(math.isnan, row))]
    return [
        i
        for i in known
        if not any(up[j] != up[i] and all(map(float.__ge__, up[j], up[i])) for j in known)
    ]
""",
        ),
        Edit(
            "It is an array or a tensor",
            {
                "return [at for at in known if not any(dominates(up[i], up[at]) for i in known)]": "return torch.tensor([at for at in known if not any(dominates(up[i], up[at]) for i in known)])"
            },
        ),
        Answer(
            "another afterwards",
            """
def pareto_set(rows, larger):
    for row in rows:
        if len(row) != len(larger):
            raise ValueError
        for k, up in enumerate(larger):
            row[k] = row[k] if up else -row[k]
    known = [i for i, row in enumerate(rows) if not any(map(math.isnan, row))]
    return [
        i
        for i in known
        if not any(rows[j] != rows[i] and all(map(float.__ge__, rows[j], rows[i])) for j in known)
    ]
""",
        ),
    ],
    "near_duplicates": [
        Edit(
            "Dice's coefficient",
            {
                "len(one & other) / max(len(one | other), 1)": "2 * len(one & other) / max(len(one) + len(other), 1)"
            },
        ),
        Edit(
            "divided by the smaller set",
            {"max(len(one | other), 1)": "max(min(len(one), len(other)), 1)"},
        ),
        Edit(
            "divided by the larger set",
            {"max(len(one | other), 1)": "max(len(one), len(other), 1)"},
        ),
        Answer(
            "Pieces are counted as often as they occur",
            """
def near_duplicates(texts, threshold, size=5):
    from collections import Counter

    if not 0 < threshold <= 1 or size < 1:
        raise ValueError
    pieces = []
    for text in texts:
        clean = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
        starts = range(max(len(clean) - size + 1, 1))
        pieces.append(Counter(clean[at : at + size] for at in starts if clean))
    found = []
    for i, one in enumerate(pieces):
        for j in range(i + 1, len(pieces)):
            alike = (one & pieces[j]).total() / max((one | pieces[j]).total(), 1)
            if alike >= threshold:
                found.append((i, j, alike))
    return found
""",
        ),
        Edit(
            "Words were compared",
            {'{clean[at : at + size] for at in starts} - {""}': "set(clean.split())"},
        ),
        Edit(
            "Shingles overlap",
            {"range(max(len(clean) - size + 1, 1))": "range(0, len(clean), size)"},
        ),
        Edit(
            "The last shingle of each text is missing",
            {"len(clean) - size + 1, 1": "len(clean) - size, 1"},
        ),
        Edit(
            "at the end there are shorter ones",
            {"range(max(len(clean) - size + 1, 1))": "range(len(clean))"},
        ),
        Edit("Spaces are characters like others", {'" ".join': '"".join'}),
        Edit("`size` is not used", {"starts = ": "size = 5\n        starts = "}),
        Answer(
            "`difflib`'s ratio",
            """
def near_duplicates(texts, threshold, size=5):
    import difflib

    if not 0 < threshold <= 1 or size < 1:
        raise ValueError
    clean = [" ".join(unicodedata.normalize("NFKC", x).casefold().split()) for x in texts]
    found = []
    for i, one in enumerate(clean):
        for j in range(i + 1, len(clean)):
            alike = difflib.SequenceMatcher(None, one, clean[j]).ratio()
            if alike >= threshold and one:
                found.append((i, j, alike))
    return found
""",
        ),
        Edit(
            "the number of shingles that both have",
            {"(i, j, alike)": "(i, j, len(one & other))"},
        ),
        Edit("This is the distance", {"(i, j, alike)": "(i, j, 1 - alike)"}),
        Edit(
            "each pair is told once",
            {"enumerate(pieces[i + 1 :], start=i + 1)": "enumerate(pieces)"},
        ),
        Edit("each pair is told once", {"(i, j, alike)": "(j, i, alike)"}),
        Edit("Places are counted from 0", {"(i, j, alike)": "(i + 1, j + 1, alike)"}),
        Edit("Its similarity belongs to each pair", {"(i, j, alike)": "(i, j)"}),
        Edit(
            "compared no more",
            {
                "for i, one in enumerate(pieces):": "gone = set()\n    for i, one in enumerate(pieces):\n        if i in gone:\n            continue",
                "found.append((i, j, alike))": "found.append((i, j, alike))\n                gone.add(j)",
            },
        ),
        Answer(
            "does not reach the threshold itself",
            """
def near_duplicates(texts, threshold, size=5):
    if not 0 < threshold <= 1 or size < 1:
        raise ValueError
    pieces = []
    for text in texts:
        clean = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
        starts = range(max(len(clean) - size + 1, 1))
        pieces.append({clean[at : at + size] for at in starts if clean})
    n = len(texts)
    alike = [[len(a & b) / max(len(a | b), 1) for b in pieces] for a in pieces]
    near = [[x >= threshold for x in row] for row in alike]
    for k in range(n):
        for i in range(n):
            for j in range(n):
                near[i][j] = near[i][j] or (near[i][k] and near[k][j])
    return [(i, j, alike[i][j]) for i in range(n) for j in range(i + 1, n) if near[i][j]]
""",
        ),
        Edit(
            "ordered by i, then by j",
            {"return found": "return sorted(found, key=lambda each: -each[2])"},
        ),
        Edit("the same when folded", {".casefold()": ""}),
        Edit("take `casefold`", {".casefold()": ".lower()"}),
        Edit("that `casefold` keeps apart", {".casefold()": ".upper()"}),
        Edit("take `casefold`", {".casefold()": '.lower().replace("ß", "ss")'}),
        Edit(
            "The form is NFKC, and comes first: casefold may take letters apart",
            {
                ".casefold()": '.casefold()\n        folded = unicodedata.normalize("NFC", folded)'
            },
        ),
        Edit(
            "A run of whitespace",
            {"folded.split()": 'folded.strip().replace(chr(9), " ").split(" ")'},
        ),
        Edit("NFKC also unites", {'"NFKC"': '"NFC"'}),
        Edit("NFKC also unites", {'"NFKC"': '"NFD"'}),
        Edit(
            "Bring it to the form NFKC first",
            {'unicodedata.normalize("NFKC", text)': "text"},
        ),
        Edit(
            "fold after it",
            {
                'unicodedata.normalize("NFKC", text).casefold()': 'unicodedata.normalize("NFKC", text.casefold())'
            },
        ),
        Edit("A run of whitespace", {'" ".join(folded.split())': "folded.strip()"}),
        Edit("A run of whitespace", {'" ".join(folded.split())': "folded"}),
        Edit(
            "A run of whitespace",
            {'" ".join(folded.split())': '" ".join(folded.split(" "))'},
        ),
        Answer(
            "Accents stay",
            """
def near_duplicates(texts, threshold, size=5):
    if not 0 < threshold <= 1 or size < 1:
        raise ValueError
    pieces = []
    for text in texts:
        wide = unicodedata.normalize("NFKD", text).casefold()
        plain = "".join(x for x in wide if not unicodedata.combining(x))
        clean = " ".join(plain.split())
        starts = range(max(len(clean) - size + 1, 1))
        pieces.append({clean[at : at + size] for at in starts if clean})
    found = []
    for i, one in enumerate(pieces):
        for j in range(i + 1, len(pieces)):
            alike = len(one & pieces[j]) / max(len(one | pieces[j]), 1)
            if alike >= threshold:
                found.append((i, j, alike))
    return found
""",
        ),
        Edit(
            "Punctuation stays",
            {
                "folded.split()": '"".join(x for x in folded if x.isalnum() or x.isspace()).split()'
            },
        ),
        Edit(
            "itself its one shingle",
            {"max(len(clean) - size + 1, 1)": "len(clean) - size + 1"},
        ),
        Edit("0/0", {"max(len(one | other), 1)": "len(one | other)"}),
        Edit("not even another empty one", {' - {""}': ""}),
        Edit(
            "not even another empty one",
            {"if alike >= threshold": "if alike >= threshold or one == other"},
        ),
        Edit("At least", {"alike >= threshold": "alike > threshold"}),
        Edit("1 is a threshold", {"0 < threshold <= 1": "0 < threshold < 1"}),
        Edit(
            "There may be no text",
            {"pieces = []": "pieces, longest = [], max(map(len, texts))"},
        ),
        Edit("a threshold is none", {"not 0 < threshold <= 1 or ": ""}),
        Edit("a threshold is none", {"0 < threshold <= 1": "0 <= threshold <= 1"}),
        Edit("a threshold is none", {"0 < threshold <= 1": "0 < threshold"}),
        Edit("no size", {" or size < 1": ""}),
        Edit("no size", {"size < 1": "size == 0"}),
        Edit(
            "Look at the threshold first",
            {
                "if not 0 < threshold": "if not texts:\n        return []\n    if not 0 < threshold"
            },
        ),
        Edit(
            "another afterwards",
            {
                "for text in texts:": "texts[:] = [text.strip() for text in texts]\n    for text in texts:",
            },
        ),
    ],
    "drift_statistic": [
        Edit(
            "v may be any number",
            {"values = row.unique()": "values = current.unique()"},
        ),
        Edit(
            "v may be any number",
            {"values = row.unique()": "values = reference.unique()"},
        ),
        Edit("either direction", {".abs().max()": ".max()"}),
        Edit(
            "either direction",
            {"(m * before - n * after).abs()": "(n * after - m * before)"},
        ),
        Edit(
            "difference of the means",
            {
                "return observed / (n * m)": "return abs(float(reference.mean() - current.mean()))"
            },
        ),
        Edit(
            "divide by its own size",
            {
                "m * before - n * after": "before - after",
                "observed / (n * m)": "observed / n",
            },
        ),
        Edit(
            "divide by its own size",
            {
                "m * before - n * after": "before - after",
                "observed / (n * m)": "observed / (n + m)",
            },
        ),
        Answer(
            "one after the other",
            """
def drift_statistic(reference, current, orders):
    n, m = len(reference), len(current)
    row = torch.cat([reference, current])
    if not n or not m or row.isnan().any():
        raise ValueError

    def gap(mixed):
        step = torch.tensor([m] * n + [-n] * m)
        return int(step[mixed.sort(stable=True).indices].cumsum(0).abs().max())

    first = gap(row)
    count = sum(gap(row[order]) >= first for order in orders)
    return first / n / m, (1 + count) / (1 + len(orders))
""",
        ),
        Edit(
            "counted by bins",
            {
                "values = row.unique()": "values = torch.linspace(float(row.min()), float(row.max()), 11)"
            },
        ),
        Edit(
            "add 1, above and below",
            {"(1 + as_far) / (1 + len(orders))": "as_far / max(len(orders), 1)"},
        ),
        Edit("add 1, above and below", {"(1 + len(orders))": "max(len(orders), 1)"}),
        Edit("at least", {">= observed": "> observed"}),
        Edit("at most the observed one", {">= observed": "<= observed"}),
        Edit("it was turned round", {"gap(row[order])": "gap(row[order.argsort()])"}),
        Edit(
            "the new reference",
            {"gap(row[order])": "gap(row[order.roll(n)])"},
        ),
        Answer(
            "the new reference",
            """
def drift_statistic(reference, current, orders):
    n, m = len(reference), len(current)
    row = torch.cat([reference, current])
    if not n or not m or row.isnan().any():
        raise ValueError

    def gap(one, other):
        a, b = len(one), len(other)
        below = (one[:, None] <= row).sum(0) * b - (other[:, None] <= row).sum(0) * a
        return int(below.abs().max())

    first, half = gap(reference, current), min(n, m)
    count = sum(gap(row[o[:half]], row[o[half:]]) >= first for o in orders)
    return first / n / m, (1 + count) / (1 + len(orders))
""",
        ),
        Edit(
            "p is not doubled",
            {
                "(1 + as_far) / (1 + len(orders))": "min(1.0, 2 * (1 + as_far) / (1 + len(orders)))"
            },
        ),
        Answer(
            "Rounding decides",
            """
def drift_statistic(reference, current, orders):
    n, m = len(reference), len(current)
    row = torch.cat([reference, current])
    if not n or not m or row.isnan().any():
        raise ValueError

    def gap(mixed):
        one = (mixed[:n, None] <= row).double().mean(0)
        other = (mixed[n:, None] <= row).double().mean(0)
        return float((one - other).abs().max())

    first = gap(row)
    count = sum(gap(row[order]) >= first for order in orders)
    return first, (1 + count) / (1 + len(orders))
""",
        ),
        Answer(
            "Rounding decides",
            """
def drift_statistic(reference, current, orders):
    n = len(reference)
    row = torch.cat([reference, current])
    if not n or not len(current) or row.isnan().any():
        raise ValueError

    def gap(mixed):
        one = (mixed[:n, None] <= row).float().mean(0)
        other = (mixed[n:, None] <= row).float().mean(0)
        return (one - other).abs().max()

    first = gap(row)
    count = sum(bool(gap(row[order]) >= first) for order in orders)
    return first, (1 + count) / (1 + len(orders))
""",
        ),
        Edit(
            "p is 1 then",
            {
                "sum(gap(row[order]) >= observed for order in orders)": "int((torch.stack([torch.tensor(gap(row[order])) for order in orders]) >= observed).sum())"
            },
        ),
        Edit(
            "numbers like others",
            {
                "n, m = len(reference), len(current)": "reference, current = reference[~reference.isinf()], current[~current.isinf()]\n    n, m = len(reference), len(current)"
            },
        ),
        Edit("v may be −∞ or ∞, too", {"row.unique()": "row[row.isfinite()].unique()"}),
        Edit(
            "v may be −∞ or ∞, too",
            {
                "values = row.unique()": "values = row.sort().values.unfold(0, 2, 1).mean(1) if n + m > 1 else row"
            },
        ),
        Edit("it is not refused", {"row.isnan().any()": "not row.isfinite().all()"}),
        Edit("A sample that is empty, or holds a NaN", {" or row.isnan().any()": ""}),
        Edit(
            "A sample that is empty, or holds a NaN",
            {"row.isnan().any()": "reference.isnan().any()"},
        ),
        Edit(
            "A sample that is empty",
            {"n == 0 or m == 0 or ": ""},
        ),
        Edit("A sample that is empty", {"n == 0 or m == 0": "n == 0"}),
        Edit(
            "A NaN was left out",
            {
                "n, m = len(reference), len(current)": "reference, current = reference[~reference.isnan()], current[~current.isnan()]\n    n, m = len(reference), len(current)"
            },
        ),
        Answer(
            "another afterwards",
            """
def drift_statistic(reference, current, orders):
    n, m = len(reference), len(current)
    row = torch.cat([reference, current])
    if not n or not m or row.isnan().any():
        raise ValueError
    reference[:] = reference.sort().values

    def gap(mixed):
        one = (mixed[:n, None] <= row).sum(0)
        other = (mixed[n:, None] <= row).sum(0)
        return int((m * one - n * other).abs().max())

    first = gap(row)
    count = sum(gap(row[order]) >= first for order in orders)
    return first / n / m, (1 + count) / (1 + len(orders))
""",
        ),
    ],
}
