"""Golden values of initialisers, optimizers and learning-rate schedules."""

import json
import math
import pathlib

import torch
from torch import nn, optim

from goldens_store import expected, given, save, save_json, stored

SHAPES = [[64, 3, 7, 7], [128, 64, 3, 3], [32, 1, 3, 3], [1000, 512, 1, 1], [10, 512], [5, 7]]


def initialisers(path):
    """For each weight shape [outputs, inputs, ...] the bound of a uniform or the deviation of a normal distribution."""
    lines = []
    for shape in SHAPES:
        fan_in, fan_out = nn.init._calculate_fan_in_and_fan_out(torch.empty(shape))
        relu = nn.init.calculate_gain("relu")
        entry = {
            "shape": shape, "fan_in": fan_in, "fan_out": fan_out,
            # kaiming_uniform(a = sqrt 5): gain sqrt(1/3), times sqrt(3 / fan_in).
            "pytorch_default_weight": {"distribution": "uniform", "bound": 1 / math.sqrt(fan_in)},
            "pytorch_default_bias": {"distribution": "uniform", "bound": 1 / math.sqrt(fan_in)},
            "kaiming_normal_fan_out_relu": {"distribution": "normal", "deviation": relu / math.sqrt(fan_out)},
            "kaiming_normal_fan_in_relu": {"distribution": "normal", "deviation": relu / math.sqrt(fan_in)},
            "kaiming_uniform_fan_in_relu": {"distribution": "uniform", "bound": relu * math.sqrt(3 / fan_in)},
            "xavier_uniform": {"distribution": "uniform", "bound": math.sqrt(6 / (fan_in + fan_out))},
            "xavier_normal": {"distribution": "normal", "deviation": math.sqrt(2 / (fan_in + fan_out))},
        }
        check_initialisers(shape, entry)
        lines.append("  " + json.dumps(entry) + ("," if shape is not SHAPES[-1] else ""))
    save_json(path, ["["] + lines + ["]"])


def check_initialisers(shape, entry):
    """What PyTorch draws must agree with the formulas."""
    torch.manual_seed(0)
    outputs, inputs = shape[:2]
    layer = nn.Linear(inputs, outputs) if len(shape) == 2 else nn.Conv2d(
        inputs * (32 if shape == [32, 1, 3, 3] else 1), outputs, shape[2],
        groups=32 if shape == [32, 1, 3, 3] else 1)
    assert list(layer.weight.shape) == shape
    drawn = {"pytorch_default_weight": layer.weight, "pytorch_default_bias": layer.bias}
    for key, fill in {
        "kaiming_normal_fan_out_relu": lambda w: nn.init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu"),
        "kaiming_normal_fan_in_relu": lambda w: nn.init.kaiming_normal_(w, mode="fan_in", nonlinearity="relu"),
        "kaiming_uniform_fan_in_relu": lambda w: nn.init.kaiming_uniform_(w, mode="fan_in", nonlinearity="relu"),
        "xavier_uniform": nn.init.xavier_uniform_,
        "xavier_normal": nn.init.xavier_normal_,
    }.items():
        drawn[key] = fill(torch.empty(shape))
    for key, array in drawn.items():
        # Of a uniform distribution the largest of n draws lies about bound/n below the bound.
        slack = 6 / array.numel()
        if "bound" in entry[key]:
            ratio = array.abs().max().item() / entry[key]["bound"]
            assert 1 - slack - 1e-6 < ratio < 1 + 1e-6, (shape, key, ratio)
        else:
            ratio = array.std().item() / entry[key]["deviation"]
            assert abs(ratio - 1) < 4 / math.sqrt(2 * array.numel()), (shape, key, ratio)


