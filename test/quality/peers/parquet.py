"""Writes small Parquet files in the forms of WGO-Bench and of LeRobot's language columns, with pyarrow.

    pip install pyarrow
    python parquet.py FOLDER
"""

import pathlib
import sys

import pyarrow as pa
import pyarrow.parquet as pq

folder = pathlib.Path(sys.argv[1])

segment = pa.struct([("start_sec", pa.float64()), ("end_sec", pa.float64()), ("subtask", pa.string())])
wgo = pa.table(
    {
        "id": ["droid_001", "homer_002"],
        "video": pa.array([b"\x00" * 9, b"\x01" * 9], pa.binary()),
        "instruction": ["put the cup on the shelf", "tidy the table"],
        "segments": pa.array(
            [
                [
                    {"start_sec": 0.0, "end_sec": 3.25, "subtask": "pick up the cup"},
                    {"start_sec": 3.25, "end_sec": 7.5, "subtask": "place the cup on the shelf"},
                ],
                [{"start_sec": 0.0, "end_sec": 12.0, "subtask": "wipe the table"}],
            ],
            pa.list_(segment),
        ),
        "metadata": ['{"robot": "franka"}', "{}"],
    }
)
pq.write_table(wgo, folder / "wgo.parquet", compression="zstd")

row = pa.struct(
    [("role", pa.string()), ("content", pa.string()), ("style", pa.string()), ("timestamp", pa.float32()), ("camera", pa.string())]
)


def said(content, style, timestamp):
    return {"role": "assistant", "content": content, "style": style, "timestamp": timestamp, "camera": None}


episodes = {
    0: [said("reach and lift", "plan", 0.0), said("reach for the block", "subtask", 0.0), said("lift the block", "subtask", 1.5)],
    1: [said("push the drawer", "subtask", 0.5)],
}
frames = [(episode, i) for episode in episodes for i in range(30)]
lerobot = pa.table(
    {
        "episode_index": pa.array([episode for episode, _ in frames], pa.int64()),
        "frame_index": pa.array([i for _, i in frames], pa.int64()),
        "timestamp": pa.array([i / 10 for _, i in frames], pa.float32()),
        "observation.state": pa.array([[0.0] * 6 for _ in frames], pa.list_(pa.float32())),
        "language_persistent": pa.array([episodes[episode] for episode, _ in frames], pa.list_(row)),
    }
)
pq.write_table(lerobot, folder / "lerobot.parquet", compression="snappy")
