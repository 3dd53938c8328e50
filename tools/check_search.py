#!/usr/bin/env python3
"""Checks `aviary search` against Optuna and scikit-learn, kills it, and times it. Needs numpy, optuna, torch and scikit-learn.

    tools/check_search.py samplers [--seeds 20]      regret after 60 trials on Branin and Hartmann 6, beside Optuna's TPE and GP
    tools/check_search.py grid                       the order of a grid is that of ParameterGrid
    tools/check_search.py killed [--kills 20]        a search that is killed again and again loses and doubles nothing
    tools/check_search.py photographs DIR CHECKPOINT 40 trials over five settings with frozen features, on 5 folds, and the
                                                     winner over 5 seeds beside the defaults, with which the search begins

`--build debug` takes the programs of the debug build. Optuna's figures are kept in .build/optuna-regret.json.
"""

import argparse
import json
import math
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TRIALS = 60
MINIMA = {"branin": 0.397887357729738, "hartmann6": -3.322368011415515}


def branin(x):
    slope = x[1] - 5.1 / (4 * math.pi ** 2) * x[0] ** 2 + 5 / math.pi * x[0] - 6
    return slope ** 2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x[0]) + 10


def hartmann6(x):
    widths = [[10, 3, 17, 3.5, 1.7, 8], [.05, 10, 17, .1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, .05, 10, .1, 14]]
    centers = [[.1312, .1696, .5569, .0124, .8283, .5886], [.2329, .4135, .8307, .3736, .1004, .9991],
               [.2348, .1451, .3522, .2883, .3047, .6650], [.4047, .8828, .8732, .5743, .1091, .0381]]
    return -sum(
        weight * math.exp(-sum(a * (v - p) ** 2 for a, v, p in zip(row, x, center)))
        for weight, row, center in zip([1, 1.2, 3, 3.2], widths, centers))


FUNCTIONS = {"branin": (branin, [(-5, 10), (0, 15)]), "hartmann6": (hartmann6, [(0, 1)] * 6)}


def optuna_regret(method, function, seed):
    import optuna
    import torch
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    value, ranges = FUNCTIONS[function]
    sampler = {"tpe": optuna.samplers.TPESampler, "gp": optuna.samplers.GPSampler}[method](seed=seed)
    study = optuna.create_study(sampler=sampler)
    study.optimize(
        lambda trial: value([trial.suggest_float(f"x{i}", *bounds) for i, bounds in enumerate(ranges)]), n_trials=TRIALS)
    return study.best_value - MINIMA[function]


def own_regret(program, method, function, seed):
    output = subprocess.run(
        [program, method, function, str(TRIALS), str(seed)], check=True, capture_output=True, text=True).stdout
    return min(map(float, output.split())) - MINIMA[function]


def interval(values):
    """The mean, and half of its 95 % confidence interval."""
    from scipy import stats
    mean = sum(values) / len(values)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return mean, stats.t.ppf(0.975, len(values) - 1) * deviation / math.sqrt(len(values))


def check_samplers(options):
    kept = ROOT / ".build/optuna-regret.json"
    known = json.loads(kept.read_text()) if kept.exists() else {}
    program = ROOT / ".build" / options.build / "Minimize"
    failed = False
    for function in options.functions.split(","):
        for method in options.methods.split(","):
            theirs = known.setdefault(f"{method} {function}", [])
            while len(theirs) < options.seeds:
                theirs.append(optuna_regret(method, function, len(theirs)))
                kept.write_text(json.dumps(known))
            ours = [own_regret(program, method, function, seed) for seed in range(options.seeds)]
            (mean, half), (their_mean, their_half) = interval(ours), interval(theirs[:options.seeds])
            isGood = mean <= their_mean + their_half
            failed |= not isGood
            print(
                f"{function:10} {method:4} regret {mean:.3g} ± {half:.2g}   Optuna {their_mean:.3g} ± {their_half:.2g}"
                f"   {'ok' if isGood else 'WORSE'}", flush=True)
    return failed


