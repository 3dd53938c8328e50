"""Golden values of the zoo's further networks, small, and the names of all at full size.

The architectures are written out here, with the names of torchvision and of the networks' sources. Weights and inputs
follow the formula of goldens_store.py, so that of each network a few samples are stored.
"""

import json
import pathlib

import torch
from torch import nn

from goldens_networks import (
    BasicBlock, ResNet as BasicResNet, SqueezeNet, clearance, fill_by_formula, full, input_by_formula)


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions beside a shortcut (He et al., 2015); the 3x3 strides, as in torchvision."""

    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU()
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.relu3 = nn.ReLU()
        self.downsample = None
        if stride != 1 or inputs != 4 * width:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, 4 * width, 1, stride=stride, bias=False), nn.BatchNorm2d(4 * width))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu2(self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x))))))
        return self.relu3(self.bn3(self.conv3(x)) + shortcut)


class ResNet(BasicResNet):
    """torchvision's ResNet of either block."""

    def __init__(self, block, blocks, widths=(64, 128, 256, 512), classes=1000):
        super().__init__(widths, blocks, classes)
        if block == "basic":
            return
        inputs = widths[0]
        for stage, (width, count) in enumerate(zip(widths, blocks)):
            layers = []
            for number in range(count):
                layers.append(Bottleneck(inputs, width, 2 if stage > 0 and number == 0 else 1))
                inputs = 4 * width
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layers))
        self.fc = nn.Linear(inputs, classes)


class CIFARBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut without parameters (option A)."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu_out = nn.ReLU()
        self.stride = stride
        self.before = (outputs - inputs) // 2
        self.after = outputs - inputs - self.before

    def forward(self, x):
        shortcut = nn.functional.pad(
            x[:, :, ::self.stride, ::self.stride], (0, 0, 0, 0, self.before, self.after))
        x = self.relu(self.bn1(self.conv1(x)))
        return self.relu_out(self.bn2(self.conv2(x)) + shortcut)


class CIFARResNet(nn.Module):
    """The residual networks of the paper's section 4.2, under the names of Idelbayev's port."""

    def __init__(self, blocks, widths=(16, 32, 64), classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.relu = nn.ReLU()
        inputs = widths[0]
        for stage, width in enumerate(widths):
            layers = []
            for number in range(blocks):
                layers.append(CIFARBlock(inputs, width, 2 if stage > 0 and number == 0 else 1))
                inputs = width
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layers))
        self.linear = nn.Linear(inputs, classes)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(self.relu(self.bn1(self.conv1(x))))))
        return self.linear(x.mean(dim=(2, 3)))


