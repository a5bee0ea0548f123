"""Writes small annotation files with the formats' own tools: ELAN with pympi, WebVTT with webvtt-py and with FFmpeg, SubRip with srt, pysubs2 and
FFmpeg. All say the same four steps.

    pip install pympi-ling==1.71 webvtt-py==0.6.0 srt==3.5.3 pysubs2==1.8.1
    python tools.py ../fixtures/tools
"""

import datetime
import pathlib
import subprocess
import sys

import pympi
import pysubs2
import srt
import webvtt

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
steps = [
    (0, 1500, "Pick up the cup & saucer"),
    (1500, 4250, "Pour 5 < 6 drops"),
    (3900, 5001, "Stir – zügig"),
    (3_599_999, 3_661_040, "洗碗"),
]

elan = pympi.Elan.Eaf(author="triptych")
elan.remove_tier("default")
elan.add_tier("steps")
for start, end, label in steps:
    elan.add_annotation("steps", start, end, label)
elan.add_tier("words", parent="steps", ling="default-lt")
elan.to_file(str(folder / "pympi.eaf"))


def clock(ms):
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}.{ms % 1000:03}"


captions = webvtt.WebVTT()
for start, end, label in steps:
    # The text of a cue is written as it is given, so signs of the format are escaped here.
    escaped = label.replace("&", "&amp;").replace("<", "&lt;")
    captions.captions.append(webvtt.Caption(clock(start), clock(end), escaped))
captions.save(str(folder / "webvtt-py.vtt"))

delta = datetime.timedelta
lines = [srt.Subtitle(i + 1, delta(milliseconds=s), delta(milliseconds=e), t) for i, (s, e, t) in enumerate(steps)]
(folder / "srt.srt").write_text(srt.compose(lines), encoding="utf-8")

subtitles = pysubs2.SSAFile()
subtitles.events = [pysubs2.SSAEvent(start=s, end=e, text=t) for s, e, t in steps]
subtitles.save(str(folder / "pysubs2.srt"))
subtitles.save(str(folder / "pysubs2.vtt"))

for ending in ("srt", "vtt"):
    source, target = folder / "srt.srt", folder / f"ffmpeg.{ending}"
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-bitexact", "-i", str(source), str(target)], check=True)
