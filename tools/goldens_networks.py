"""Golden values of whole networks. The architectures are written out here, with torchvision's parameter names."""

import copy
import json
import math
import pathlib

import torch
from torch import nn
from torch.nn import functional

from goldens_store import expected, formula_array, given, save, save_json, stored


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut (He et al., 2015)."""

    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu_out = nn.ReLU()
        self.downsample = None
        if stride != 1 or inputs != width:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, width, 1, stride=stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        return self.relu_out(self.bn2(self.conv2(out)) + shortcut)


class ResNet(nn.Module):
    """torchvision's ResNet with basic blocks: [N, 3, H, W] -> [N, classes]."""

    def __init__(self, widths, blocks, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        inputs = widths[0]
        for stage, (width, count) in enumerate(zip(widths, blocks)):
            layers = []
            for block in range(count):
                layers.append(BasicBlock(inputs, width, 2 if stage > 0 and block == 0 else 1))
                inputs = width
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layers))
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean(dim=(2, 3)))


class Fire(nn.Module):
    """Squeeze to few channels, expand by 1x1 and 3x3 side by side (Iandola et al., 2016)."""

    def __init__(self, inputs, squeeze, expand):
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeeze, 1)
        self.squeeze_relu = nn.ReLU()
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand1x1_relu = nn.ReLU()
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)
        self.expand3x3_relu = nn.ReLU()

    def forward(self, x):
        x = self.squeeze_relu(self.squeeze(x))
        return torch.cat([self.expand1x1_relu(self.expand1x1(x)), self.expand3x3_relu(self.expand3x3(x))], dim=1)


