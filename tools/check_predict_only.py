#!/usr/bin/env python3
"""Builds a package that depends on Aviary and only predicts, in release, and checks what it needs and what it prints.

    tools/check_predict_only.py                 builds in .build/predict-only, incrementally
    tools/check_predict_only.py --cold          starts with an empty build folder, to measure a cold build
    tools/check_predict_only.py --plan          builds nothing: reads in SwiftPM's plan what would be built and linked
    tools/check_predict_only.py --package DIR   checks another checkout, for a comparison

Prints the packages fetched, the modules built, build time, shared libraries, size and run time. Fails if the program builds
or links more than prediction needs, and if the message of a programmer's mistake is lost in an optimized build: it makes the
program pass an input of the wrong shape, and reads the layer's path and both shapes on its standard error. It also has it
read every small file of weights among the tests', for tests run without optimization: none may end the program.
"""

import argparse
import os
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
MANIFEST = """// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "predict-only", platforms: [.macOS(.v15)],
  dependencies: [.package(path: "{path}")],
  targets: [
    .executableTarget(name: "Predict", dependencies: [.product(name: "Aviary", package: "{identity}")], path: "Sources")
  ])
"""
PROGRAM = """import Aviary
import Foundation

let path = CommandLine.arguments[1]
if path == "read" {
  for path in CommandLine.arguments.dropFirst(2) {
    print(path)
    guard let checkpoint = try? Checkpoint.read(from: path) else { continue }
    let named = (try? checkpoint.kerasNetwork(path: path))?.checkpoint ?? checkpoint
    _ = try? Registry.zoo.classifier(from: named, path: path)
  }
  exit(0)
}
let model = try Registry.zoo.classifier(from: Checkpoint.read(from: path), path: path).model
// The network takes 28×28; with `wrong`, the program makes the mistake whose message is checked.
let channels = CommandLine.arguments.last == "wrong" ? 3 : 1
let probabilities = softmax(model(Tensor(repeating: 0.5, shape: [1, channels, 28, 28]))).scalars
print(probabilities.map { "\\($0)" }.joined(separator: " "))
"""
WEIGHTS = "Weights/lenet5-fashion.h5"
# What a program that only predicts must not build: these, and any module of another package (argument-parser, Hummingbird,
# protobuf). And all that it may link.
FORBIDDEN_MODULES = [
    "AviaryCommand", "AviaryBench", "AviaryExplanations", "AviaryHub", "AviaryPictures", "AviarySQLite", "AviarySearch",
    "AviaryTensorBoard", "AviaryONNX", "AviaryServ", "CAllocations", "COutOfMemory", "CLAPACK", "CSQLite"]
# Networking is for programs that import AviaryHub.
FORBIDDEN_LIBRARIES = ["libFoundationNetworking.", "libcurl.", "libcrypto."]
FORBIDDEN_IMPORTS = ["FoundationNetworking"]
SHARED_LIBRARIES = [
    "libc.", "libm.", "ld-linux", "libgcc_s.", "libstdc++.", "libdnnl.", "libz.", "libjpeg.", "libturbojpeg.", "libspng.",
    "libwebp.", "libswift", "libFoundation", "lib_Foundation", "libdispatch.", "libBlocksRuntime.",
    # Until reading HDF5 no longer links it.
    "libhdf5"]


def run(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)


