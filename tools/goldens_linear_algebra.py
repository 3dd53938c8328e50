"""Golden values of determinants, solutions and decompositions; see goldens_everyday.py for how cases are used."""

import pathlib

import torch

from goldens_operators import Cases, normal
from goldens_store import save


def regular(*shape):
    """Random matrices whose singular values are near neither zero nor each other."""
    u, s, vt = torch.linalg.svd(normal(*shape), full_matrices=False)
    s = torch.linspace(2.5, 0.7, s.shape[-1], dtype=torch.float64) * torch.ones_like(s)
    return u @ torch.diag_embed(s) @ vt


def symmetric(x):
    return x + x.mT


def positive_definite(x):
    return x @ x.mT + torch.eye(x.shape[-1], dtype=x.dtype)


def squares(*parts):
    """What does not depend on the signs of vectors."""
    return torch.cat([(part ** 2).flatten() for part in parts])


def write(root):
    torch.manual_seed(20265)
    cases = Cases()
    for name, shape in [("one", (4, 4)), ("batch", (2, 3, 3))]:
        cases.add("determinant", name, torch.linalg.det, {"A": regular(*shape)}, step=1e-3)
        cases.add("signAndLogDeterminant", name, lambda x: torch.linalg.slogdet(x)[1], {"x": regular(*shape)}, step=1e-3)
        cases.add("inverse", name, torch.linalg.inv, {"A": regular(*shape)}, step=1e-3)
        cases.add("cholesky", name, lambda x: torch.linalg.cholesky(positive_definite(x)), {"x": normal(*shape)},
                  step=1e-3)
        cases.add("eigh", name, lambda x: squares(*torch.linalg.eigh(symmetric(x))), {"x": normal(*shape)}, step=1e-4)
    cases.add("solve", "matrix", torch.linalg.solve, {"A": regular(4, 4), "B": normal(4, 3)}, step=1e-3)
    cases.add("solve", "vector", torch.linalg.solve, {"A": regular(4, 4), "B": normal(4)}, step=1e-3)
    cases.add("solve", "batch", torch.linalg.solve, {"A": regular(2, 3, 3), "B": normal(2, 3, 2)}, step=1e-3)
    cases.add("solve", "vectors", torch.linalg.solve, {"A": regular(2, 3, 3), "B": normal(2, 3)}, step=1e-3)
    cases.add("solve", "broadcast", torch.linalg.solve, {"A": regular(3, 3), "B": normal(2, 3, 4)}, step=1e-3)
    for name, shape in [("tall", (5, 3)), ("wide", (3, 5)), ("square", (2, 3, 3))]:
        x = regular(*shape)
        cases.add("svd", name, lambda x: squares(*torch.linalg.svd(x, full_matrices=False)), {"x": x}, step=1e-4)
        cases.add("svd", name + "-values", torch.linalg.svdvals, {"A": x}, step=1e-3)
        cases.add("qr", name, lambda x: squares(*torch.linalg.qr(x)), {"x": x}, step=1e-4)
    for name, a, b in [("tall", (5, 3), (5, 2)), ("wide", (3, 5), (3, 2)), ("vector", (4, 2), (4,)),
                       ("batch", (2, 4, 3), (2, 4, 2))]:
        cases.add("leastSquares", name,
                  lambda A, B: torch.linalg.lstsq(A, B if B.dim() > 1 else B[:, None]).solution.reshape(
                      *A.shape[:-2], A.shape[-1], *B.shape[A.dim() - 1:]),
                  {"A": regular(*a), "B": normal(*b)}, step=1e-3)
    path = pathlib.Path(root) / "LinearAlgebraTests/Goldens/linear-algebra.safetensors"
    save(path, cases.arrays, cases.metadata)
