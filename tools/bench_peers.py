#!/usr/bin/env python3
"""The peers' side of tools/bench: the workloads of `aviary-bench` as ordinary PyTorch code.

    tools/bench_peers.py WORKLOAD --mode MODE --steps N --warmup W --threads T
    tools/bench_peers.py WORKLOAD --dump FILE.safetensors
    tools/bench_peers.py --list

Prints one JSON line as `aviary-bench --json` does. The same rules hold: no result of a step serves another, parameters
really change, inference may prepare its weights once, and loading reads every value.

--dump writes a network's start weights ("weight/..."), its inputs ("input/...") and the losses of three steps without
dropout ("losses"), for `aviary-bench WORKLOAD --check FILE`. Tests/CommandTests/Goldens/lenet5-train.safetensors is
such a file.
"""

import argparse
import dataclasses
import itertools
import json
import os
import pathlib
import resource
import sys
import tempfile
import time
import types
import typing

sys.dont_write_bytecode = True

import torch
from torch import nn
from torch.nn import functional

from goldens_networks import ResNet
from goldens_recurrent import CharacterModel
from goldens_zoo import MLP, AlexNet, LeNet5, ResNet as ResNetOfEither, XAINet


def resnet18(classes):
    return ResNet([64, 128, 256, 512], [2, 2, 2, 2], classes)


def resnet50(classes):
    return ResNetOfEither("bottleneck", [3, 4, 6, 3], classes=classes)


def mobilenet_v2(classes):
    without_detection()
    from torchvision import models
    return models.mobilenet_v2(num_classes=classes, dropout=0.0)


def densenet121(classes):
    without_detection()
    from torchvision import models
    return models.densenet121(num_classes=classes)


def vit_b_16():
    without_detection()
    from torchvision import models
    return models.vit_b_16()


def dropping(network, rates):
    """The network with these rates of dropout, in the order of its dropout layers; the last one holds for the rest."""
    rates = itertools.chain(rates, itertools.repeat(rates[-1]))
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = next(rates)
    return network


def xai():
    network = dropping(XAINet(), [0.3, 0.4])
    dropping(network.classifier, [0.5])
    return network


def mlp():
    network = MLP((784, 256, 128, 10))
    network.relu1 = nn.Sequential(nn.ReLU(), nn.Dropout(0.25))
    return network


class GCN(nn.Module):
    """Two graph convolutions with dropout between them, products with the graph being sparse."""

    def __init__(self):
        super().__init__()
        self.w1, self.w2, self.dropout = nn.Linear(1433, 16), nn.Linear(16, 7), nn.Dropout(0.5)

    def forward(self, graph, features):
        turned = self.w1.weight.t()
        mapped = features @ turned if features.layout == torch.strided else torch.sparse.mm(features, turned)
        hidden = functional.relu(torch.sparse.mm(graph, mapped) + self.w1.bias)
        return torch.sparse.mm(graph, self.dropout(hidden) @ self.w2.weight.t()) + self.w2.bias


def in_place(network):
    """The network with activations that overwrite their inputs, as torchvision's networks have them."""
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = True
    return network


# ---- Work: each function returns what one step does, and on how many items.

@dataclasses.dataclass
class Work:
    # Returns the loss, if it trains.
    step: typing.Callable
    items: int
    # What --dump writes.
    network: nn.Module | None = None
    inputs: dict = dataclasses.field(default_factory=dict)
    # Called before every step, outside of its time.
    renew: typing.Callable = lambda: None


def training(network, loss, parameters=None, **options):
    optimizer = torch.optim.Adam(parameters or network.parameters(), fused=True, **({"lr": 1e-3} | options))

    def step():
        optimizer.zero_grad(set_to_none=True)
        value = loss()
        value.backward()
        optimizer.step()
        return value
    return step


def images(network, shape, mode, kind="train"):
    """A training step, one of the head alone ("head"), or a prediction ("infer") of random images."""
    in_place(network)
    classes = list(network.parameters())[-1].shape[0]
    x, y = torch.randn(*shape), torch.randint(0, classes, (shape[0],))
    network.train(kind == "train")
    if mode in ("onnxruntime", "openvino"):
        return Work(exported(network, x, mode), shape[0])
    if "channels_last" in mode or mode == "freeze":
        network, x = network.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    if mode == "freeze":
        from torch._inductor import config
        config.freezing = True
    call = in_precision(torch.compile(network) if "compile" in mode or mode == "freeze" else network)
    if kind == "infer":
        def predict():
            with torch.no_grad():
                call(x)
        return Work(predict, shape[0])
    trained = network.parameters()
    if kind == "head":
        network.requires_grad_(False)
        trained = network.fc.requires_grad_(True).parameters()
    step = training(network, lambda: functional.cross_entropy(call(x), y), list(trained))
    return Work(step, shape[0], network, {"x": x, "y": y})


