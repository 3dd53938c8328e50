#!/usr/bin/env python3
"""Writes small checkpoints as hubs have them, to Tests/ModelsTests/Goldens/hub: random weights under the names that Hugging
Face's transformers and timm give them, the files that describe them, and the network's outputs in float64.

    python3 tools/goldens_hub.py

The networks are written out here, as neither library is needed. Needs torch 2.13 (CPU), numpy and safetensors.
"""

import json
import pathlib

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "Tests/ModelsTests/Goldens/hub"


class Layer(nn.Module):
    """transformers' convolution with normalization."""

    def __init__(self, inputs, outputs, kernel, stride=1, groups=1, activation=nn.Identity(), same=False, epsilon=1e-5):
        super().__init__()
        self.convolution = nn.Conv2d(
            inputs, outputs, kernel, stride, 0 if same else kernel // 2, groups=groups, bias=False)
        self.normalization = nn.BatchNorm2d(outputs, eps=epsilon)
        self.activation = activation
        self.same = same

    def forward(self, x):
        if self.same:
            # TensorFlow's padding: the odd zero at the end.
            sides = []
            for size in (x.shape[-1], x.shape[-2]):
                kernel, stride = self.convolution.kernel_size[0], self.convolution.stride[0]
                zeros = max(kernel - (stride if size % stride == 0 else size % stride), 0)
                sides += [zeros // 2, zeros - zeros // 2]
            x = functional.pad(x, sides)
        return self.activation(self.normalization(self.convolution(x)))


class ResNetBlock(nn.Module):
    def __init__(self, inputs, outputs, stride, bottleneck):
        super().__init__()
        relu = nn.ReLU()
        if inputs != outputs or stride != 1:
            self.shortcut = Layer(inputs, outputs, 1, stride)
            del self.shortcut.activation
            self.shortcut.activation = nn.Identity()
        else:
            self.shortcut = nn.Identity()
        inner = outputs // 4
        self.layer = (
            nn.Sequential(Layer(inputs, inner, 1, activation=relu), Layer(inner, inner, 3, stride, activation=relu),
                          Layer(inner, outputs, 1))
            if bottleneck else
            nn.Sequential(Layer(inputs, outputs, 3, stride, activation=relu), Layer(outputs, outputs, 3)))

    def forward(self, x):
        return torch.relu(self.layer(x) + self.shortcut(x))


class Named(nn.Module):
    """Children by name."""

    def __init__(self, **children):
        super().__init__()
        for name, child in children.items():
            self.add_module(name, child)


class ResNet(nn.Module):
    def __init__(self, stem, sizes, depths, bottleneck, classes):
        super().__init__()
        stages, inputs = [], stem
        for stage, (size, depth) in enumerate(zip(sizes, depths)):
            blocks = []
            for block in range(depth):
                blocks.append(ResNetBlock(inputs, size, 2 if stage and not block else 1, bottleneck))
                inputs = size
            stages.append(Named(layers=nn.Sequential(*blocks)))
        self.resnet = Named(
            embedder=Named(embedder=Layer(3, stem, 7, 2, activation=nn.ReLU())),
            encoder=Named(stages=nn.ModuleList(stages)))
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(inputs, classes))

    def forward(self, x):
        x = functional.max_pool2d(self.resnet.embedder.embedder(x), 3, 2, 1)
        for stage in self.resnet.encoder.stages:
            x = stage.layers(x)
        return self.classifier(x.mean((2, 3), keepdim=True))


# The paper's table 2: expansion, channels, blocks, stride.
STAGES = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
MULTIPLIER, HEAD = 0.28, 1280


def width(channels):
    wanted = channels * MULTIPLIER
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wanted else rounded


class MobileNetV2(nn.Module):
    """transformers' names; its first block is a part of the stem."""

    def __init__(self, classes, same=True, epsilon=1e-3):
        super().__init__()
        relu6 = nn.ReLU6()

        def layer(*sizes, **options):
            return Layer(*sizes, same=same, epsilon=epsilon, **options)

        layers, inputs = [], width(16)
        for expansion, channels, blocks, stride in STAGES[1:]:
            for block in range(blocks):
                hidden, outputs = inputs * expansion, width(channels)
                layers.append(Named(
                    expand_1x1=layer(inputs, hidden, 1, activation=relu6),
                    conv_3x3=layer(hidden, hidden, 3, stride if not block else 1, groups=hidden, activation=relu6),
                    reduce_1x1=layer(hidden, outputs, 1)))
                layers[-1].is_residual = inputs == outputs and (block > 0 or stride == 1)
                inputs = outputs
        self.mobilenet_v2 = Named(
            conv_stem=Named(
                first_conv=layer(3, width(32), 3, 2, activation=relu6),
                conv_3x3=layer(width(32), width(32), 3, groups=width(32), activation=relu6),
                reduce_1x1=layer(width(32), width(16), 1)),
            layer=nn.ModuleList(layers), conv_1x1=layer(inputs, HEAD, 1, activation=relu6))
        self.classifier = nn.Linear(HEAD, classes)

    def forward(self, x):
        body = self.mobilenet_v2
        stem = body.conv_stem
        x = stem.reduce_1x1(stem.conv_3x3(stem.first_conv(x)))
        for layer in body.layer:
            y = layer.reduce_1x1(layer.conv_3x3(layer.expand_1x1(x)))
            x = x + y if layer.is_residual else y
        return self.classifier(body.conv_1x1(x).mean((2, 3)))


def timm_names():
    """timm's name for each tensor of that network: an own walk through its blocks."""
    names = {}

    def put(source, convolution, normalization):
        names[f"{convolution}.weight"] = f"mobilenet_v2.{source}.convolution.weight"
        for part in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
            names[f"{normalization}.{part}"] = f"mobilenet_v2.{source}.normalization.{part}"

    put("conv_stem.first_conv", "conv_stem", "bn1")
    put("conv_stem.conv_3x3", "blocks.0.0.conv_dw", "blocks.0.0.bn1")
    put("conv_stem.reduce_1x1", "blocks.0.0.conv_pw", "blocks.0.0.bn2")
    place = 0
    for stage, (_, _, blocks, _) in list(enumerate(STAGES))[1:]:
        for block in range(blocks):
            target = f"blocks.{stage}.{block}"
            put(f"layer.{place}.expand_1x1", f"{target}.conv_pw", f"{target}.bn1")
            put(f"layer.{place}.conv_3x3", f"{target}.conv_dw", f"{target}.bn2")
            put(f"layer.{place}.reduce_1x1", f"{target}.conv_pwl", f"{target}.bn3")
            place += 1
    put("conv_1x1", "conv_head", "bn2")
    for part in ("weight", "bias"):
        names[f"classifier.{part}"] = f"classifier.{part}"
    return names


def randomized(model):
    generator = torch.Generator().manual_seed(7)
    for name, tensor in model.state_dict().items():
        if not tensor.is_floating_point():
            continue
        values = torch.randn(tensor.shape, generator=generator)
        if name.endswith("running_var"):
            tensor.copy_(0.5 + values.abs())
        elif tensor.dim() > 1:
            tensor.copy_(values * (2 / tensor[0].numel()) ** 0.5)
        else:
            tensor.copy_(values * 0.1 + (1 if name.endswith("normalization.weight") else 0))
    # Half precision makes the files half as large.
    return model.bfloat16().float().eval()


def write(name, model, configuration, preprocessor=None):
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    halves = {
        key: value.bfloat16() if value.is_floating_point() else value for key, value in model.state_dict().items()}
    save_file(halves, folder / "model.safetensors", {"format": "pt"})
    expected(folder / "expected.safetensors", model)
    (folder / "config.json").write_text(json.dumps(configuration, indent=1) + "\n")
    if preprocessor:
        (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor, indent=1) + "\n")