def write(path, text):
    """Writes the file unless it has this text, so that nothing is built again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def is_own(module, package):
    """Whether the module belongs to the program or to Aviary."""
    return module in ("Predict", "Aviary") or any(
        (package / "Sources" / folder).is_dir() or (package / folder).is_dir()
        for folder in [module] + [module.removeprefix("Aviary")] * module.startswith("Aviary"))


def surplus(fetched, modules, linked, package):
    """What prediction does not need, of packages fetched, modules built and libraries linked."""
    # SwiftPM fetches what the manifest names, even for products that are not built.
    faults = [f"fetches {name}" for name in fetched if name != "swift-argument-parser"]
    faults += [
        f"builds {name}" for name in modules
        if any(name.startswith(word) for word in FORBIDDEN_MODULES) or not is_own(name, package)]
    faults += [f"links {name}" for name in linked if not re.match("|".join(map(re.escape, SHARED_LIBRARIES)), name)]
    return faults + [f"links {name}" for name in linked if any(name.startswith(word) for word in FORBIDDEN_LIBRARIES)]


def finish(faults):
    for fault in faults:
        print(f"check_predict_only: {fault}", file=sys.stderr)
    sys.exit(1 if faults else 0)


def fetched_packages(folder):
    checkouts = folder / ".build/checkouts"
    return sorted(path.name for path in checkouts.iterdir()) if checkouts.is_dir() else []


def check_plan(folder, package):
    """The same by the command that would link the program: it names the objects of every module, and the libraries."""
    planned = run("swift", "build", "--package-path", folder, "-c", "release", "--print-manifest-job-graph")
    if planned.returncode:
        sys.exit(f"check_predict_only: no plan\n{planned.stdout[-2000:]}{planned.stderr}")
    plan = (folder / ".build/release.yaml").read_text()
    command = re.search(r'^  "C\.Predict-[^"]*\.exe":\n((?:    .*\n)+)', plan, re.MULTILINE)
    if not command:
        sys.exit("check_predict_only: the plan does not link Predict")
    modules = sorted(set(re.findall(r'/([^/"]+)\.build/[^"]*\.o"', command[1])))
    libraries = sorted(set(re.findall(r'"-l([^"]+)"', command[1])))
    inputs = [re.search(rf'^  "C\.{name}-[^"]*\.module":\n.*\n    inputs: (.*)', plan, re.MULTILINE) for name in modules]
    sources = [source for found in inputs if found for source in re.findall(r'"([^"]*\.swift)"', found[1])]
    imports = re.compile(r"^\s*(?:\w+ )?import (\w+)", re.MULTILINE)
    imported = {name for source in sources for name in imports.findall(pathlib.Path(source).read_text())}
    print(f"packages fetched: {', '.join(fetched_packages(folder)) or 'none'}")
    print(f"modules to build: {', '.join(modules)}")
    print(f"libraries to link: {', '.join(libraries)}")
    faults = surplus(fetched_packages(folder), modules, [f"lib{name}." for name in libraries], package)
    faults += [f"imports {name}" for name in FORBIDDEN_IMPORTS if name in imported]
    if "AviaryTensors" not in modules or "dnnl" not in libraries or "Foundation" not in imported:
        faults.append("the plan is not read as it is written")
    finish(faults)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", type=pathlib.Path, default=ROOT, help="the checkout of Aviary to depend on")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / ".build/predict-only", help="where to build")
    parser.add_argument("--cold", action="store_true", help="empty the build folder first")
    parser.add_argument("--plan", action="store_true", help="build nothing, and read what would be built")
    parser.add_argument("--report", action="store_true", help="print the figures only, and check nothing")
    options = parser.parse_args()
    package, folder = options.package.resolve(), options.build.resolve()
    if options.cold:
        shutil.rmtree(folder, ignore_errors=True)
    write(folder / "Package.swift", MANIFEST.format(path=package, identity=package.name.lower()))
    write(folder / "Sources/main.swift", PROGRAM)

    if options.plan:
        check_plan(folder, package)
    start = time.monotonic()
    built = run("swift", "build", "--package-path", folder, "-c", "release")
    seconds = time.monotonic() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    if built.returncode:
        sys.exit(f"check_predict_only: the build failed\n{built.stdout}{built.stderr}")
    binaries = pathlib.Path(run("swift", "build", "--package-path", folder, "-c", "release", "--show-bin-path").stdout.strip())
    program = binaries / "Predict"
    fetched = fetched_packages(folder)
    modules = sorted(path.name.removesuffix(".build") for path in binaries.glob("*.build") if any(path.rglob("*.o")))
    loaded = [line.split()[0].rsplit("/", 1)[-1] for line in run("ldd", program).stdout.splitlines() if line.split()]
    # Only those that the program itself names: which others these need is the system's matter.
    linked = re.findall(r"NEEDED.*\[(.*)\]", run("readelf", "-d", program).stdout)
    runs, predicted = [], None
    for _ in range(11):
        start = time.monotonic()
        predicted = run(program, package / WEIGHTS)
        runs.append(time.monotonic() - start)
    wrong = run(program, package / WEIGHTS, "wrong", env=os.environ | {"SWIFT_BACKTRACE": "enable=no"})
    files = sorted(path for kind in ("h5", "keras", "pth", "safetensors") for path in package.glob(f"Tests/*/Goldens/**/*.{kind}"))
    read = run(program, "read", *files, env=os.environ | {"SWIFT_BACKTRACE": "enable=no"})
    print(f"packages fetched: {', '.join(fetched) or 'none'}")
    print(f"modules built: {', '.join(modules)}")
    print(f"build: {seconds:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of processor time")
    print(f"links {len(linked)} shared libraries: {', '.join(linked)}")
    print(f"loads {len(loaded)} shared libraries: {', '.join(loaded)}")
    print(f"size: {program.stat().st_size} bytes")
    print(f"start to prediction: {1e3 * statistics.median(runs):.1f} ms")
    print(f"a wrong input: {wrong.stderr.strip()}")
    if options.report:
        return

    faults = surplus(fetched, modules, linked, package)
    values = [float(word) for word in predicted.stdout.split()]
    if predicted.returncode or len(values) != 10 or abs(sum(values) - 1) > 1e-4:
        faults.append(f"does not predict: {predicted.stdout}{predicted.stderr}")
    # The layer, its operation, and both shapes.
    expected = ["conv1", "[1, 3, 28, 28]", "[6, 1, 5, 5]"]
    if wrong.returncode >= 0 or not all(word in wrong.stderr for word in expected):
        faults.append(f"the message of a wrong shape lacks one of {', '.join(expected)}: {wrong.stderr.strip()[:400]}")
    if read.returncode or len(read.stdout.splitlines()) != len(files):
        faults.append(f"ends at {(read.stdout.splitlines() or ['the start'])[-1]}: {read.returncode}, {read.stderr.strip()[-400:]}")
    finish(faults)


if __name__ == "__main__":
    main()