def write_table(folder, rows=120):
    generator = random.Random(1)
    lines = ["a,b,c,kind"]
    for _ in range(rows):
        a, b, c = (generator.gauss(0, 1) for _ in range(3))
        lines.append(f"{a:.4f},{b:.4f},{c:.4f},{'yes' if a + b * b > 0.5 + 0.3 * generator.gauss(0, 1) else 'no'}")
    path = folder / "table.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def aviary(options, *arguments, **more):
    program = ROOT / ".build" / options.build / "aviary"
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, **more)


def check_grid(options):
    from sklearn.model_selection import ParameterGrid
    values = {"learning-rate": ["0.01", "0.1"], "batch-size": ["16", "64"], "optimizer": ["sgd", "adam", "rmsprop"]}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        tries = [word for key, each in values.items() for word in ("--try", f"{key}={','.join(each)}")]
        result = aviary(
            options, "search", "train", "mlp", "--data", write_table(folder), "--target", "kind", "--epochs", 1, *tries,
            "--method", "grid", "--study", folder / "study.sqlite", "--json", "--quiet")
        if result.returncode:
            print(result.stderr)
            return True
        trials = [trial["settings"] for trial in json.loads(result.stdout.splitlines()[-1])["trials"]]
    isSame = trials == list(ParameterGrid(values))
    print(f"grid: {len(trials)} trials, {'in the order of ParameterGrid' if isSame else 'NOT those of ParameterGrid'}")
    return not isSame


def finished(path):
    """The finished trials of a study: number, value, settings and reports, as they are in the file."""
    if not path.exists():
        return {}
    with sqlite3.connect(path, timeout=30) as database:
        try:
            rows = database.execute("SELECT number, value FROM trials WHERE state = 'finished'").fetchall()
            return {
                number: (
                    value, tuple(database.execute("SELECT name, value FROM settings WHERE trial = ? ORDER BY name", (number,))),
                    tuple(database.execute("SELECT epoch, value FROM reports WHERE trial = ? ORDER BY epoch", (number,))))
                for number, value in rows}
        except sqlite3.OperationalError:
            return {}


def count(path, state):
    try:
        with sqlite3.connect(path, timeout=30) as database:
            return database.execute("SELECT count(*) FROM trials WHERE state LIKE ?", (state,)).fetchone()[0]
    except sqlite3.OperationalError:
        return 0


