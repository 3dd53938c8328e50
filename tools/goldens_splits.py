#!/usr/bin/env python3
"""What scikit-learn's splitters make of small lists: Tests/DatasetsTests/Goldens/splits.json.

    python3 tools/goldens_splits.py      (scikit-learn 1.9)

`held` are the very examples that each fold holds out, without a draw; where scikit-learn draws, or leaves the order of
equal groups open, only the folds' sizes and their examples of each class are kept, sorted.
"""

import json
import pathlib
import random
import warnings

import numpy as np
from sklearn import model_selection as ms

warnings.simplefilter("ignore")
PATH = pathlib.Path(__file__).parent.parent / "Tests/DatasetsTests/Goldens/splits.json"


def case(labels, groups, folds):
    labels, groups = np.array(labels), np.array(groups)
    rows = np.zeros((len(labels), 1))

    def held(splitter, *rest):
        return [[int(i) for i in test] for _, test in splitter.split(rows, *rest)]

    def classes(splitter, *rest):
        return sorted(
            [int(np.sum(labels[test] == c)) for c in np.unique(labels)] for _, test in splitter.split(rows, *rest))

    return {
        "labels": labels.tolist(),
        "groups": groups.tolist(),
        "folds": folds,
        "plain": held(ms.KFold(folds)),
        "stratified": held(ms.StratifiedKFold(folds), labels),
        "stratified_grouped": held(ms.StratifiedGroupKFold(folds), labels, groups),
        "in_order": held(ms.TimeSeriesSplit(folds)),
        "group_sizes": sorted(len(test) for _, test in ms.GroupKFold(folds).split(rows, labels, groups)),
        "repeated": classes(
            ms.RepeatedStratifiedKFold(n_splits=folds, n_repeats=3, random_state=1), labels),
    }


def main():
    random.seed(16)
    cases = [case([0, 1] * 10, [i // 2 for i in range(20)], 4)]
    for count, classes, groups, folds in [(23, 3, 9, 5), (40, 2, 13, 3), (57, 5, 20, 7), (12, 2, 12, 2), (31, 4, 6, 6)]:
        labels = [min(classes - 1, int(random.expovariate(1))) for _ in range(count)]
        # A class for each number, so that nothing is refused.
        labels[:classes] = range(classes)
        members = [random.randrange(groups) for _ in range(count)]
        members[:groups] = range(groups)
        cases.append(case(labels, members, folds))
    PATH.write_text(json.dumps({"cases": cases}, separators=(",", ":")) + "\n")
    print(PATH, PATH.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
