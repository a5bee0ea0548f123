"""Writes how many borders and segments match in 1,000 random cases: borders by mir_eval's maximum matching of events, segments by SciPy's
maximum matching of a bipartite graph. Half of the cases have whole seconds, so that distances and overlaps tie; lists may be empty.

    pip install mir_eval==0.8.2 scipy==1.17.1
    python borders.py > ../fixtures/borders.json

The cases themselves are not in the file: `scorers.test.ts` draws the same ones with the same generator (mulberry32, seed 13).
"""

import json

import mir_eval
import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

MASK = 0xFFFFFFFF


def generator(seed):
    state = seed & MASK
    while True:
        state = (state + 0x6D2B79F5) & MASK
        t = ((state ^ (state >> 15)) * (state | 1)) & MASK
        t ^= (t + (((t ^ (t >> 7)) * (t | 61)) & MASK)) & MASK
        yield ((t ^ (t >> 14)) & MASK) / 2**32


random = generator(13)


def cuts(unit):
    """Segments side by side: borders at multiples of `unit` up to 30 s."""
    count = int(next(random) * 9)
    drawn = {int(next(random) * 30 / unit) * unit for _ in range(count)}
    borders = sorted(drawn)
    return list(zip(borders, borders[1:]))


def inner(segments):
    return np.array([start for start, _ in segments[1:]])


def overlap(a, b):
    shared = max(0.0, min(a[1], b[1]) - max(a[0], b[0]))
    return shared / (a[1] - a[0] + (b[1] - b[0]) - shared)


rows = []
for i in range(1000):
    unit = 1 if i % 2 == 0 else 0.125
    gold, predicted = cuts(unit), cuts(unit)
    either_empty = len(gold) < 2 or len(predicted) < 2
    borders = [
        0 if either_empty else len(mir_eval.util.match_events(inner(gold), inner(predicted), tolerance))
        for tolerance in (0.25, 0.5, 1, 2)
    ]
    segments = []
    for threshold in (0.5, 0.75):
        graph = [[int(overlap(g, p) >= threshold) for p in predicted] for g in gold]
        matched = maximum_bipartite_matching(csr_matrix(graph), perm_type="column") if gold and predicted else []
        segments.append(int(sum(m >= 0 for m in matched)))
    rows.append([len(gold), len(predicted), *borders, *segments])
print("[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]")
