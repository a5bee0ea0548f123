"""Writes python-cases.json: what Python says of letters, white space, slugs and references, for the tests beside it.

    python3 test/plan/python-cases.py > test/plan/python-cases.json && bun x biome check --write test/plan/python-cases.json

Run it with Python 3.11, whose Unicode is 14.0.
"""

import json
import random
import re
import sys
import unicodedata

assert unicodedata.unidata_version == "14.0.0", unicodedata.unidata_version
rng = random.Random(14)
surrogates = range(0xD800, 0xE000)


def ranges(has):
    """Alternating lengths of runs of code points without and with a property, from U+0000 on."""
    lengths, now, begun = [], False, 0
    for code in range(0x110000):
        if (code not in surrogates and has(chr(code))) != now:
            lengths.append(code - begun)
            now, begun = not now, code
    return lengths


def slug(goal):
    """The rule of the dataset contract, section 1."""
    kept = "".join(c for c in goal if c.isalnum() or c == "_" or c.isspace() or c == "-")
    name = re.sub(r"[\s-]+", "_", kept.strip().lower()) or "unnamed"
    return (name[:80].rstrip("_") if len(name) > 80 else name) or "unnamed"


chosen = [
    "", " ", "!!!", "-", "_", "__", "🧽 Wipe", "• Flip", "Fold -", "- Fold", "  Open - the   jar!  ", "Cut (finely), at 45°",
    "snake_case_stays", "倒入 热水-壶", "Crème brûlée №2", "ΟΔΟΣ", "ΟΔΟΣ.", "İstanbul", "ıI", "ŞIK ſ", "ﬁlter", "a\u200bb",
    "a\ufeffb", "\ufeff x", "x\x1c y", "\x85x\x85", "e\u0301te", "न्याय", "½ cup", "Ⅷ Ⅻ", "٣ cups", "Ⓐ Ⓑ", "a‐b–c—d", "a/b", "字" * 100,
    "a" * 79 + " b", "a" * 80 + "_", "a" * 79 + "_" + "b", "_" * 100, "-" * 100, "x " * 60, "𐐀𐐁 𐐨", "Ǆ ǅ ǆ", "\ua7dc\U00010d50 new",
    "\U00031350\u4e2d", "ªº", "a\u00adb", "\u0130" * 50, "tab\tnew\nline", "a\u2028b", "Dz\u01f2",
]
alphabets = [
    "abcXYZ019 _-", " \t\n\r\v\f\x1c\x1f\x85\xa0\u1680\u2003\u2028\u202f\u3000\ufeff\u200b", "İIıiſsKΣσςÅßẞǅﬁ",
    "—–‐‑•🧽✂️½²Ⅷⓐ٣۴", "倒水字ー々", "𠀀𝐀𝟘𐐀😀", "e\u0301\u0308\u093e\u0307", "!?.,()/\\'\"@#",
]


def odd_text():
    length = rng.choice([1, 2, 3, 5, 8, 13, 21, 79, 80, 81, 90])
    if rng.random() < 0.7:
        return "".join(rng.choice(rng.choice(alphabets)) for _ in range(length))
    top = rng.choice([0x3000, 0x110000])
    return "".join(chr(c) for c in (rng.randrange(top) for _ in range(length)) if c not in surrogates)


goals = chosen + [odd_text() for _ in range(120)]

placeholders = ["n/a", "na", "none", "null", "unknown", "unspecified", "tbd", "todo", "-", "..."]
pictures = ["frame", "image", "img", "picture"]
ordinals = "initial first second third fourth fifth sixth seventh eighth ninth tenth last final beginning ending".split()
units = "s sec secs second seconds ms msec millisecond milliseconds".split()
any_of = lambda words: "|".join(words)
numbered = re.compile(rf"\b(?:{any_of(pictures)})\s*\d+\b", re.IGNORECASE)
ordered = re.compile(rf"\b(?:{any_of(ordinals)})\s+(?:{any_of(pictures)})\b", re.IGNORECASE)
number = r"\d+(?:\.\d+)?"
timed = re.compile(
    rf"\bt\s*=\s*{number}\s*(?:{any_of(units)})\b|\b{number}\s*(?:{any_of(units)})\b"
    r"|\b\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?\b",
    re.IGNORECASE,
)


def verdict(text):
    """`f` for a reference to a frame, `t` for one to a time, `p` for a placeholder."""
    bare = re.sub(r"\s+", " ", text.strip().lower())
    flags = [("f", numbered.search(text) or ordered.search(text)), ("t", timed.search(text)), ("p", bare in placeholders)]
    return "".join(flag for flag, holds in flags if holds)


gaps = ["", " ", "  ", "\t", "\n", "\xa0", "\u2003", "\x1f", "\x85", "\ufeff", "\u200b", "_", "-", ".", "#"]
edges = ["", "", "", "a", "é", "_", "1", "(", ".", "字", "s", "²"]
numbers = ["1", "12", "100", "3.2", "00", "1.", "٣", "²", "½", "十", "１２", "0:03", "00:03", "1:02:03.5", "123:45", "1:234", "𝟘"]


def in_case(word):
    odd = {"i": "İı", "s": "ſ", "k": "K"}
    kind = rng.random()
    if kind < 0.6:
        return word if kind < 0.3 else word.upper() if kind < 0.5 else word.capitalize()
    return "".join(rng.choice(c + c.upper() + odd.get(c, "")) for c in word)


def odd_reference():
    gap = "".join(rng.choice(gaps) for _ in range(rng.randint(0, 2)))
    kind = rng.random()
    if kind < 0.3:
        core = in_case(rng.choice([*pictures, "frames", "photo"])) + gap + rng.choice(numbers)
    elif kind < 0.55:
        core = in_case(rng.choice([*ordinals, "next"])) + gap + in_case(rng.choice(pictures))
    elif kind < 0.85:
        core = rng.choice(["", "t=", "T = "]) + rng.choice(numbers) + gap + in_case(rng.choice([*units, "min", "m", "h"]))
    else:
        return gap + in_case(rng.choice(placeholders)) + rng.choice(gaps)
    return rng.choice(edges) + core + rng.choice(edges)


sentences = [
    "the first picture", "picture 3", "the beginning frame", "ending frame", "3S", "100000 ms", "na", "N/A", "…", "none.", "Unknown.",
    "frames 3-5", "image_04", "keyframe 7", "第12帧", "3 mm", "1:4", "the 1990s", "2's", "frame number 3", "next frame", "2 minutes",
    "Frame\n12", "last  image", "the picture frame", "t = 5sec", "12:345", "at 9:15 sharp", "3.2.1 s", "ﬁrst frame", "5 S",
]
texts = sentences + [odd_reference() for _ in range(500)]

print("{")
for name, has in [("alphanumeric", str.isalnum), ("space", str.isspace), ("digit", str.isdecimal)]:
    print(f'"{name}": {json.dumps(ranges(has), separators=(",", ":"))},')
print('"slugs": [\n' + ",\n".join(json.dumps([g, slug(g)]) for g in goals) + "\n],")
print('"references": [\n' + ",\n".join(json.dumps([t, verdict(t)]) for t in texts) + "\n]\n}")
sys.stdout.flush()