def expected(path, model):
    x = torch.sin(0.37 * torch.arange(2 * 3 * 38 * 33, dtype=torch.float64)).float().reshape(2, 3, 38, 33)
    with torch.no_grad():
        save_file({"input": x, "logits": model.double()(x.double())}, path)
    model.float()


def labels(count):
    names = ["tench", "crane", "crane", "drake", "owl", "lynx"][:count]
    return {str(place): name for place, name in enumerate(names)}


def main():
    convnext = {
        "crop_pct": 0.875, "do_normalize": True, "do_resize": True, "feature_extractor_type": "ConvNextFeatureExtractor",
        "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225], "resample": 3, "size": 224}
    for name, stem, sizes, depths, bottleneck in [
            ("resnet-basic", 8, [8, 12, 16, 24], [2, 1, 1, 2], False),
            ("resnet-bottleneck", 4, [16, 24, 32, 40], [2, 1, 1, 1], True)]:
        model = randomized(ResNet(stem, sizes, depths, bottleneck, 5))
        write(name, model, {
            "architectures": ["ResNetForImageClassification"], "depths": depths, "downsample_in_first_stage": False,
            "embedding_size": stem, "hidden_act": "relu", "hidden_sizes": sizes, "id2label": labels(5),
            "layer_type": "bottleneck" if bottleneck else "basic", "model_type": "resnet", "num_channels": 3}, convnext)
    model = randomized(MobileNetV2(6))
    write("mobilenet_v2", model, {
        "architectures": ["MobileNetV2ForImageClassification"], "depth_multiplier": MULTIPLIER, "hidden_act": "relu6",
        "id2label": labels(6), "layer_norm_eps": 0.001, "model_type": "mobilenet_v2", "num_channels": 3,
        "tf_padding": True},
        {"crop_size": {"height": 224, "width": 224}, "do_center_crop": True, "do_normalize": True, "do_rescale": True,
         "do_resize": True, "image_mean": [0.5, 0.5, 0.5], "image_processor_type": "MobileNetV2ImageProcessor",
         "image_std": [0.5, 0.5, 0.5], "resample": 2, "rescale_factor": 0.00392156862745098,
         "size": {"shortest_edge": 256}})
    # The same weights as timm has them: its names, its padding and its epsilon.
    plain = MobileNetV2(6, same=False, epsilon=1e-5)
    plain.load_state_dict(model.state_dict())
    folder = FOLDER / "mobilenet_v2"
    expected(folder / "timm_expected.safetensors", plain.eval())
    (folder / "timm_names.json").write_text(json.dumps(timm_names(), indent=0) + "\n")


main()