# Of the workload: "f32", or "bf16" where its name says so.
precision = "f32"


def in_precision(call):
    """The same by products of bfloat16, as PyTorch's guide has it: the forward pass alone, and losses of float32."""
    if precision == "f32":
        return call

    def cast(x):
        with torch.autocast("cpu", torch.bfloat16):
            y = call(x)
        return y.float()
    return cast


def exported(network, x, engine):
    path = onnx_file(network, x)
    array = x.numpy()
    if engine == "onnxruntime":
        session = onnxruntime_session(path)
        return lambda: session.run(None, {"x": array})
    request = openvino_request(path)
    return lambda: request.infer({0: array})


def onnx_file(network, x):
    path = tempfile.mkdtemp() + "/network.onnx"
    torch.onnx.export(network, (x,), path, dynamo=False, input_names=["x"])
    return path


def onnxruntime_session(path):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def openvino_request(model):
    import openvino
    hints = {
        "INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "PERFORMANCE_HINT": "LATENCY"}
    return openvino.Core().compile_model(model, "CPU", hints).create_infer_request()


def integers(network, shape, mode):
    """A prediction in 8-bit integers, of new random images each step."""
    network.eval()
    x = torch.randn(*shape)
    if mode == "fx":
        from torch.ao.quantization import get_default_qconfig_mapping, quantize_fx
        torch.backends.quantized.engine = "x86"
        prepared = quantize_fx.prepare_fx(network, get_default_qconfig_mapping("x86"), (x,))
        prepared(x)
        quantized = quantize_fx.convert_fx(prepared)

        def predict():
            with torch.inference_mode():
                quantized(x)
    elif mode == "onnxruntime":
        from onnxruntime import quantization

        class Images(quantization.CalibrationDataReader):
            left = iter([{"x": x.numpy()}])

            def get_next(self):
                return next(self.left, None)
        path = onnx_file(network, x)
        quantization.quantize_static(path, path + ".int8", Images(), per_channel=True)
        session = onnxruntime_session(path + ".int8")

        def predict():
            session.run(None, {"x": x.numpy()})
    else:
        import nncf
        import openvino
        model = openvino.Core().read_model(onnx_file(network, x))
        request = openvino_request(nncf.quantize(model, nncf.Dataset([x.numpy()])))

        def predict():
            request.infer({0: x.numpy()})

    def renew():
        nonlocal x
        x = torch.randn(*shape)
    return Work(predict, shape[0], renew=renew)


def characters(cell, mode):
    network = CharacterModel(cell, 65, 256, 256, 2)
    x, y = torch.randint(0, 65, (32, 100)), torch.randint(0, 65, (32, 100))
    call = torch.compile(network) if mode == "compile" else network
    step = training(network, lambda: functional.cross_entropy(call(x).flatten(0, 1), y.flatten()))
    return Work(step, x.numel(), network, {"x": x, "y": y})


def next_characters(cell, mode):
    """What follows each of 100 characters of one text."""
    network = CharacterModel(cell, 65, 256, 256, 2).eval()
    x = torch.randint(0, 65, (1, 100))
    call = torch.compile(network) if mode == "compile" else network

    def predict():
        with torch.no_grad():
            call(x)
    return Work(predict, x.numel())


class Transformer(nn.Module):
    """Characters through four blocks of width 256 with causal attention of eight heads, normalised first."""

    def __init__(self, symbols=65, width=256, layers=4, steps=128):
        super().__init__()
        self.embed, self.place = nn.Embedding(symbols, width), nn.Parameter(torch.randn(steps, width) * 0.02)
        self.blocks = nn.ModuleList(nn.ModuleDict({
            "ln1": nn.LayerNorm(width), "qkv": nn.Linear(width, 3 * width), "out": nn.Linear(width, width),
            "ln2": nn.LayerNorm(width), "up": nn.Linear(width, 4 * width), "down": nn.Linear(4 * width, width),
        }) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, symbols)

    def forward(self, tokens):
        x = self.embed(tokens) + self.place
        for block in self.blocks:
            parts = block["qkv"](block["ln1"](x)).chunk(3, -1)
            query, key, value = (part.unflatten(-1, (8, -1)).transpose(1, 2) for part in parts)
            mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
            x = x + block["out"](mixed.transpose(1, 2).flatten(2))
            x = x + block["down"](functional.gelu(block["up"](block["ln2"](x))))
        return self.head(self.norm(x))


def transformer(mode):
    network = Transformer()
    x, y = torch.randint(0, 65, (16, 128)), torch.randint(0, 65, (16, 128))
    call = torch.compile(network) if mode == "compile" else network
    step = training(network, lambda: functional.cross_entropy(call(x).flatten(0, 1), y.flatten()))
    return Work(step, x.numel(), network, {"x": x, "y": y})


def graph(mode):
    nodes, edges = 2708, 5278
    ends = torch.randint(0, nodes, (2, edges))
    places = torch.cat([ends, ends.flip(0), torch.arange(nodes).repeat(2, 1)], 1)
    matrix = torch.sparse_coo_tensor(places, torch.ones(places.shape[1]), (nodes, nodes)).coalesce()
    root = torch.sparse.sum(matrix, 1).to_dense().rsqrt()
    (rows, columns), values = matrix.indices(), matrix.values()
    matrix = torch.sparse_coo_tensor(matrix.indices(), values * root[rows] * root[columns], (nodes, nodes))
    matrix = matrix.coalesce().to_sparse_csr()
    features = (torch.rand(nodes, 1433) < 0.0127).float()
    features /= features.sum(1, keepdim=True).clamp(min=1)
    network, y = GCN(), torch.randint(0, 7, (140,))
    inputs = {"a": matrix.to_dense(), "x": features, "y": y}
    if mode == "sparse_features":
        features = features.to_sparse_csr()
    step = training(
        network, lambda: functional.cross_entropy(network(matrix, features)[:140], y), lr=1e-2, weight_decay=5e-4)
    return Work(step, 1, network, inputs)


def file(direction, mode):
    weights = resnet18(1000).state_dict()
    path = tempfile.mkdtemp(dir=os.environ.get("BENCH_DIR")) + "/weights"
    if mode == "torch":
        write, read = lambda: torch.save(weights, path), lambda: torch.load(path, mmap=True, weights_only=True)
    else:
        from safetensors.torch import load_file, save_file
        write, read = lambda: save_file(weights, path), lambda: load_file(path)
    if direction == "save":
        return Work(write, 1)
    write()
    return Work(lambda: [tensor.sum() for tensor in read().values()], 1)


def without_detection():
    """Beside a PyTorch that lacks its detection operators torchvision stops at their registration, which is not needed."""
    for part in ("_meta_registrations", "_autograd_registrations"):
        sys.modules[f"torchvision.{part}"] = types.ModuleType(part)


def photographs():
    """256 photographs in batches of 32, by two workers."""
    without_detection()
    from PIL import Image
    from torchvision import transforms
    data = os.environ.get("AVIARY_SHARED_DATA") or "../shared/data"
    paths = sorted(pathlib.Path(data, "cats-vs-dogs/train").glob("*/*"))
    if not paths:
        sys.exit(f"{data}/cats-vs-dogs: there are no photographs; name their folder with AVIARY_SHARED_DATA")
    change = transforms.Compose([
        transforms.RandomResizedCrop(224), transforms.RandomHorizontalFlip(), transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])

    class Photographs(torch.utils.data.Dataset):
        def __len__(self):
            return 1 << 30

        def __getitem__(self, index):
            return change(Image.open(paths[index * 7919 % len(paths)]).convert("RGB"))
    batches = iter(torch.utils.data.DataLoader(Photographs(), 32, num_workers=2))
    return Work(lambda: [next(batches) for _ in range(8)], 256)


PLAIN = ["eager", "compile"]
CONVOLUTIONS = PLAIN + ["channels_last", "channels_last_compile"]
INFERENCE = CONVOLUTIONS + ["freeze", "onnxruntime", "openvino"]
INTEGERS = ["fx", "onnxruntime", "openvino"]
# ONNX Runtime has no products of bfloat16 on processors.
BFLOAT16 = ["resnet18-train", "resnet18-infer16", "resnet18-infer1", "resnet50-train", "resnet50-infer16", "resnet50-infer1",
            "xai-train", "alexnet-train", "mlp4096-train", "vit_b_16-infer1"]
LARGE = (16, 3, 224, 224)
WORKLOADS = {
    "resnet18-train": (CONVOLUTIONS, lambda mode: images(resnet18(2), LARGE, mode)),
    "resnet18-features": (CONVOLUTIONS, lambda mode: images(resnet18(2), LARGE, mode, "head")),
    "resnet18-infer16": (INFERENCE, lambda mode: images(resnet18(1000), LARGE, mode, "infer")),
    "resnet18-infer1": (INFERENCE, lambda mode: images(resnet18(1000), (1, 3, 224, 224), mode, "infer")),
    "resnet18-train1": (CONVOLUTIONS, lambda mode: images(resnet18(2), (1, 3, 224, 224), mode)),
    "resnet18-infer16-int8": (INTEGERS, lambda mode: integers(resnet18(1000), LARGE, mode)),
    "resnet18-infer1-int8": (INTEGERS, lambda mode: integers(resnet18(1000), (1, 3, 224, 224), mode)),
    "resnet50-train": (CONVOLUTIONS, lambda mode: images(resnet50(2), LARGE, mode)),
    "resnet50-infer16": (INFERENCE, lambda mode: images(resnet50(1000), LARGE, mode, "infer")),
    "resnet50-infer1": (INFERENCE, lambda mode: images(resnet50(1000), (1, 3, 224, 224), mode, "infer")),
    "mobilenetv2-train": (CONVOLUTIONS, lambda mode: images(mobilenet_v2(2), LARGE, mode)),
    "mobilenetv2-infer16": (INFERENCE, lambda mode: images(mobilenet_v2(1000), LARGE, mode, "infer")),
    "mobilenetv2-infer1": (INFERENCE, lambda mode: images(mobilenet_v2(1000), (1, 3, 224, 224), mode, "infer")),
    "densenet121-train": (CONVOLUTIONS, lambda mode: images(densenet121(2), LARGE, mode)),
    "densenet121-infer16": (INFERENCE, lambda mode: images(densenet121(1000), LARGE, mode, "infer")),
    "densenet121-infer1": (INFERENCE, lambda mode: images(densenet121(1000), (1, 3, 224, 224), mode, "infer")),
    "xai-train": (CONVOLUTIONS, lambda mode: images(xai(), (32, 3, 100, 100), mode)),
    "alexnet-train": (
        CONVOLUTIONS, lambda mode: images(dropping(AlexNet("torchvision"), [0.5]), (32, 3, 224, 224), mode)),
    "lenet5-train": (PLAIN, lambda mode: images(LeNet5("modern"), (64, 1, 28, 28), mode)),
    "lenet5-train8": (PLAIN, lambda mode: images(LeNet5("modern"), (8, 1, 28, 28), mode)),
    "lenet5-train256": (PLAIN, lambda mode: images(LeNet5("modern"), (256, 1, 28, 28), mode)),
    "mlp-train": (PLAIN, lambda mode: images(mlp(), (100, 1, 28, 28), mode)),
    "mlp4096-train": (PLAIN, lambda mode: images(MLP((4096, 4096, 4096, 1000)), (256, 4096), mode)),
    "lstm-train": (PLAIN, lambda mode: characters(nn.LSTM, mode)),
    "rnn-train": (PLAIN, lambda mode: characters(nn.RNN, mode)),
    "lstm-infer1": (PLAIN, lambda mode: next_characters(nn.LSTM, mode)),
    "gcn-train": (["eager", "sparse_features"], graph),
    "save": (["torch", "safetensors"], lambda mode: file("save", mode)),
    "load": (["torch", "safetensors"], lambda mode: file("load", mode)),
    "images": (["torchvision"], lambda mode: photographs()),
    "vit_b_16-infer1": (INFERENCE, lambda mode: images(vit_b_16(), (1, 3, 224, 224), mode, "infer")),
    "transformer-train": (PLAIN, transformer),
}
WORKLOADS |= {
    name + "-bf16": ([mode for mode in WORKLOADS[name][0] if mode != "onnxruntime"], WORKLOADS[name][1]) for name in BFLOAT16}


def dump(workload, path):
    from safetensors.torch import save_file
    work = WORKLOADS[workload][1]("eager")
    if work.network is None or precision != "f32":
        sys.exit(f"{workload} has no losses to dump; choose a workload that trains")
    for module in work.network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    tensors = {f"input/{name}": tensor.clone().contiguous() for name, tensor in work.inputs.items()}
    tensors |= {f"weight/{name}": tensor.clone().contiguous() for name, tensor in work.network.state_dict().items()}
    tensors["losses"] = torch.stack([work.step().detach() for _ in range(3)])
    save_file(tensors, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workload", nargs="?", choices=WORKLOADS)
    parser.add_argument("--mode")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dump", metavar="FILE", help="write weights, inputs and losses for aviary-bench --check")
    parser.add_argument("--list", action="store_true", help="every workload with the modes of its peers")
    options = parser.parse_args()
    if options.list or options.workload is None:
        for name, (modes, _) in WORKLOADS.items():
            print(name, *modes)
        return
    torch.manual_seed(0)
    torch.set_num_threads(options.threads)
    if options.workload.endswith("-bf16"):
        global precision
        precision = "bf16"
    if options.dump:
        return dump(options.workload, options.dump)
    modes, make = WORKLOADS[options.workload]
    work = make(options.mode or modes[0])
    for _ in range(options.warmup):
        work.renew()
        work.step()
    seconds = []
    for _ in range(options.steps):
        work.renew()
        start = time.perf_counter()
        work.step()
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "darwin" else 1)
    print(json.dumps({
        "workload": options.workload, "items_per_step": work.items, "seconds": seconds, "peak_kb": peak}), flush=True)
    os._exit(0)  # Do not wait for the workers that load photographs.


if __name__ == "__main__":
    main()
