"""Golden values of everyday tensor operations: functions, reductions, moves, indexing, padding, einsum, windows.

Each case is computed by the Swift closure of the same name in Tests/TensorsTests/Everyday*.swift, and checked by finite
differences at the same operands, so no operand is near a kink. `step` is the step of those differences.
"""

import pathlib

import torch
from torch.nn import functional

from goldens_functions import away_from, positive
from goldens_operators import Cases, normal
from goldens_store import given, save


def distinct(*shape):
    """Numbers no two of which are nearer to each other than 0.25, in random order; none is zero."""
    count = 1
    for size in shape:
        count *= size
    return ((torch.randperm(count).double() - count // 2) * 0.25 + 0.1).reshape(shape)


def within(limit, *shape):
    return (torch.rand(shape, dtype=torch.float64) * 2 - 1) * limit


def functions(cases):
    for name, x in [
        ("rsqrt", positive(3, 5)), ("log1p", within(0.8, 3, 5)), ("expm1", normal(3, 5)), ("log2", positive(3, 5)),
        ("log10", positive(3, 5)), ("sin", normal(3, 5) * 2), ("cos", normal(3, 5) * 2), ("tan", within(1.2, 3, 5)),
        ("asin", within(0.9, 3, 5)), ("acos", within(0.9, 3, 5)), ("atan", normal(3, 5) * 2),
        ("sinh", normal(3, 5)), ("cosh", normal(3, 5)), ("asinh", normal(3, 5) * 2), ("acosh", positive(3, 5) + 1.1),
        ("atanh", within(0.9, 3, 5)), ("erf", normal(3, 5)), ("erfc", normal(3, 5)),
        ("reciprocal", away_from([0], 3, 5).sign() * positive(3, 5)),
    ]:
        cases.add("function", name, lambda x: getattr(torch, name)(x), {"x": x}, step=1e-3)
    for name in ("floor", "ceil", "round", "trunc", "sign"):
        cases.add("step", name, lambda x: getattr(torch, name)(x) * x,
                  {"x": away_from([n / 2 for n in range(-12, 13)], 4, 9, spread=2)}, step=2e-4)
    cases.add("power", "2.5", lambda x: x ** 2.5, {"x": positive(3, 5)}, step=1e-3)
    cases.add("power", "3", lambda x: x ** 3, {"x": normal(3, 5)}, step=1e-3)
    cases.add("power", "2", lambda x: x ** 2, {"x": normal(3, 5)}, step=1e-3)
    cases.add("power", "-1.5", lambda x: x ** -1.5, {"x": positive(3, 5)}, step=1e-3)
    cases.add("power", "tensors", lambda x, other: x ** other, {"x": positive(2, 3, 4), "other": normal(3, 1)}, step=1e-3)
    cases.add("power", "base", lambda x: 1.5 ** x, {"x": normal(3, 4)}, step=1e-3)
    cases.add("pair", "atan2", lambda x, other: torch.atan2(x, other),
              {"x": away_from([0], 2, 3, 4), "other": away_from([0], 3, 1)}, step=1e-3)
    x = distinct(3, 5) * 1.7
    y = torch.tensor([[1.3], [-2.1], [0.9]], dtype=torch.float64)
    assert ((x / y) - (x / y).round()).abs().min() > 5e-3
    cases.add("pair", "remainder", lambda x, other: x % other, {"x": x, "other": y}, step=1e-4)
    cases.add("pair", "remainder-of-number", lambda x: x % 0.7, {"x": normal(2, 3) + 0.3}, step=1e-4)
    cases.add("pair", "number-by-tensor", lambda x: 3 / x, {"x": positive(3, 4)}, step=1e-3)
    cases.add("pair", "compound", lambda x, other: ((x + other) * other - 2) / 4 - other + x / other,
              {"x": normal(3, 4), "other": positive(4)}, step=1e-3)
    cases.add("clamp", "min", lambda x: x.clamp(min=0.3), {"x": away_from([0.3], 3, 5)}, step=1e-3)
    cases.add("clamp", "max", lambda x: x.clamp(max=0.3), {"x": away_from([0.3], 3, 5)}, step=1e-3)
    low, high = within(0.3, 4) - 0.6, within(0.3, 3, 1) + 0.6
    cases.add("clamp", "tensors", lambda x, low, high: torch.clamp(x, low, high),
              {"x": distinct(3, 4) * 1.3, "low": low, "high": high}, step=1e-3)
    cases.add("where", "broadcast", lambda x, other: torch.where(other > 0, x, other),
              {"x": normal(3, 1), "other": away_from([0], 2, 3, 4)}, step=1e-3)
    cases.add("where", "filled", lambda x: x.masked_fill(x < 0, -3.0), {"x": away_from([0], 3, 5)}, step=1e-3)


def reductions(cases):
    for name, dims, keepdim in [("all", None, False), ("last", (-1,), False), ("two", (0, 2), True), ("middle", (1,), False)]:
        dim = tuple(range(3)) if dims is None else dims
        cases.add("max", name, lambda x: torch.amax(x, dim, keepdim), {"x": distinct(2, 3, 4)}, step=1e-3)
        cases.add("min", name, lambda x: torch.amin(x, dim, keepdim), {"x": distinct(2, 3, 4)}, step=1e-3)
        cases.add("variance", name, lambda x: torch.var(x, dim, keepdim=keepdim), {"x": normal(2, 3, 4) + 1}, step=1e-3)
        cases.add("standardDeviation", name, lambda x: torch.std(x, dim, keepdim=keepdim), {"x": normal(2, 3, 4) + 1},
                  step=1e-3)
        cases.add("logSumExp", name, lambda x: torch.logsumexp(x, dim, keepdim), {"x": normal(2, 3, 4) + 120},
                  step=1e-5)
        for p in (2, 1, 0.5, 3, float("inf"), float("-inf")):
            cases.add("norm", f"{name}-{p}", lambda x: torch.linalg.vector_norm(x, p, dims, keepdim),
                      {"x": distinct(2, 3, 4)}, step=1e-3)
    tied = torch.tensor([[1.0, 3, 3, 0], [2, 2, 2, 1]]).double()
    cases.add("tied", "max", lambda x: torch.amax(x, 1), {"x": tied})
    cases.add("tied", "norm", lambda x: torch.linalg.vector_norm(x, float("inf"), 1), {"x": tied})
    cases.add("variance", "population", lambda x: torch.var(x, 1, correction=0), {"x": normal(3, 5)}, step=1e-3)
    cases.add("standardDeviation", "correction-1.5", lambda x: torch.std(x, correction=1.5), {"x": normal(3, 5)},
              step=1e-3)
    cases.add("standardDeviation", "and-mean", lambda x: torch.stack(torch.std_mean(x, 1)), {"x": normal(3, 5)},
              step=1e-3)
    cases.add("variance", "and-mean", lambda x: torch.stack(torch.var_mean(x, 0, keepdim=True)), {"x": normal(3, 5)},
              step=1e-3)
    for name, x in [("plain", away_from([0], 3, 4)), ("zero", normal(3, 4)), ("zeros", normal(3, 4))]:
        if name != "plain":
            x[0, 1] = 0
        if name == "zeros":
            x[0, 3] = x[2, 1] = 0
        cases.add("product", name, lambda x: torch.prod(x, 1), {"x": x}, step=1e-3)
        cases.add("cumulativeProduct", name, lambda x: torch.cumprod(x, 1), {"x": x}, step=1e-3)
        cases.add("cumulativeProduct", name + "-first", lambda x: torch.cumprod(x, 0), {"x": x}, step=1e-3)
    cases.add("product", "all", lambda x: torch.prod(x), {"x": positive(2, 3)}, step=1e-3)
    for axis in (0, 1, -1):
        cases.add("cumulativeSum", str(axis), lambda x: torch.cumsum(x, axis), {"x": normal(2, 3, 4)})
    cases.add("median", "odd", lambda x: torch.median(x, 1).values, {"x": distinct(3, 5)}, step=1e-3)
    cases.add("median", "even", lambda x: torch.median(x, 0).values, {"x": distinct(4, 3)}, step=1e-3)
    cases.add("median", "all", lambda x: torch.median(x), {"x": distinct(4, 3)}, step=1e-3)
    for q in (0.0, 0.3, 0.5, 1.0):
        cases.add("quantile", str(q), lambda x: torch.quantile(x, q, 1), {"x": distinct(3, 6)}, step=1e-3)
    cases.add("quantile", "kept", lambda x: torch.quantile(x, 0.35, 0, keepdim=True), {"x": distinct(5, 3)}, step=1e-3)

    def indexed(operator, name, function, x, **geometry):
        """A function that returns values and indices; of ties PyTorch takes the first, too."""
        cases.add(operator, name, lambda x: function(x)[0], {"x": x}, step=1e-3, **geometry)
        cases.arrays[f"case/{operator}/{name}/indices"] = function(given(x))[1]

    for axis in (0, 1, -1):
        indexed("maxWithIndices", str(axis), lambda x: torch.max(x, axis), distinct(2, 3, 4))
        indexed("minWithIndices", str(axis), lambda x: torch.min(x, axis, keepdim=True), distinct(2, 3, 4))
        for descending in (False, True):
            indexed("sorted", f"{axis}{'-descending' if descending else ''}",
                    lambda x: torch.sort(x, dim=axis, descending=descending, stable=True), distinct(2, 3, 4))
        for largest in (True, False):
            indexed("top", f"{axis}-{'largest' if largest else 'smallest'}",
                    lambda x: torch.topk(x, 2, axis, largest), distinct(2, 3, 4))


def moves(cases):
    for name, shape, function in [
        ("squeezed", (1, 3, 1, 2), lambda x: x.squeeze()), ("squeezed-one", (1, 3, 1, 2), lambda x: x.squeeze(-2)),
        ("unsqueezed", (3, 2), lambda x: x.unsqueeze(1)), ("unsqueezed-last", (3, 2), lambda x: x.unsqueeze(-1)),
        ("expanded", (3, 1), lambda x: x.expand(2, -1, 4)), ("transposed", (2, 3, 4), lambda x: x.transpose(0, -1)),
        ("matrix", (2, 3, 4), lambda x: x.mT), ("moved", (2, 3, 4, 5), lambda x: x.movedim(1, -1)),
        ("permuted", (2, 3, 4), lambda x: x.permute(-1, 0, 1)),
        ("flattened", (2, 3, 4, 2), lambda x: x.flatten(1, 2)), ("flattened-all", (2, 3), lambda x: x.flatten()),
        ("unflattened", (2, 12), lambda x: x.unflatten(-1, (3, -1))), ("tiled", (2, 3), lambda x: x.repeat(2, 1, 3)),
        ("tiled-last", (2, 3), lambda x: torch.tile(x, (2,))), ("repeated", (2, 3), lambda x: x.repeat_interleave(2, 1)),
        ("chunked", (5, 2), lambda x: torch.cat(x.chunk(3)[::-1])),
        ("rolled", (2, 5), lambda x: x.roll(2, 1)), ("rolled-back", (5, 2), lambda x: x.roll(-7, 0)),
        ("reversed", (2, 3, 4), lambda x: x.flip(0, 2)), ("reversed-one", (2, 3, 4), lambda x: x.flip(-2)),
        ("diagonal", (2, 4, 5), lambda x: x.diagonal(0, -2, -1)),
        ("diagonal-above", (4, 5), lambda x: x.diagonal(2)), ("diagonal-below", (4, 5), lambda x: x.diagonal(-1)),
        ("diagonal-matrix", (3,), lambda x: torch.diag(x)), ("diagonal-matrix-below", (3,), lambda x: torch.diag(x, -2)),
        ("lower", (2, 4, 3), lambda x: x.tril()), ("lower-below", (4, 4), lambda x: x.tril(-1)),
        ("upper", (3, 4), lambda x: x.triu()), ("upper-above", (4, 4), lambda x: x.triu(1)),
    ]:
        cases.add("move", name, function, {"x": normal(*shape)})
    for indexing in ("ij", "xy"):
        cases.add("move", f"meshgrid-{indexing}",
                  lambda x, other: torch.stack(torch.meshgrid(x, other, indexing=indexing)),
                  {"x": normal(3), "other": normal(4)})
    cases.add("move", "outer", torch.outer, {"input": normal(3), "vec2": normal(4)})
    cases.add("move", "stacked", lambda x, other: torch.stack([x, other], -1), {"x": normal(2, 3), "other": normal(2, 3)})
    cases.add("move", "concatenated", lambda x, other: torch.cat([x, other], -1), {"x": normal(2, 3), "other": normal(2, 1)})
    for name, pads, mode, value, shape in [
        ("constant", (1, 2, 0, 3), "constant", -1.5, (2, 3, 4)), ("reflect", (2, 1), "reflect", None, (2, 3, 4)),
        ("reflect-two", (2, 1, 1, 2), "reflect", None, (1, 2, 3, 4)),
        ("replicate", (2, 3), "replicate", None, (2, 3, 4)),
        ("replicate-three", (1, 1, 2, 0, 0, 3), "replicate", None, (1, 2, 2, 3, 2)),
        ("circular", (2, 3), "circular", None, (2, 3, 4)),
    ]:
        cases.add("pad", name, lambda x: functional.pad(x, pads, mode, value), {"x": normal(*shape)})


def indexing(cases):
    for name, shape, function in [
        ("first", (3, 4), lambda x: x[0]), ("negative", (3, 4, 2), lambda x: x[-1, -2]), ("range", (5, 3), lambda x: x[1:3]),
        ("column", (3, 4), lambda x: x[:, 2]), ("from-end", (3, 5), lambda x: x[:, -3:-1]),
        ("step", (3, 7), lambda x: x[:, 1::2]), ("steps", (7, 6), lambda x: x[1:6:3, ::2]),
        ("rest", (2, 3, 4), lambda x: x[..., 1]), ("rest-between", (2, 3, 4, 5), lambda x: x[1, ..., :2]),
        ("new-axis", (3, 4), lambda x: x[:, None, 1:]), ("clipped", (3, 4), lambda x: x[-9:2, 1:99]),
        ("positions", (4, 3), lambda x: x[torch.tensor([2, 0, 2, -1])]),
        ("positions-matrix", (3, 4), lambda x: x[:, torch.tensor([[2, 0], [1, 1]])]),
        ("mask", (3, 4), lambda x: x[x > 0]), ("mask-rows", (4, 3), lambda x: x[torch.tensor([True, False, False, True])]),
    ]:
        cases.add("subscript", name, function, {"x": away_from([0], *shape)}, step=1e-3)
    index = torch.tensor([2, 0, 2])
    cases.add("index", "selected", lambda x, index: x.index_select(1, index), {"x": normal(2, 4, 3)}, {"index": index})
    cases.add("index", "adding", lambda x, other, index: x.index_add(1, index, other),
              {"x": normal(2, 4, 3), "other": normal(2, 3, 3)}, {"index": index})
    places = torch.tensor([[2, 0, 1], [1, 1, 3]])
    cases.add("index", "gathered", lambda x, index: x.gather(0, index), {"x": normal(4, 5)}, {"index": places})
    cases.add("index", "gathered-last", lambda x, index: x.gather(-1, index), {"x": normal(3, 4)}, {"index": places})
    cases.add("index", "taken", lambda x, index: torch.take_along_dim(x, index, 1), {"x": normal(3, 4)},
              {"index": torch.tensor([[3, 0]])})
    once = torch.tensor([[2, 0, 1], [1, 3, 0]])
    cases.add("index", "scattering", lambda x, other, index: x.scatter(1, index, other),
              {"x": normal(3, 4), "other": normal(2, 3)}, {"index": once})
    cases.add("index", "scatterAdding", lambda x, other, index: x.scatter_add(1, index, other),
              {"x": normal(3, 4), "other": normal(2, 3)}, {"index": places})


def products(cases):
    for name, equation, *shapes in [
        ("matrices", "ij,jk->ik", (3, 4), (4, 5)), ("batches", "bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
        ("implicit", "ij,jk", (3, 4), (4, 5)), ("alphabet", "ba", (3, 4)), ("trace", "ii->", (4, 4)),
        ("diagonal", "ii->i", (4, 4)), ("batch-diagonal", "bii->bi", (2, 3, 3)), ("triple", "iii->i", (3, 3, 3)),
        ("sum", "ij->", (3, 4)), ("columns", "ij->j", (3, 4)), ("turned", "ijk->kji", (2, 3, 4)),
        ("inner", "i,i->", (4,), (4,)), ("outer", "i,j->ij", (3,), (4,)), ("elementwise", "ij,ij->ij", (3, 4), (3, 4)),
        ("three", "ij,jk,kl->il", (2, 3), (3, 4), (4, 5)), ("bilinear", "bn,anm,bm->ba", (2, 3), (4, 3, 5), (2, 5)),
        ("attention", "bqhd,bkhd->bhqk", (2, 3, 2, 4), (2, 5, 2, 4)),
        ("ellipsis", "...ij,...jk->...ik", (2, 1, 3, 4), (5, 4, 2)), ("ellipsis-implicit", "...ij,...jk", (2, 3, 4), (4, 2)),
        ("ellipsis-moved", "i...->...i", (2, 3, 4)), ("ellipsis-summed", "i...j->ij", (2, 3, 4)),
        ("repeated-twice", "ij,ii->j", (3, 4), (3, 3)), ("size-one", "ij,ij->j", (3, 4), (1, 4)),
        ("unshared", "ij,kl->il", (2, 3), (4, 5)), ("scalar", ",ij->ij", (), (2, 3)),
    ]:
        names = "abc"[:len(shapes)]
        cases.add("einsum", name, lambda **arrays: torch.einsum(equation, *[arrays[key] for key in names]),
                  {key: normal(*shape) for key, shape in zip(names, shapes)}, equation=equation)
    for name, a, b in [("vector-matrix", (3,), (3, 4)), ("matrix-vector", (2, 3), (3,)), ("vectors", (3,), (3,)),
                       ("batch-vector", (2, 3, 4), (4,)), ("vector-batch", (3,), (2, 3, 4)),
                       ("batches", (2, 1, 3, 4), (5, 4, 2))]:
        cases.add("matmul", name, lambda x, other: x @ other, {"x": normal(*a), "other": normal(*b)})


def columns(x, kernel, stride, padding, dilation):
    """Windows of any number of axes as columns, one window after the other."""
    axes = x.dim() - 2
    padded = functional.pad(x, [amount for pair in reversed(list(zip(padding, padding))) for amount in pair])
    for axis in range(axes):
        reach = dilation[axis] * (kernel[axis] - 1) + 1
        padded = padded.unfold(axis + 2, reach, stride[axis])[..., ::dilation[axis]]
    order = [0, 1] + list(range(2 + axes, 2 + 2 * axes)) + list(range(2, 2 + axes))
    rows = x.shape[1]
    for size in kernel:
        rows *= size
    return padded.permute(order).reshape(x.shape[0], rows, -1)


def windows(cases):
    for name, shape, kernel, stride, padding, dilation in [
        ("1d", (2, 3, 9), (3,), (2,), (1,), (2,)), ("2d", (2, 2, 5, 6), (3, 2), (1, 2), (1, 0), (1, 1)),
        ("2d-dilated", (1, 2, 7, 7), (2, 3), (2, 1), (0, 2), (3, 2)),
        ("3d", (1, 2, 4, 5, 3), (2, 3, 2), (1, 2, 1), (1, 1, 0), (1, 1, 2)),
    ]:
        settings = dict(kernel=list(kernel), stride=list(stride), padding=list(padding), dilation=list(dilation))
        x = given(normal(*shape))
        unfolded = columns(x, kernel, stride, padding, dilation)
        if len(kernel) == 2:
            assert torch.equal(unfolded, functional.unfold(x, kernel, dilation, padding, stride))
        cases.add("unfold", name, lambda x: columns(x, kernel, stride, padding, dilation), {"x": x}, **settings)

        def folded(x):
            """The pullback of `columns`."""
            image = torch.zeros(shape, dtype=torch.float64, requires_grad=True)
            return torch.autograd.grad(columns(image, kernel, stride, padding, dilation), image, x, create_graph=True)[0]

        y = given(normal(*unfolded.shape))
        if len(kernel) == 2:
            same = functional.fold(y, shape[2:], kernel, dilation, padding, stride)
            assert torch.allclose(folded(y.requires_grad_()), same)
        cases.add("fold", name, folded, {"x": y.detach()}, size=list(shape[2:]), **settings)


def write(root):
    torch.manual_seed(20264)
    cases = Cases()
    for part in (functions, reductions, moves, indexing, products, windows):
        part(cases)
    save(pathlib.Path(root) / "TensorsTests/Goldens/everyday.safetensors", cases.arrays, cases.metadata)