class VGG(nn.Module):
    """torchvision's VGG, its widths divided by `divisor`, dropout off."""

    def __init__(self, depth, batch_norm, divisor=1, classes=1000):
        super().__init__()
        counts = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}[depth]
        layers, inputs = [], 3
        for width, count in zip((64, 128, 256, 512, 512), counts):
            for _ in range(count):
                layers.append(nn.Conv2d(inputs, width // divisor, 3, padding=1))
                if batch_norm:
                    layers.append(nn.BatchNorm2d(width // divisor))
                layers.append(nn.ReLU())
                inputs = width // divisor
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        hidden = 4096 // divisor
        self.classifier = nn.Sequential(
            nn.Linear(512 // divisor * 49, hidden), nn.ReLU(), nn.Dropout(0.0),
            nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(0.0), nn.Linear(hidden, classes))

    def forward(self, x):
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


class XAINet(nn.Module):
    """VGG-16's convolutions without bias, with batch normalisation; log-probabilities; dropout off."""

    def __init__(self, divisor=1, classes=2):
        super().__init__()
        layers, inputs = [], 3
        for width, count in [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]:
            for number in range(count):
                layers += [
                    nn.Conv2d(inputs, width // divisor, 3, padding=1 if layers else 0, bias=False),
                    nn.BatchNorm2d(width // divisor), nn.ReLU()]
                if number < count - 1:
                    layers.append(nn.Dropout(0.0))
                inputs = width // divisor
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        width = 512 // divisor
        self.classifier = nn.Sequential(
            nn.Linear(width, width, bias=False), nn.Dropout(0.0), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(0.0),
            nn.Linear(width, classes))

    def forward(self, x):
        return self.classifier(self.features(x).mean(dim=(2, 3))).log_softmax(dim=1)


class AlexNet(nn.Module):
    """torchvision's AlexNet, or that of 2012 in one tower; dropout off."""

    def __init__(self, variant, divisor=1, classes=1000):
        super().__init__()
        d = divisor
        if variant == "torchvision":
            layers = [
                nn.Conv2d(3, 64 // d, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
                nn.Conv2d(64 // d, 192 // d, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
                nn.Conv2d(192 // d, 384 // d, 3, padding=1), nn.ReLU(),
                nn.Conv2d(384 // d, 256 // d, 3, padding=1), nn.ReLU(),
                nn.Conv2d(256 // d, 256 // d, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2)]
        else:
            def normalization():
                return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2.0)

            layers = [
                nn.Conv2d(3, 96 // d, 11, stride=4), nn.ReLU(), normalization(), nn.MaxPool2d(3, 2),
                nn.Conv2d(96 // d, 256 // d, 5, padding=2, groups=2), nn.ReLU(), normalization(), nn.MaxPool2d(3, 2),
                nn.Conv2d(256 // d, 384 // d, 3, padding=1), nn.ReLU(),
                nn.Conv2d(384 // d, 384 // d, 3, padding=1, groups=2), nn.ReLU(),
                nn.Conv2d(384 // d, 256 // d, 3, padding=1, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2)]
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(6)
        self.classifier = nn.Sequential(
            nn.Dropout(0.0), nn.Linear(256 // d * 36, 4096 // d), nn.ReLU(),
            nn.Dropout(0.0), nn.Linear(4096 // d, 4096 // d), nn.ReLU(), nn.Linear(4096 // d, classes))

    def forward(self, x):
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


class LeNet5(nn.Module):
    """LeNet-5 with relu and max pooling, or with tanh and average pooling; images of 28x28 are padded."""

    def __init__(self, variant, side=28, channels=1, classes=10):
        super().__init__()
        modern = variant == "modern"

        def activation():
            return nn.ReLU() if modern else nn.Tanh()

        self.conv1 = nn.Conv2d(channels, 6, 5, padding=(32 - side) // 2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, classes)
        self.f1, self.f2, self.f3, self.f4 = (activation() for _ in range(4))
        self.s1, self.s2 = (nn.MaxPool2d(2) if modern else nn.AvgPool2d(2) for _ in range(2))

    def forward(self, x):
        x = self.s2(self.f2(self.conv2(self.s1(self.f1(self.conv1(x)))))).flatten(1)
        return self.fc3(self.f4(self.fc2(self.f3(self.fc1(x)))))


class MLP(nn.Module):
    """Fully connected layers with an activation between them, dropout off."""

    def __init__(self, widths, activation=nn.ReLU):
        super().__init__()
        self.count = len(widths) - 1
        for number in range(self.count):
            setattr(self, f"fc{number + 1}", nn.Linear(widths[number], widths[number + 1]))
            setattr(self, f"act{number + 1}", activation())

    def forward(self, x):
        x = x.flatten(1)
        for number in range(1, self.count):
            x = getattr(self, f"act{number}")(getattr(self, f"fc{number}")(x))
        return getattr(self, f"fc{self.count}")(x)


class FashionCNN(nn.Module):
    """Two convolutions with batch normalisation and three linear layers, dropout off."""

    def __init__(self, divisor=1, classes=10):
        super().__init__()
        d = divisor
        self.layer1 = nn.Sequential(
            nn.Conv2d(1, 32 // d, 3, padding=1), nn.BatchNorm2d(32 // d), nn.ReLU(), nn.MaxPool2d(2))
        self.layer2 = nn.Sequential(
            nn.Conv2d(32 // d, 64 // d, 3), nn.BatchNorm2d(64 // d), nn.ReLU(), nn.MaxPool2d(2))
        self.fc1 = nn.Linear(64 // d * 36, 600 // d)
        self.fc2 = nn.Linear(600 // d, 120 // d)
        self.fc3 = nn.Linear(120 // d, classes)

    def forward(self, x):
        return self.fc3(self.fc2(self.fc1(self.layer2(self.layer1(x)).flatten(1))))


class SimpleConvNet(nn.Module):
    """One convolution, one pool, one hidden layer."""

    def __init__(self, filters=30, hidden=100, classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(1, filters, 5)
        self.relu1, self.pool, self.relu2 = nn.ReLU(), nn.MaxPool2d(2), nn.ReLU()
        self.fc1 = nn.Linear(filters * 144, hidden)
        self.fc2 = nn.Linear(hidden, classes)

    def forward(self, x):
        return self.fc2(self.relu2(self.fc1(self.pool(self.relu1(self.conv1(x))).flatten(1))))


def published():
    """Every network of the registry at full size, by its name."""
    blocks = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
    for depth, counts in blocks.items():
        yield f"resnet{depth}", lambda: ResNet("basic" if depth < 50 else "bottleneck", counts)
    for depth in (20, 32, 44, 56, 110):
        yield f"resnet{depth}", lambda: CIFARResNet((depth - 2) // 6)
    yield "squeezenet1_1", lambda: SqueezeNet(1, 1000, True)
    yield "alexnet", lambda: AlexNet("torchvision")
    yield "alexnet-original", lambda: AlexNet("original")
    for depth in (11, 13, 16, 19):
        yield f"vgg{depth}", lambda: VGG(depth, False)
        yield f"vgg{depth}_bn", lambda: VGG(depth, True)
    yield "xai", XAINet
    yield "lenet5", lambda: LeNet5("modern")
    yield "lenet5-original", lambda: LeNet5("original")
    yield "mlp", lambda: MLP((784, 256, 128, 10))
    yield "mlp-784-300-100-10", lambda: MLP((784, 300, 100, 10))
    yield "dbn", lambda: MLP((784, 500, 250, 10))
    yield "fashion-dnn", lambda: MLP((784, 256, 128, 10))
    yield "fashion-cnn", FashionCNN
    yield "simple-convnet", SimpleConvNet


# Name, network, shape of the input, its k, and the labels. The k are those that `search` found.
TOYS = [
    ("resnet-bottleneck", lambda: ResNet("bottleneck", (2, 1, 1, 1), (4, 6, 8, 10), 5), (2, 3, 64, 64), 59, (1, 2)),
    ("resnet-cifar", lambda: CIFARResNet(2, (4, 7, 12), 5), (2, 3, 17, 16), 44, (1, 2)),
    ("alexnet", lambda: AlexNet("torchvision", 16, 5), (2, 3, 127, 95), 46, (1, 2)),
    ("alexnet-original", lambda: AlexNet("original", 16, 5), (2, 3, 131, 99), 126, (1, 2)),
    ("vgg", lambda: VGG(11, False, 16, 5), (2, 3, 64, 70), 85, (1, 2)),
    ("vgg-batch-norm", lambda: VGG(11, True, 16, 5), (3, 3, 64, 70), 126, (1, 2, 4)),
    ("xai", lambda: XAINet(16, 5), (5, 3, 66, 75), 71, (1, 2, 4, 0, 3)),
    ("lenet5", lambda: LeNet5("modern"), (2, 1, 28, 28), 26, (1, 2)),
    ("lenet5-original", lambda: LeNet5("original", 32, 3, 5), (2, 3, 32, 32), 0, (1, 2)),
    ("mlp", lambda: MLP((48, 9, 7, 5)), (2, 3, 4, 4), 30, (1, 2)),
    ("dbn", lambda: MLP((48, 9, 7, 5), nn.Sigmoid), (2, 3, 4, 4), 30, (1, 2)),
    ("fashion-cnn", lambda: FashionCNN(8, 5), (2, 1, 28, 28), 110, (1, 2)),
    ("simple-convnet", lambda: SimpleConvNet(6, 12, 5), (2, 1, 28, 28), 2, (1, 2)),
]


def write_names(path, network):
    """The number of parameters, then the state dictionary in its order: a name and its extents a line."""
    lines = [str(sum(parameter.numel() for parameter in network.parameters()))]
    for name, array in network.state_dict().items():
        lines.append(" ".join([name, "x".join(str(size) for size in array.shape)]).strip())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def write(root):
    folder = pathlib.Path(root) / "ModelsTests/Goldens"
    for name, network in published():
        with torch.device("meta"):
            write_names(folder / f"names/{name}.txt", network())
    for name, network, shape, k, labels in TOYS:
        network = network().double()
        fill_by_formula(network)
        full(folder / f"zoo-{name}.safetensors", network, input_by_formula(shape, k),
             {"input_shape": json.dumps(shape), "input_k": str(k)}, labels)


def search():
    """Prints inputs that lie far from kinks, best last."""
    for name, network, shape, _, _ in TOYS:
        network = network().double()
        fill_by_formula(network)
        found = [(clearance(network, input_by_formula(shape, k)), k) for k in range(0, 160)]
        print(name, sorted(found)[-2:], flush=True)


if __name__ == "__main__":
    search()
