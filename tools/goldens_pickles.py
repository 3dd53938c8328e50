#!/usr/bin/env python3
"""Writes Tests/CheckpointsTests/Goldens/pickles: pickles of every protocol, objects that hold modules, and parametrized
weights, with `values.json`: file → tensor → shape and values, as PyTorch has them in evaluation mode.

Needs: pip install torch==2.13.0 numpy
"""
import json, os, pickle, sys, types, warnings
import numpy as np, torch, torch.nn as nn
import torch.nn.utils as U, torch.nn.utils.prune as prune

warnings.filterwarnings("ignore")
OUT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "Tests/CheckpointsTests/Goldens/pickles")
os.makedirs(OUT, exist_ok=True)
values = {}


def listed(tensors):
    arrays = {k: np.asarray(v.detach() if isinstance(v, torch.Tensor) else v) for k, v in tensors.items()}
    return {k: {"shape": list(a.shape), "values": [float(x) for x in a.reshape(-1)]} for k, a in arrays.items()}


def write(name, value, expected, protocol=None, **options):
    path = os.path.join(OUT, name)
    if protocol is None:
        torch.save(value, path, **options)
    else:
        with open(path, "wb") as f:
            pickle.dump(value, f, protocol)
    values[name] = listed(expected)


torch.manual_seed(0)
shared = torch.arange(12.0).reshape(3, 4)
state = nn.Linear(2, 3).state_dict()
state.update({"row": shared[1], "turned": shared.T, "count": torch.tensor(7), "half": torch.ones(2, dtype=torch.float16),
              "none": torch.zeros(0, 2)})
arrays = {"w": np.arange(6, dtype="f4").reshape(2, 3), "turned": np.arange(6, dtype="f8").reshape(2, 3).T,
          "big": np.arange(3, dtype=">i4"), "scalar": np.float64(0.25), "none": np.zeros((0, 2), "f4")}
for protocol in range(6):
    write(f"state_{protocol}.pkl", state, state, protocol)
    write(f"arrays_{protocol}.p", arrays, arrays, protocol)
linear = nn.Linear(2, 3)
write("module_5.pickle", linear, linear.state_dict(), 5)
write("module_0.pickle", linear, linear.state_dict(), 0)

module = types.ModuleType("learner_like")
sys.modules["learner_like"] = module
class Learner: pass
Learner.__module__, module.Learner = "learner_like", Learner
learner = Learner()
learner.model, learner.dls, learner.lr = linear, [1], 0.1
write("learner.pkl", learner, linear.state_dict())
write("learner_4.pkl", learner, linear.state_dict(), 4)
empty = Learner()
empty.names = ["a"]
write("empty_learner.pkl", empty, {}, 4)
net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
write("graph_module.pt", torch.fx.symbolic_trace(net), net.state_dict())
torch.jit.save(torch.jit.freeze(torch.jit.script(nn.Linear(2, 3)).eval()), os.path.join(OUT, "frozen_script.pt"))


def parametrized(name, layer, apply, x):
    """A layer after a few steps, saved as it is; expected are its weights in evaluation mode."""
    layer = apply(layer) or layer
    optimizer = torch.optim.SGD(layer.parameters(), 0.1)
    for _ in range(3):
        optimizer.zero_grad()
        layer(x).square().sum().backward()
        optimizer.step()
    layer.eval()
    # The hooks of pruning come after those of the norms that take what they make, which therefore take that of the call before.
    layer(x), layer(x)
    expected = {"0.weight": layer.weight, "0.bias": layer.bias}
    write(name, {"0." + k: v for k, v in layer.state_dict().items()}, expected)