class SqueezeNet(nn.Module):
    """torchvision's SqueezeNet 1.1, its channels divided by `divisor`, dropout off: [N, 3, H, W] -> [N, classes]."""

    def __init__(self, divisor, classes, ceil_mode):
        super().__init__()

        def pool():
            return nn.MaxPool2d(3, stride=2, ceil_mode=ceil_mode)

        def fire(inputs, squeeze, expand):
            return Fire(inputs // divisor, squeeze // divisor, expand // divisor)

        self.features = nn.Sequential(
            nn.Conv2d(3, 64 // divisor, 3, stride=2), nn.ReLU(), pool(),
            fire(64, 16, 64), fire(128, 16, 64), pool(),
            fire(128, 32, 128), fire(256, 32, 128), pool(),
            fire(256, 48, 192), fire(384, 48, 192), fire(384, 64, 256), fire(512, 64, 256))
        self.classifier = nn.Sequential(
            nn.Dropout(0.0), nn.Conv2d(512 // divisor, classes, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1))

    def forward(self, x):
        return self.classifier(self.features(x)).flatten(1)


def fill_by_formula(network):
    """The weights of the full networks, which Swift repeats: k is the tensor's place in the state dictionary."""
    for k, (name, array) in enumerate(network.state_dict().items()):
        if array.dtype == torch.int64:
            array.zero_()
        elif array.dim() >= 2:
            fan_in = array.numel() // array.shape[0]
            array.copy_(formula_array(array.shape, k, math.sqrt(6 / fan_in)))
        elif name.endswith("bias") or name.endswith("running_mean"):
            array.copy_(formula_array(array.shape, k, 0.1))
        else:  # The weight or the running variance of a normalisation.
            array.copy_(formula_array(array.shape, k, 0.1, offset=1.0))


def fill_at_random(network, seed):
    """The weights of the toys, which are stored."""
    torch.manual_seed(seed)
    for name, array in network.state_dict().items():
        if array.dtype == torch.int64:
            array.fill_(3)
        elif array.dim() >= 2:
            fan_in = array.numel() // array.shape[0]
            array.copy_(given(torch.randn(array.shape, dtype=torch.float64) * math.sqrt(2 / fan_in)))
        elif name.endswith("bias") or name.endswith("running_mean"):
            array.copy_(given(torch.randn(array.shape, dtype=torch.float64) * 0.1))
        else:
            array.copy_(given(1 + 0.2 * torch.rand(array.shape, dtype=torch.float64)))


def kinks(network, x):
    """For every relu and every max pooling of a training pass: the distance of each value to a jump of the slope."""
    distances = []

    def relu(module, inputs, output):
        distances.append(inputs[0].detach().double())

    def pool(module, inputs, output):
        windows = inputs[0].detach().double()
        if module.padding:
            windows = functional.pad(windows, [module.padding] * 4, value=-math.inf)
        size, step = module.kernel_size, module.stride
        best = windows.unfold(2, size, step).unfold(3, size, step).flatten(4).topk(2, dim=4).values
        gap = best[..., 0] - best[..., 1]
        # Equal values come from patches where every input is zero: whichever is chosen, no weight's gradient changes.
        distances.append(gap.masked_fill(gap == 0, math.inf))

    hooks = []
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            hooks.append(module.register_forward_hook(relu))
        elif isinstance(module, nn.MaxPool2d):
            hooks.append(module.register_forward_hook(pool))
    network.train()
    network(x)
    for hook in hooks:
        hook.remove()
    return distances


def clearance(network, x):
    """The smallest distance to a kink, as a multiple of the layer's typical float32 error.

    Where it is small, rounding alone may take the other side of a relu, and gradients differ by far more than rounding
    although nothing is wrong. The inputs below were chosen for a large one (this file, run by itself, searches).
    """
    smallest = math.inf
    with torch.no_grad():
        exact = kinks(copy.deepcopy(network), x)
        rounded = kinks(copy.deepcopy(network).float(), x.float())
    for a, b in zip(exact, rounded):
        finite = torch.isfinite(a) & torch.isfinite(b)
        error = (a - b)[finite].square().mean().sqrt()
        smallest = min(smallest, (a[finite].abs().min() / error).item())
    return smallest


def input_by_formula(shape, k):
    return formula_array(shape, k, 1.0)


def input_at_random(shape, seed):
    torch.manual_seed(seed)
    return given(torch.randn(shape, dtype=torch.float64))


def training_step(network, x, labels):
    """One pass in training mode: logits, loss and every gradient; the network keeps its updated statistics.

    The losses of auxiliary heads are added with the share `auxiliary_weight`.
    """
    network.train()
    x = x.clone().requires_grad_()
    outputs = network(x)
    logits, *auxiliary = outputs if isinstance(outputs, tuple) else (outputs,)
    loss = functional.cross_entropy(logits, labels)
    for others in auxiliary:
        loss = loss + network.auxiliary_weight * functional.cross_entropy(others, labels)
    loss.backward()
    return logits, loss, x.grad


def evaluation(network, x):
    network.eval()
    with torch.no_grad():
        return network(x)


def statistics(network):
    return {name: array for name, array in network.named_buffers()}


def toy(path, network, x, metadata):
    """Everything is stored: weights, input, logits, loss, gradients, updated statistics."""
    labels = torch.tensor([1, 3])
    arrays = {"x": stored(x), "labels": labels}
    for name, array in network.state_dict().items():
        arrays[f"weight/{name}"] = array.clone() if array.dtype == torch.int64 else stored(array).clone()
    arrays["logits/inference"] = expected(evaluation(network, x))
    distance = clearance(network, x)
    logits, loss, dx = training_step(network, x, labels)
    arrays["logits/training"] = expected(logits)
    arrays["loss"] = expected(loss)
    arrays["gradient_of_x"] = expected(dx)
    for name, parameter in network.named_parameters():
        arrays[f"gradient/{name}"] = expected(parameter.grad)
    for name, array in statistics(network).items():
        arrays[f"updated/{name}"] = array.clone() if array.dtype == torch.int64 else expected(array)
    arrays["logits/inference_after"] = expected(evaluation(network, x))
    finish(path, arrays, metadata, distance)


def full(path, network, x, metadata, labels=(1, 2), others=None):
    """Weights and input follow the formula and are not stored; of gradients and statistics, samples."""
    labels = torch.tensor(labels)
    arrays = {"labels": labels, "logits/inference": expected(evaluation(network, x)), **(others or {})}
    distance = clearance(network, x)
    logits, loss, _ = training_step(network, x, labels)
    arrays["logits/training"] = expected(logits)
    arrays["loss"] = expected(loss)
    for name, parameter in network.named_parameters():
        gradient = parameter.grad.flatten()
        count = gradient.numel()
        arrays[f"gradient_norm/{name}"] = expected(gradient.norm())
        arrays[f"gradient_first/{name}"] = expected(gradient[:16])
        arrays[f"gradient_spread/{name}"] = expected(gradient[[j * count // 64 for j in range(64)]])
    for name, array in statistics(network).items():
        arrays[f"updated/{name}"] = array.clone() if array.dtype == torch.int64 else expected(array[:16])
    finish(path, arrays, metadata, distance)


def finish(path, arrays, metadata, distance):
    for name, array in arrays.items():
        assert not name.startswith("gradient_norm") or array.item() > 0, f"{name} is zero"
        assert not name.startswith("gradient/") or bool(array.any()), f"{name} is zero"
    assert distance > 8, f"{path}: a kink lies within {distance} float32 errors; choose another input"
    save(path, arrays, metadata)


def names(path, architecture, network):
    """The state dictionary's names, shapes and types, in its order, one a line."""
    entries = [
        json.dumps({"name": name, "shape": list(array.shape), "dtype": str(array.dtype).removeprefix("torch.")})
        for name, array in network.float().state_dict().items()]
    parameters = sum(parameter.numel() for parameter in network.parameters())
    lines = ["{", f'  "architecture": "{architecture}",', f'  "parameters": {parameters},', '  "entries": [']
    lines += ["    " + entry + ("," if entry is not entries[-1] else "") for entry in entries]
    save_json(path, lines + ["  ]", "}"])


TOY_RESNET = {"widths": [8, 16, 24, 32], "blocks": [2, 2, 1, 1], "classes": 5}
RESNET18 = {"widths": [64, 128, 256, 512], "blocks": [2, 2, 2, 2], "classes": 1000}


def write(root):
    folder = pathlib.Path(root) / "ModelsTests/Goldens"

    network = ResNet(**TOY_RESNET).double()
    fill_at_random(network, 1)
    toy(folder / "toy-resnet.safetensors", network, input_at_random((2, 3, 64, 64), 129),
        {"configuration": json.dumps(TOY_RESNET)})

    for name, ceil_mode, seed in [("toy-squeezenet", True, 173), ("toy-squeezenet-floor", False, 385)]:
        configuration = {"divisor": 8, "classes": 5, "ceil_mode": ceil_mode}
        network = SqueezeNet(**configuration).double()
        fill_at_random(network, 181)
        toy(folder / f"{name}.safetensors", network, input_at_random((2, 3, 49, 57), seed),
            {"configuration": json.dumps(configuration)})

    for name, network, shape, k in [
        ("resnet18", ResNet(**RESNET18).double(), (2, 3, 64, 64), 10066),
        ("squeezenet1_1", SqueezeNet(1, 1000, True).double(), (2, 3, 97, 97), 10094),
    ]:
        fill_by_formula(network)
        full(folder / f"{name}.safetensors", network, input_by_formula(shape, k),
             {"input_shape": json.dumps(shape), "input_k": str(k)})
        names(folder / f"names-{name}.json", name, network)


def search():
    """Prints the clearance of other inputs of the full networks, best last."""
    for network, shape in [
        (ResNet(**RESNET18), (2, 3, 64, 64)), (SqueezeNet(1, 1000, True), (2, 3, 97, 97))]:
        network = network.double()
        fill_by_formula(network)
        found = [(clearance(network, input_by_formula(shape, k)), k) for k in range(9999, 10399)]
        print(type(network).__name__, sorted(found)[-3:])


if __name__ == "__main__":
    search()
