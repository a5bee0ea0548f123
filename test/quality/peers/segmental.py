"""Writes cases of frame labellings with the scores that MS-TCN's evaluation gives them, as JSON on standard output.

    pip install 'numpy<1.24' actseg==0.1.0
    python segmental.py [COUNT] [SEED] > ../fixtures/segmental.json

Cases without a gold run are left out: the evaluation fails there.
"""

import json
import random
import sys

from actseg.eval.external.mstcn_code import edit_score, f_score

count, seed = (int(value) for value in (sys.argv[1:] + ["60", "1"])[:2])
rng = random.Random(seed)
labels = "abc-"


def frames():
    """Runs of random labels, `-` being background."""
    runs = [(rng.choice(labels), rng.randint(1, 6)) for _ in range(rng.randint(1, 8))]
    return "".join(label * length for label, length in runs)


cases = []
while len(cases) < count:
    gold = frames()
    predicted = frames() if rng.random() < 0.5 else "".join(rng.choice([x, x, x, rng.choice(labels)]) for x in gold)
    predicted = (predicted * len(gold))[: len(gold)]
    if set(gold) == {"-"}:
        continue
    background = ["-"]
    tallies = [[int(n) for n in f_score(predicted, gold, k, background)] for k in (0.1, 0.25, 0.5)]
    edit = edit_score(predicted, gold, bg_class=background)
    mof = sum(a == b for a, b in zip(gold, predicted))
    cases.append({"gold": gold, "predicted": predicted, "tp_fp_fn": tallies, "edit": float(edit), "correct": mof})
print("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]")