x2, x4 = torch.randn(5, 3), torch.randn(2, 3, 5, 5)
parametrized("weight_norm.pth", nn.Linear(3, 2), lambda m: U.weight_norm(m), x2)
parametrized("weight_norm_all.pth", nn.Linear(3, 2), lambda m: U.weight_norm(m, dim=None), x2)
parametrized("weight_norm_second.pth", nn.Conv2d(3, 2, 3), lambda m: U.weight_norm(m, dim=1), x4)
parametrized("weight_norm_new.pth", nn.Conv2d(3, 2, 3), lambda m: U.parametrizations.weight_norm(m), x4)
parametrized("spectral.pth", nn.Linear(3, 3), lambda m: U.spectral_norm(m), x2)
parametrized("spectral_new.pth", nn.Conv2d(3, 2, 3), lambda m: U.parametrizations.spectral_norm(m), x4)
parametrized("spectral_transposed.pth", nn.ConvTranspose2d(3, 2, 2), lambda m: U.parametrizations.spectral_norm(m), x4)
parametrized("pruned.pth", nn.Linear(3, 2), lambda m: prune.l1_unstructured(m, "weight", 0.5), x2)
P = U.parametrizations
parametrized("weight_norm_spectral.pth", nn.Linear(3, 2), lambda m: P.spectral_norm(P.weight_norm(m)), x2)
parametrized("spectral_twice.pth", nn.Linear(3, 2), lambda m: P.spectral_norm(P.spectral_norm(m)), x2)
parametrized("weight_norm_pruned.pth", nn.Linear(3, 2), lambda m: prune.l1_unstructured(U.weight_norm(m), "weight_v", 0.5), x2)
parametrized("spectral_pruned.pth", nn.Linear(3, 2), lambda m: prune.l1_unstructured(U.spectral_norm(m), "weight_orig", 0.5), x2)
# A matrix whose slices along either axis the vectors could be for, and slices along an axis that is not the usual one.
parametrized("spectral_square.pth", nn.Conv2d(3, 3, 3), lambda m: P.spectral_norm(m), x4)
parametrized("spectral_axis.pth", nn.Linear(3, 4), lambda m: P.spectral_norm(m, dim=1), x2)
parametrized("spectral_columns.pth", nn.Linear(3, 3), lambda m: U.spectral_norm(m, dim=1), x2)
# Keys that are no texts. A tuple is a path.
keys = {("a", 1): torch.ones(2), b"b": torch.zeros(1), 0.5: torch.full((3,), 2.0), None: torch.tensor([3.0]), 7: torch.tensor([4.0])}
write("keys.pth", keys, {"a.1": keys["a", 1], "b": keys[b"b"], "0.5": keys[0.5], "None": keys[None], "7": keys[7]})
# What is not taken has to be named: objects, storages, arrays of something else than numbers, a sparse tensor.
Pair = __import__("collections").namedtuple("Pair", "first second")
Pair.__module__, module.Pair = "learner_like", Pair
holder = Learner()
holder.deep = {"w": torch.ones(2)}
left = {"w": torch.ones(2), "pair": Pair(torch.ones(1), 2), "holder": holder, "list": [holder, 1], "storage": torch.ones(3).untyped_storage(),
        "texts": np.array(["a", "b"]), "records": np.zeros(2, [("x", "f4")]), "masked": np.ma.masked_array([1.0, 2.0], [0, 1]),
        "sparse": torch.eye(2).to_sparse(), "plain": Learner(), "set": {1, 2}}
write("left_out.pth", left, {"w": left["w"]})
# As nanoGPT saves them: what the network is built from, and the best loss as a tensor of one number.
gpt = {"transformer.wte.weight": torch.arange(6.0).reshape(3, 2)}
write("nanogpt.pt", {"model": gpt, "optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}},
                     "model_args": {"n_head": 6, "n_embd": 2, "bias": False, "vocab_size": None, "dropout": 0.25},
                     "iter_num": 10, "best_val_loss": torch.tensor(1.5), "config": {"out_dir": "out"}}, gpt)
torch.save({1: torch.ones(1), "1": torch.zeros(1)}, os.path.join(OUT, "same_keys.pth"))
with open(os.path.join(OUT, "values.json"), "w") as f:
    json.dump(values, f, indent=0, sort_keys=True)