def check_killed(options):
    generator = random.Random(options.seed)
    epochs, failed, killed_trials = 3, False, 0
    program = ROOT / ".build" / options.build / "aviary"
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        study = folder / "study.sqlite"
        command = [
            program, "search", "train", "mlp", "--data", write_table(folder), "--target", "kind", "--epochs", str(epochs),
            "--try", "learning-rate=1e-4..1:log", "--try", "optimizer=sgd,momentum,adam", "--try", "batch-size=8..64",
            "--try", "momentum=0.5..0.99:if optimizer=momentum", "--study", study, "--threads", "1", "--quiet"]
        for kill in range(options.kills):
            before = finished(study)
            # Two processes now and then, of which both are killed.
            processes = [
                # More trials than there is time for, so that every kill hits one.
                subprocess.Popen(
                    command + ["--trials", "100000"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                    start_new_session=True)
                for _ in range(1 + kill % 2)]
            # Three of four go on until a trial is finished, however slow the machine is; the others may be killed as they begin.
            while kill % 4 and count(study, "finished") == len(before) and all(p.poll() is None for p in processes):
                time.sleep(0.02)
            time.sleep(generator.uniform(0, options.seconds))
            for process in processes:
                os.killpg(process.pid, signal.SIGKILL)
                message = process.communicate()[1].decode()
                if process.returncode != -signal.SIGKILL:
                    print(f"kill {kill + 1}: it ended with {process.returncode}: {message}")
                    failed = True
            after = finished(study)
            lost = [number for number in before if after.get(number) != before[number]]
            if lost:
                print(f"kill {kill + 1}: trials {lost} are lost or changed")
                failed = True
            killed_trials += count(study, "running")
        killed = len(finished(study))
        trials = count(study, "%") + 20
        result = subprocess.run(command + ["--trials", str(trials), "--json"], capture_output=True, text=True)
        if result.returncode:
            print(result.stderr)
            return True
        last = finished(study)
        found = json.loads(result.stdout.splitlines()[-1])
        faults = [
            number for number, (_, settings, reports) in last.items()
            if [epoch for epoch, _ in reports] != list(range(1, epochs + 1)) or not settings]
        # A trial that failed by itself is over, too.
        over = sorted(list(last) + [trial["trial"] - 1 for trial in found["trials"] if trial["state"] == "failed"])
        isWhole = over == list(range(trials)) == [trial["trial"] - 1 for trial in found["trials"]] and not faults
        print(
            f"killed: {options.kills} times, {killed_trials} trials hit, {killed} finished by then, {len(last)} in the end, "
            f"{len(over) - len(last)} failed, {'all whole and none double' if isWhole else f'NOT whole: {over} {faults}'}")
        leftover = (folder / "study.sqlite.runs").exists()
        if leftover:
            print("killed: study.sqlite.runs is left behind")
    return failed or leftover or not isWhole


def check_photographs(options):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        shared = ["finetune", "--from", options.checkpoint, "--data", options.data, "--freeze", "backbone", "--epochs", 5]
        start = time.monotonic()
        result = aviary(
            options, "search", *shared, "--try", "learning-rate=1e-4..1e-1:log", "--try", "batch-size=16,32,64,128",
            "--try", "optimizer=adamw,momentum,sgd", "--try", "weight-decay=1e-5..1e-1:log", "--try",
            "schedule=constant,cosine", "--method", options.method, "--trials", 40,
            *(["--folds", options.folds] if options.folds > 1 else []), "--study", folder / "study.sqlite", "--json")
        seconds = time.monotonic() - start
        if result.returncode:
            print(result.stderr)
            return True
        print(result.stdout.rsplit("\n", 2)[0])
        best = json.loads(result.stdout.splitlines()[-1])["best"]
        settings = [word for key, value in best["settings"].items() for word in (f"--{key}={value}",)]

        def accuracies(*more):
            found = []
            for seed in range(5):
                run = aviary(options, *shared, *more, "--seed", seed, "--output", folder / f"run-{len(more)}-{seed}", "--json", "--quiet")
                summary = json.loads(run.stdout.splitlines()[-1])
                found.append(summary["test_accuracy"] or summary["best_accuracy"])
            return sum(found) / len(found)

        usual, winner = accuracies(), accuracies(*settings)
        print(f"photographs: 40 trials in {seconds:.0f} s; held-out accuracy over 5 seeds {winner:.4f}, by default {usual:.4f}")
        return seconds > 240 or winner < usual


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["samplers", "grid", "killed", "photographs"])
    parser.add_argument("data", nargs="?", help="the photographs")
    parser.add_argument("checkpoint", nargs="?", help="the checkpoint to fine-tune")
    parser.add_argument("--build", default="release")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--methods", default="tpe,gp")
    parser.add_argument("--functions", default="branin,hartmann6")
    parser.add_argument("--method", default="tpe")
    parser.add_argument(
        "--folds", type=int, default=5, help="of the search on photographs (5); 1 for the validation part alone, which is too "
        "small to tell 40 trials apart")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=1.5, help="the longest time before a kill")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    check = {"samplers": check_samplers, "grid": check_grid, "killed": check_killed, "photographs": check_photographs}
    sys.exit(1 if check[options.part](options) else 0)


if __name__ == "__main__":
    main()