OPTIMIZERS = {
    "sgd": (optim.SGD, {"lr": 0.1}),
    "sgd-decay": (optim.SGD, {"lr": 0.1, "weight_decay": 0.05}),
    "momentum": (optim.SGD, {"lr": 0.05, "momentum": 0.9}),
    "momentum-decay": (optim.SGD, {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.05}),
    "nesterov": (optim.SGD, {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    "nesterov-decay": (optim.SGD, {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.05}),
    "adagrad": (optim.Adagrad, {"lr": 0.1, "eps": 1e-10}),
    "adagrad-decay": (optim.Adagrad, {"lr": 0.1, "eps": 1e-10, "weight_decay": 0.05}),
    "adagrad-settings": (
        optim.Adagrad, {"lr": 0.1, "eps": 1e-10, "lr_decay": 0.1, "initial_accumulator_value": 0.5}),
    "adadelta-decay": (optim.Adadelta, {"lr": 1.0, "rho": 0.9, "eps": 1e-6, "weight_decay": 0.05}),
    "adadelta": (optim.Adadelta, {"lr": 1.0, "rho": 0.9, "eps": 1e-6}),
    "rmsprop": (optim.RMSprop, {"lr": 0.01, "alpha": 0.99, "eps": 1e-8}),
    "rmsprop-momentum": (optim.RMSprop, {"lr": 0.01, "alpha": 0.99, "eps": 1e-8, "momentum": 0.9}),
    "rmsprop-decay": (optim.RMSprop, {"lr": 0.01, "alpha": 0.99, "eps": 1e-8, "weight_decay": 0.05}),
    "rmsprop-centered": (optim.RMSprop, {"lr": 0.01, "alpha": 0.9, "eps": 1e-8, "centered": True}),
    "rmsprop-centered-momentum-decay": (
        optim.RMSprop,
        {"lr": 0.01, "alpha": 0.9, "eps": 1e-8, "centered": True, "momentum": 0.9, "weight_decay": 0.05}),
    "adam": (optim.Adam, {"lr": 0.01, "betas": [0.9, 0.999], "eps": 1e-8}),
    "adam-decay": (optim.Adam, {"lr": 0.01, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.05}),
    "adamw": (optim.AdamW, {"lr": 0.01, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.0}),
    "adamw-decay": (optim.AdamW, {"lr": 0.01, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.05}),
}


def optimizers(path):
    """Ten steps with recorded gradients. 35 elements: whole vectors of 16 and of 8, and a rest."""
    torch.manual_seed(7)
    start = given(torch.randn(35, dtype=torch.float64))
    gradients = given(torch.randn(10, 35, dtype=torch.float64))
    gradients[4, 3] = 0.0
    arrays, metadata = {"start": stored(start), "gradients": stored(gradients)}, {}
    for name, (kind, settings) in OPTIMIZERS.items():
        value = start.clone().requires_grad_()
        optimizer = kind([value], **settings)
        values = []
        for gradient in gradients:
            value.grad = gradient.clone()
            optimizer.step()
            values.append(value.detach().clone())
        arrays[f"values/{name}"] = torch.stack(values)
        metadata[f"values/{name}"] = json.dumps({"kind": kind.__name__, **settings})
    save(path, arrays, metadata)


def schedules(path):
    """Learning rates: element e is the rate after e finished epochs, so element 0 is the start and there are eleven."""
    lines = []
    for name, make, settings in [
        ("step", optim.lr_scheduler.StepLR, {"step_size": 3, "gamma": 0.5}),
        ("step-default", optim.lr_scheduler.StepLR, {"step_size": 4, "gamma": 0.1}),
        ("multi-step", optim.lr_scheduler.MultiStepLR, {"milestones": [2, 3, 7], "gamma": 0.5}),
        ("exponential", optim.lr_scheduler.ExponentialLR, {"gamma": 0.9}),
        ("cosine", optim.lr_scheduler.CosineAnnealingLR, {"T_max": 10, "eta_min": 0.0}),
        ("cosine-minimum", optim.lr_scheduler.CosineAnnealingLR, {"T_max": 10, "eta_min": 0.01}),
    ]:
        optimizer = optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
        schedule = make(optimizer, **settings)
        rates = [schedule.get_last_lr()[0]]
        for _ in range(10):
            optimizer.step()
            schedule.step()
            rates.append(schedule.get_last_lr()[0])
        lines.append("  " + json.dumps(
            {"name": name, "kind": make.__name__, "base": 0.1, "settings": settings, "learning_rates": rates}))
    save_json(path, ["["] + [line + "," for line in lines[:-1]] + [lines[-1], "]"])


def restarts(path):
    """Warm restarts, stepped a batch: element b is the rate of batch b; four batches an epoch."""
    lines = []
    for name, settings in [
        ("equal", {"T_0": 3, "T_mult": 1, "eta_min": 0.0}), ("doubling", {"T_0": 2, "T_mult": 2, "eta_min": 0.01}),
        ("tripling", {"T_0": 1, "T_mult": 3, "eta_min": 0.0}),
    ]:
        optimizer = optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
        schedule = optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, **settings)
        rates = []
        for batch in range(4 * 10):
            optimizer.step()
            schedule.step(batch / 4)
            rates.append(schedule.get_last_lr()[0])
        lines.append("  " + json.dumps({"name": name, "base": 0.1, "settings": settings, "learning_rates": rates}))
    save_json(path, ["["] + [line + "," for line in lines[:-1]] + [lines[-1], "]"])


LOSSES = [
    1.0, 0.9, 0.9, 0.89995, 0.95, 0.9, 0.91, 0.8, 0.8, 0.79999, 0.81, 0.8, 0.8, 0.85, 0.8, 0.79, 0.79, 0.79, 0.79,
    0.79, 0.79, 0.79, 0.79, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]


def plateaus(path):
    """Element e is the rate of epoch e, whose loss is element e of the losses."""
    lines = []
    for name, settings in [
        ("plain", {"factor": 0.1, "patience": 2, "threshold": 1e-4, "cooldown": 0, "min_lr": 0.0}),
        ("impatient", {"factor": 0.5, "patience": 0, "threshold": 0.1, "cooldown": 3, "min_lr": 0.02}),
        ("cooldown", {"factor": 0.3, "patience": 1, "threshold": 1e-4, "cooldown": 2, "min_lr": 1e-3}),
        ("default", {}),
    ]:
        optimizer = optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
        schedule = optim.lr_scheduler.ReduceLROnPlateau(optimizer, **settings)
        rates = []
        for loss in LOSSES:
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step(loss)
        lines.append("  " + json.dumps(
            {"name": name, "base": 0.1, "settings": settings, "losses": LOSSES, "learning_rates": rates}))
    save_json(path, ["["] + [line + "," for line in lines[:-1]] + [lines[-1], "]"])


def averages(path):
    """Eight averages of recorded weights, and gradients clipped by PyTorch."""
    torch.manual_seed(11)
    weights = given(torch.randn(8, 35, dtype=torch.float64))
    model = nn.Linear(35, 1, bias=False, dtype=torch.float64)
    average = optim.swa_utils.AveragedModel(model, multi_avg_fn=optim.swa_utils.get_ema_multi_avg_fn(0.9))
    values = []
    for row in weights:
        with torch.no_grad():
            model.weight.copy_(row)
        average.update_parameters(model)
        values.append(average.module.weight.detach()[0].clone())
    arrays = {"weights": stored(weights), "averages": torch.stack(values)}
    gradients = [given(torch.randn(35, dtype=torch.float64)), given(3 * torch.randn(6, dtype=torch.float64))]
    arrays |= {f"gradient/{index}": stored(gradient) for index, gradient in enumerate(gradients)}
    for name, clip in {
        "norm": lambda cells: nn.utils.clip_grad_norm_(cells, 2.5),
        "loose-norm": lambda cells: nn.utils.clip_grad_norm_(cells, 1000),
        "value": lambda cells: nn.utils.clip_grad_value_(cells, 0.75),
    }.items():
        cells = [torch.zeros_like(gradient, requires_grad=True) for gradient in gradients]
        for cell, gradient in zip(cells, gradients):
            cell.grad = gradient.clone()
        clip(cells)
        arrays |= {f"clipped/{name}/{index}": cell.grad for index, cell in enumerate(cells)}
    save(path, arrays, {})


def identity(path):
    """Training in which names do not tell parameters apart: two models whose layers have the same names, layers that two
    models share, tied weights, parameters of no model. Each case has the values before and after its steps."""
    torch.manual_seed(23)
    arrays = {}

    def layer(inputs, outputs):
        layer = nn.Linear(inputs, outputs, dtype=torch.float64)
        with torch.no_grad():
            for cell in layer.parameters():
                cell.copy_(given(cell))
        return layer

    def keep(case, moment, layers):
        for name, layer in layers.items():
            for cell, value in layer.named_parameters():
                arrays[f"{case}/{moment}/{name}.{cell}"] = value.detach().clone()

    x = given(torch.randn(4, 3, dtype=torch.float64))
    targets = given(torch.randn(4, 2, dtype=torch.float64))
    arrays |= {"x": stored(x), "targets": stored(targets)}

    def run(case, layers, optimizer, losses, steps=5, after=lambda: None, clip=None):
        keep(case, "start", layers)
        for step in range(steps):
            optimizer.zero_grad(set_to_none=True)
            losses[step % len(losses)]().backward()
            if clip:
                nn.utils.clip_grad_norm_([cell for layer in layers.values() for cell in layer.parameters()], clip)
            optimizer.step()
            after()
        keep(case, "end", layers)

    def chain(width):
        first, second = layer(3, width), layer(width, 3)
        cells = list(first.parameters()) + list(second.parameters())
        loss = lambda: nn.functional.mse_loss(second(torch.relu(first(x))), x)
        return {"encoder.fc": first, "decoder.fc": second}, cells, loss

    layers, cells, loss = chain(3)
    run("adam", layers, optim.Adam(cells, lr=0.01), [loss])
    layers, cells, loss = chain(3)
    run("momentum", layers, optim.SGD(cells, lr=0.1, momentum=0.9), [loss])
    layers, cells, loss = chain(5)
    run("shapes", layers, optim.Adam(cells, lr=0.01), [loss])
    layers, cells, loss = chain(3)
    groups = [{"params": cells[:2], "lr": 0.002, "weight_decay": 0.1}, {"params": cells[2:]}]
    run("groups", layers, optim.Adam(groups, lr=0.01), [loss], clip=0.05)
    layers, cells, loss = chain(3)
    cells[0].requires_grad_(False)
    run("frozen", layers, optim.Adam(cells, lr=0.01), [loss])

    layers, cells, loss = chain(3)
    averaged = [optim.swa_utils.AveragedModel(one, multi_avg_fn=optim.swa_utils.get_ema_multi_avg_fn(0.9))
                for one in layers.values()]
    update = lambda: [average.update_parameters(one) for average, one in zip(averaged, layers.values())]
    run("average", layers, optim.Adam(cells, lr=0.01), [loss], after=update)
    keep("average", "average", {name: average.module for name, average in zip(layers, averaged)})

    # Two models take turns; what only one of them has is left alone in the other's turn.
    encoder, left, right = layer(3, 4), layer(4, 3), layer(4, 2)
    cells = [cell for one in (encoder, left, right) for cell in one.parameters()]
    run("shared", {"encoder.fc": encoder, "left.fc": left, "right.fc": right}, optim.Adam(cells, lr=0.01), [
        lambda: nn.functional.mse_loss(left(torch.relu(encoder(x))), x),
        lambda: nn.functional.mse_loss(right(torch.relu(encoder(x))), targets)], steps=6)

    tied = layer(3, 4)
    run("tied", {"fc": tied}, optim.Adam(tied.parameters(), lr=0.01), [
        lambda: nn.functional.mse_loss(torch.relu(tied(x)) @ tied.weight, x)])

    p, q = (torch.ones(1, dtype=torch.float64, requires_grad=True) for _ in range(2))
    optimizer = optim.Adam([p, q], lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        (p ** 2 + 100 * q ** 2).sum().backward()
        optimizer.step()
    arrays |= {"loose/end/p": p.detach(), "loose/end/q": q.detach()}
    save(path, arrays, {})


def write(root):
    root = pathlib.Path(root)
    initialisers(root / "LayersTests/Goldens/initialisers.json")
    optimizers(root / "TrainingTests/Goldens/optimizers.safetensors")
    schedules(root / "TrainingTests/Goldens/schedules.json")
    restarts(root / "TrainingTests/Goldens/restarts.json")
    plateaus(root / "TrainingTests/Goldens/plateaus.json")
    averages(root / "TrainingTests/Goldens/averages.safetensors")
    identity(root / "TrainingTests/Goldens/identity.safetensors")
