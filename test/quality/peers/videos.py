"""Writes Parquet files in the form of WGO-Bench, videos included: as bytes, and as Hugging Face's `datasets` writes its Video feature
(a struct of bytes and path). Needs the ffmpeg program.

    pip install pyarrow
    python videos.py FOLDER
"""

import pathlib
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq

folder = pathlib.Path(sys.argv[1])


def video(seconds, name):
    path = folder / name
    source = f"testsrc=size=64x48:rate=6:duration={seconds}"
    encode = ["-c:v", "libx264", "-preset", "veryslow", "-crf", "45", "-pix_fmt", "yuv420p", "-g", "12", "-bitexact"]
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", source, *encode, str(path)], check=True)
    content = path.read_bytes()
    path.unlink()
    return content


def steps(*rows):
    return [{"start_sec": start, "end_sec": end, "subtask": subtask} for start, end, subtask in rows]


segments = pa.list_(pa.struct([("start_sec", pa.float64()), ("end_sec", pa.float64()), ("subtask", pa.string())]))
gold = [
    steps((0.0, 3.0, "pick up the cup"), (3.0, 6.0, "place the cup"), (6.0, 9.0, "wipe the table")),
    steps((0.0, 2.0, "open the drawer"), (2.0, 8.0, "close the drawer")),
    steps((0.0, 4.0, "fold the cloth")),
]
ids = ["droid_001", "homer_002", "galaxea_003"]
videos = [video(9, "a.mp4"), video(8, "b.mp4"), b"this is no video"]

plain = pa.table({"id": ids, "video": pa.array(videos, pa.binary()), "segments": pa.array(gold, segments)})
pq.write_table(plain, folder / "wgo-videos.parquet", compression="zstd", row_group_size=1, write_statistics=False)

feature = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
rows = [
    {"bytes": videos[0], "path": "a.mp4"},
    {"bytes": None, "path": "clips/b.mp4"},
    {"bytes": None, "path": "../outside.mp4"},
]
struct = pa.table({"id": ids, "video": pa.array(rows, feature), "segments": pa.array(gold, segments)})
pq.write_table(struct, folder / "wgo-feature.parquet", compression="zstd", write_statistics=False)
