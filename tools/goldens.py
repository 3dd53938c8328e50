#!/usr/bin/env python3
"""Writes the golden values for the tests: tools/goldens.py [--output Tests]

Everything is computed by PyTorch on the CPU in float64, from inputs that float32 holds exactly, with fixed seeds; the
architectures are written out in goldens_networks.py. Needs PyTorch 2.13 (CPU) and numpy; about a minute.
Tests/Support/Goldens.swift describes the files.
"""

import argparse
import pathlib
import sys

sys.dont_write_bytecode = True

import torch

import goldens_attention
import goldens_boltzmann
import goldens_character_transformer
import goldens_everyday
import goldens_functions
import goldens_graphs
import goldens_layers
import goldens_linear_algebra
import goldens_maps
import goldens_networks
import goldens_nonfinite
import goldens_operators
import goldens_padding
import goldens_tables
import goldens_recurrent
import goldens_sequences
import goldens_training
import goldens_transformer
import goldens_windows
import goldens_zoo


def main():
    tests = pathlib.Path(__file__).resolve().parent.parent / "Tests"
    parser = argparse.ArgumentParser(description="Write the golden values that the tests compare with.")
    parser.add_argument("--output", type=pathlib.Path, default=tests, help="folder of the test targets (Tests)")
    output = parser.parse_args().output
    if not torch.__version__.startswith("2.13."):
        print(f"note: written with PyTorch {torch.__version__}; the files kept here are 2.13's", file=sys.stderr)
    torch.set_num_threads(1)  # The order of additions, and so the last bit, depends on it.
    torch.use_deterministic_algorithms(True)
    goldens_attention.write(output)
    goldens_boltzmann.write(output)
    goldens_character_transformer.write(output)
    goldens_everyday.write(output)
    goldens_functions.write(output)
    goldens_operators.write(output)
    goldens_padding.write(output)
    goldens_recurrent.write(output)
    goldens_sequences.write(output)
    goldens_layers.write(output)
    goldens_linear_algebra.write(output)
    goldens_maps.write(output)
    goldens_networks.write(output)
    goldens_nonfinite.write(output)
    goldens_tables.write(output)
    goldens_training.write(output)
    goldens_transformer.write(output)
    goldens_windows.write(output)
    goldens_graphs.write(output)
    goldens_zoo.write(output)


if __name__ == "__main__":
    main()
