"""Writes a small gold set in the layout of each format that no tool of its own writes, from one table of steps, and says in truth.json what a
reader has to find in it. Layouts are taken from public documentation and from the formats' own loaders, named at each function.

    pip install pandas==3.1.1 pyarrow==26.0.1
    python documented.py ../fixtures/documented && bun x biome check --write ../fixtures
"""

import csv
import json
import math
import pathlib
import pickle
import sys

import numpy
import pandas
import pyarrow
import pyarrow.parquet

root = pathlib.Path(sys.argv[1])
root.mkdir(parents=True, exist_ok=True)

# Seconds and label. Overlaps, gaps, a step that is done twice in a row, one that lies inside another, and one past an hour.
TABLE = {
    "AbCdEf-_123": [
        (0.0, 4.25, 'Cut the "big" onion, finely'),
        (4.25, 9.5, "洗碗"),
        (9.5, 12.0, "洗碗"),
        (15.0, 21.04, "Stir – zügig"),
        (19.37, 26.0, "hold lid; don't move"),
        (3599.99, 3661.5, "ערבב & <serve>"),
    ],
    "-9_zyXwvUt0": [(1.5, 20.0, "knead"), (3.0, 4.0, "add salt"), (20.0, 22.0, "rest")],
    "empty-video": [],
}
DURATION = {"AbCdEf-_123": 3700.12, "-9_zyXwvUt0": 22.5, "empty-video": 5.0}
truth = {}


def segments(rows):
    """Rows in order of start, then end."""
    return [{"start": s, "end": e, "label": t} for s, e, t in sorted(rows, key=lambda row: row[:2])]


def expect(name, path, videos, *, unit="seconds", rate=None, given=None, level=1, durations=None, left_out=0, only=None):
    """What an import of `path` says: the segments of each video, and how many begin while an earlier one goes on or after all have ended."""
    found = [segments(rows) for rows in videos.values()]
    pairs = [(max(a["end"] for a in rows[: i + 1]), b["start"]) for rows in found for i, b in enumerate(rows[1:])]
    truth[name] = {
        "format": only or name,
        "path": path,
        "unit": unit,
        # Frames a second that a reader uses, and whether it has to be told.
        "frameRate": rate,
        "given": given,
        "level": level,
        "overlaps": sum(start < end for end, start in pairs),
        "gaps": sum(start > end for end, start in pairs),
        "leftOut": left_out,
        "videos": [
            {"videoId": video, **({} if durations is None else {"durationSec": durations[video]}), "segments": rows}
            for video, rows in zip(videos, found)
        ],
    }


def folder(name):
    path = root / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def write_json(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def activitynet():
    """activitynet/ActivityNet: Evaluation/README.md, and the fields that Evaluation/eval_detection.py asks for."""
    database = {
        video: {
            "duration": DURATION[video],
            "subset": "testing" if not rows else "validation",
            "resolution": "640x360",
            "url": f"https://www.youtube.com/watch?v={video}",
            "annotations": [{"segment": [s, e], "label": t} for s, e, t in rows],
        }
        for video, rows in TABLE.items()
    }
    taxonomy = [{"parentName": None, "nodeName": "Root", "nodeId": 0, "parentId": None}]
    write_json(root / "activity_net.json", {"version": "VERSION 1.3", "taxonomy": taxonomy, "database": database})
    # Of the test split nobody publishes the annotations: an empty list does not say that nothing happens.
    annotated = {video: rows for video, rows in TABLE.items() if rows}
    expect("activitynet", "activity_net.json", annotated, durations=DURATION, left_out=1)
    results = {
        video: [{"label": t, "score": round(0.9 - 0.1 * i, 1), "segment": [s, e]} for i, (s, e, t) in enumerate(rows)]
        for video, rows in TABLE.items()
    }
    external = {"used": False, "details": ""}
    write_json(root / "detections.json", {"version": "VERSION 1.3", "results": results, "external_data": external})
    expect("activitynet results", "detections.json", TABLE, only="activitynet")


def activitynet_captions():
    """ranjaykrishna/densevid_eval: README.md, sample_submission.json, and what evaluate.py reads."""
    gold = {
        f"v_{video}": {
            "duration": DURATION[video],
            "timestamps": [[s, e] for s, e, _ in rows],
            "sentences": [f" {t} " for _, _, t in rows],
        }
        for video, rows in TABLE.items()
    }
    write_json(root / "val_1.json", gold)
    named = {f"v_{video}": rows for video, rows in TABLE.items()}
    expect("activitynet-captions", "val_1.json", named, durations={f"v_{v}": d for v, d in DURATION.items()})
    results = {f"v_{v}": [{"sentence": t, "timestamp": [s, e]} for s, e, t in rows] for v, rows in TABLE.items()}
    external = {"used": True, "details": "features"}
    write_json(root / "captions.json", {"version": "VERSION 1.0", "results": results, "external_data": external})
    expect("activitynet-captions results", "captions.json", named, only="activitynet-captions")


def youcook2():
    """The fields of youcookii_annotations_trainval.json, as its readme and loaders have them. Times are whole seconds."""
    whole = {video: [(round(s), round(e), t) for s, e, t in rows] for video, rows in TABLE.items()}
    database = {
        video: {
            "duration": DURATION[video],
            "subset": "training",
            "recipe_type": "113",
            "annotations": [{"segment": [s, e], "id": i, "sentence": t} for i, (s, e, t) in enumerate(rows)],
            "video_url": f"https://www.youtube.com/watch?v={video}",
        }
        for video, rows in whole.items()
    }
    write_json(root / "youcookii_annotations_trainval.json", {"database": database})
    expect("youcook2", "youcookii_annotations_trainval.json", whole, durations=DURATION)


def coin():
    """coin-dataset/annotations: README.md."""
    database = {
        video: {
            "duration": DURATION[video],
            "class": "ReplaceCDDriveWithSSD",
            "video_url": f"https://www.youtube.com/embed/{video}",
            "start": min((s for s, _, _ in rows), default=0.0),
            "annotation": [{"id": str(212 + i), "segment": [s, e], "label": t} for i, (s, e, t) in enumerate(rows)],
            "subset": "training",
            "end": max((e for _, e, _ in rows), default=DURATION[video]),
            "recipe_type": 131,
        }
        for video, rows in TABLE.items()
    }
    write_json(root / "COIN.json", {"database": database})
    expect("coin", "COIN.json", TABLE, durations=DURATION)


def crosstask():
    """DmZhukov/CrossTask: read_task_info, get_vids and read_assignment of data.py. A task is five lines and an empty one; any may be empty but
    the first, the count and the steps. Steps count from 1 and cannot have a comma."""
    path = folder("crosstask")
    (path / "annotations").mkdir(exist_ok=True)
    plain = {video: [(s, e, t.replace(",", "")) for s, e, t in rows] for video, rows in TABLE.items()}
    # The addresses of one task, and the title and address of another, are not given.
    tasks = [("16815", "Grill Steak", "https://www.wikihow.com/Grill-Steak"), ("23521", "Knead", ""), ("77721", "", "")]
    lines = []
    for (task, title, address), rows in zip(tasks, plain.values()):
        steps = list(dict.fromkeys(t for _, _, t in rows)) or ["nothing"]
        lines += [task, title, address, str(len(steps)), ",".join(steps), ""]
        video = list(plain)[len(lines) // 6 - 1]
        with open(path / "annotations" / f"{task}_{video}.csv", "w", encoding="utf-8", newline="") as file:
            file.writelines(f"{steps.index(t) + 1},{s},{e}\n" for s, e, t in rows)
    (path / "tasks_primary.txt").write_text("\n".join(lines[:6]) + "\n", encoding="utf-8")
    (path / "tasks_related.txt").write_text("\n".join(lines[6:]) + "\n", encoding="utf-8")
    (path / "videos.csv").write_text(
        "".join(f"{task},{v},https://www.youtube.com/watch?v={v}\n" for (task, _, _), v in zip(tasks, plain)), encoding="utf-8"
    )
    order = sorted(zip((task for task, _, _ in tasks), plain))
    expect("crosstask", "crosstask", {video: plain[video] for _, video in order})


def clock(seconds, digits):
    whole, rest = divmod(round(seconds * 10**digits), 10**digits)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}.{rest:0{digits}}"


def epic_kitchens():
    """epic-kitchens/epic-kitchens-100-annotations: README.md, EPIC_100_train.csv. Written by pandas, as the published files are."""
    ids = dict(zip(TABLE, ("P01_11", "P22_107", "P30_05")))
    rows = [
        {
            "uid": i,
            "narration_id": f"{ids[video]}_{i}",
            "participant_id": ids[video].split("_")[0],
            "video_id": ids[video],
            "narration_timestamp": clock(s + 0.089, 3),
            "start_timestamp": clock(s, 2),
            "stop_timestamp": clock(e, 2),
            # At 59.94 frames a second, from 1: not what times are to be taken from.
            "start_frame": math.floor(s * 60000 / 1001) + 1,
            "stop_frame": math.floor(e * 60000 / 1001) + 1,
            "narration": t,
            "verb": t.split()[0],
            "verb_class": 3,
            "noun": "door",
            "noun_class": 3,
            "all_nouns": ["door", "knob"],
            "all_noun_classes": [3, 12],
        }
        for video in reversed(TABLE)
        for i, (s, e, t) in enumerate(TABLE[video])
    ]
    pandas.DataFrame(rows).to_csv(root / "EPIC_100_train.csv", index=False)
    # A table has no row for a video in which nothing happens.
    expect("epic-kitchens", "EPIC_100_train.csv", {ids[v]: TABLE[v] for v in reversed(TABLE) if TABLE[v]})


def goal_step():
    """facebookresearch/ego4d-goalstep: README.md, and what step_grounding/tools/parse_goalstep_jsons.py reads. A substep may begin before its step."""

    def step(s, e, t, inner=None):
        nested = {} if inner is None else {"segments": inner}
        return {
            "start_time": s,
            "end_time": e,
            "step_category": f"General cooking activity: {t}",
            "step_description": t,
            "is_continued": False,
            "is_procedural": bool(inner),
            "is_relevant": "essential",
            "summary": [row["step_description"] for row in inner or []],
            **nested,
        }

    inner = {0: [(-0.0, 2.0, "hold knife"), (2.0, 4.0, "切")], 4: [(19.3, 20.5, "grip")]}
    videos = [
        {
            "video_uid": video,
            "start_time": 0.0210286458333333,
            "end_time": DURATION[video],
            "goal_category": "COOKING:MAKE_OMELET",
            "goal_description": "Make omelette",
            "goal_wikihow_url": "https://www.wikihow.com/Cook-a-Basic-Omelette",
            "summary": [],
            "is_procedural": True,
            "segments": [
                step(s, e, t, [step(*row) for row in inner.get(i, [])] if video == "AbCdEf-_123" else [])
                for i, (s, e, t) in enumerate(rows)
            ],
        }
        for video, rows in TABLE.items()
    ]
    head = {"version": "1.0", "date": "231129", "description": "Ego4D Goal-Step (val)", "split": "val"}
    write_json(root / "goalstep_val.json", {**head, "videos": videos})
    expect("goal-step", "goalstep_val.json", TABLE)
    deep = {video: sum(inner.values(), []) if video == "AbCdEf-_123" else [] for video in TABLE}
    expect("goal-step level 2", "goalstep_val.json", deep, level=2, only="goal-step")


def keystep():
    """Ego-Exo4D keystep_train.json, as loaders of the data set read it: a step without times is passed over, names may stand in for descriptions."""
    names = dict(zip(TABLE, ("cmu_bike01_2", "upenn_0713_Cooking_3_4", "iiith_cooking_55_6")))

    def step(i, s, e, t):
        described = {"step_description": t} if i % 2 == 0 else {"step_description": None}
        return {
            "start_time": s,
            "end_time": e,
            "step_id": i,
            "step_unique_id": 100 + i,
            "step_name": f"Name of {i}" if i % 2 == 0 else t,
            **described,
            "is_essential": i % 3 != 0,
        }

    annotations = {
        f"{i:08d}-ef00-4f21-9f6a-1a1a1a1a1a1a": {
            "take_uid": f"{i:08d}-ef00-4f21-9f6a-1a1a1a1a1a1a",
            "take_name": names[video],
            "scenario": "Remove a Wheel",
            "segments": [step(k, *row) for k, row in enumerate(rows)] + ([step(99, None, None, "no times")] if i == 1 else []),
        }
        for i, (video, rows) in enumerate(TABLE.items())
    }
    vocabulary = {"100": "Name of 0"}
    document = {"annotations": annotations, "taxonomy": {"Remove a Wheel": {}}, "vocabulary": vocabulary, "version": "v2"}
    write_json(root / "keystep_train.json", document)
    expect("egoexo-keystep", "keystep_train.json", {names[v]: rows for v, rows in TABLE.items()}, left_out=1)


def assembly101():
    """assembly-101/assembly101-annotations: fine-grained-annotations/README.md. Frames at 30 a second; every view of a sequence has its rows."""
    sequence = "nusar-2021_action_both_9033-a30_9033_user_id_2021-02-04_131528"
    frames = [(round(s * 30), round(e * 30), t) for s, e, t in TABLE["AbCdEf-_123"]]
    views = (f"{sequence}/C10404_rgb", f"{sequence}/HMC_21176875_mono10bit")
    rows = [
        {
            "id": i,
            "video": f"{view}.mp4",
            "start_frame": s,
            "end_frame": e,
            "action_id": 10,
            "verb_id": 18,
            "noun_id": 27,
            "action_cls": t,
            "verb_cls": "clap",
            "noun_cls": "hand",
            "toy_id": "a30",
            "toy_name": "suv",
            "is_shared": 0,
            "is_RGB": int("rgb" in view),
        }
        for view in views
        for i, (s, e, t) in enumerate(frames)
    ]
    pandas.DataFrame(rows).to_csv(root / "validation.csv", index=False)
    seconds = [(s / 30, e / 30, t) for s, e, t in frames]
    expect("assembly101", "validation.csv", {view: seconds for view in views}, unit="frames", rate=30)


def ms_tcn():
    """yabufarha/ms-tcn: main.py (mapping.txt), batch_gen.py and eval.py (groundTruth). A label a frame, which holds neither overlaps nor the border of
    equal steps side by side. The rate, here that of NTSC, is in no file."""
    path = folder("mstcn")
    (path / "groundTruth").mkdir(exist_ok=True)
    (path / "splits").mkdir(exist_ok=True)
    rate = 30000 / 1001
    expected, names = {}, {"background": 0}
    for video, rows in sorted(TABLE.items()):
        labels = ["background"] * round(min(DURATION[video], 28) * rate)
        for s, e, t in rows:
            span = range(round(s * rate), round(e * rate))
            if e < 28 and all(labels[i] == "background" for i in span):
                name = t.replace(" ", "_")
                names.setdefault(name, len(names))
                labels[span.start : span.stop] = [name] * len(span)
        (path / "groundTruth" / f"{video}.txt").write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")
        runs = []
        for i, label in enumerate(labels):
            if label == "background":
                continue
            if runs and runs[-1][1] == i and runs[-1][2] == label:
                runs[-1][1] = i + 1
            else:
                runs.append([i, i + 1, label])
        expected[video] = [(s / rate, e / rate, t) for s, e, t in runs]
    (path / "mapping.txt").write_text("".join(f"{i} {name}\n" for name, i in names.items()), encoding="utf-8")
    (path / "splits" / "test.split1.bundle").write_text("".join(f"{video}.txt\n" for video in TABLE), encoding="utf-8")
    expect("mstcn", "mstcn", expected, unit="frames", rate=rate, given=rate)


def via3():
    """ox-vgg/via: the annotated project of via-3.x.y's README (which has no data_format_version), and src/js for what a checkbox keeps. A file is
    found by its src; regions of frames stand beside temporal segments."""
    texts = list(dict.fromkeys(t for rows in TABLE.values() for _, _, t in rows))
    metadata = {
        f"-glf{v}{i}": {"vid": str(v + 1), "flg": 0, "z": [s, e], "xy": [], "av": {"1": str(texts.index(t) + 1), "3": ""}}
        for v, rows in enumerate(TABLE.values())
        for i, (s, e, t) in enumerate(rows)
    }
    metadata["+region"] = {"vid": "1", "flg": 0, "z": [0.917], "xy": [2, 263, 184, 17, 13], "av": {"2": "Egg"}}
    metadata["ed+both"] = {"vid": "2", "flg": 0, "z": [22, 22.5], "xy": [], "av": {"1": str(len(texts)), "3": "0,2"}}
    anchor = {"desc": "", "default_option_id": ""}
    project = {
        "project": {
            "pid": "__VIA_PROJECT_ID__",
            "rev": "__VIA_PROJECT_REV_ID__",
            "rev_timestamp": "__VIA_PROJECT_REV_TIMESTAMP__",
            "pname": "VIA3 Sample Project",
            "creator": "VGG Image Annotator (http://www.robots.ox.ac.uk/~vgg/software/via)",
            "created": 1588343615019,
            "vid_list": ["1", "2"],
        },
        "config": {"file": {"loc_prefix": {"1": "", "2": "", "3": "", "4": ""}}, "ui": {"file_content_align": "center"}},
        "attribute": {
            "1": {"aname": "Activity", "anchor_id": "FILE1_Z2_XY0", "type": 4, "options": {str(i + 1): t for i, t in enumerate(texts)}, **anchor},
            "2": {"aname": "Object", "anchor_id": "FILE1_Z1_XY1", "type": 1, "options": {}, **anchor},
            "3": {"aname": "Hands", "anchor_id": "FILE1_Z2_XY0", "type": 2, "options": {"0": "left", "1": "none", "2": "right"}, **anchor},
        },
        "file": {
            "1": {"fid": 1, "fname": "AbCdEf-_123.mp4", "type": 4, "loc": 3, "src": "/data/videos/AbCdEf-_123.mp4"},
            "2": {"fid": 2, "fname": "https://example.org/v/-9_zyXwvUt0.ogv?x=1", "type": 4, "loc": 2, "src": "https://example.org/v/-9_zyXwvUt0.ogv?x=1"},
            "3": {"fid": "3", "fname": "empty-video.webm", "type": 4, "loc": 1, "src": ""},
        },
        "view": {"1": {"fid_list": [1]}, "2": {"fid_list": [2]}, "3": {"fid_list": ["3"]}},
        "metadata": metadata,
    }
    write_json(root / "via_project.json", project)
    both = {**TABLE, "-9_zyXwvUt0": TABLE["-9_zyXwvUt0"] + [(22, 22.5, f"{texts[-1]}, left, right")]}
    expect("via3", "via_project.json", both)


def gebd():
    """StanLei52/GEBD: INSTRUCTIONS.md, data/export/prepare_k400_release.ipynb and Challenge_eval_Code/eval.py. Its pickle, written as JSON. Segments
    are those of the rater whom the others agree with most."""

    def entry(raters, consistency, seconds):
        return {
            "num_frames": round(seconds * 25),
            "path_video": "val/x.mp4",
            "fps": 25.0,
            "video_duration": seconds,
            "path_frame": "val/x",
            "f1_consis": consistency,
            "f1_consis_avg": sum(consistency) / len(consistency),
            "substages_myframeidx": [[float(math.floor(t * 25)) for t in rater] for rater in raters],
            "substages_timestamps": raters,
        }

    document = {
        "3y1V7BNNBds": entry([[8.0, 2.0], [4.5], [7.5, 2.25]], [0.5, 0.4, 0.9], 10.0),
        "nobody-cut1": entry([[], [], [5.0]], [1.0, 1.0, 0.0], 9.97),
        "no-accord-0": entry([[1.0], [5.0], [9.0]], [0.0, 0.0, 0.5], 10.0),
    }
    document = pickle.loads(pickle.dumps(document, protocol=pickle.HIGHEST_PROTOCOL))
    write_json(root / "k400_mr345_val_min_change_duration0.3.json", document)
    event = "event"
    videos = {"3y1V7BNNBds": [(0, 2.25, event), (2.25, 7.5, event), (7.5, 10.0, event)], "nobody-cut1": [(0, 9.97, event)]}
    durations = {"3y1V7BNNBds": 10.0, "nobody-cut1": 9.97}
    expect("gebd", "k400_mr345_val_min_change_duration0.3.json", videos, durations=durations, left_out=1)
    truth["gebd"]["raters"] = {name: document[name]["substages_timestamps"] for name in videos}


def lerobot():
    """huggingface/lerobot: docs/source/language_and_recipes.mdx and src/lerobot/datasets/language.py. What persists is repeated in every frame of an
    episode and active until replaced, times are of single precision, and an episode of which nothing is said has null or an empty list."""
    path = folder("lerobot/data/chunk-000")
    text = pyarrow.string()
    time = pyarrow.field("timestamp", pyarrow.float32(), nullable=False)

    def column(values, *more):
        """pyarrow makes no JSON of Python's values, but casts texts to it."""
        fields = [pyarrow.field("role", text, nullable=False), ("content", text), ("style", text), *more, ("camera", text)]
        as_text, as_json = (pyarrow.list_(pyarrow.struct([*fields, ("tool_calls", pyarrow.list_(kind))])) for kind in (text, pyarrow.json_()))
        return pyarrow.array(values, as_text).cast(as_json)

    def said(content, style, timestamp):
        return {"role": "assistant", "content": content, "style": style, "timestamp": timestamp, "camera": None, "tool_calls": None}

    rate = 30000 / 1001
    short = [step for step in TABLE["AbCdEf-_123"] if step[1] < 12.5]
    # Out of order, and between rows of other styles.
    spoken = [said(t, "subtask", s) for s, _, t in reversed(short)] + [said("make soup", "plan", 0.0), said("onion is cut", "memory", 4.25)]
    episodes = {0: (spoken, 375), 1: (None, 30), 2: ([said("knead", "subtask", 0.5)], 60), 3: ([], 15)}
    frames = {episode: [numpy.float32(i / rate) for i in range(count)] for episode, (_, count) in episodes.items()}
    for file, held in (("file-000", (0, 1)), ("file-001", (2, 3))):
        rows = [(episode, i) for episode in held for i in range(len(frames[episode]))]
        table = pyarrow.table(
            {
                "timestamp": pyarrow.array([frames[episode][i] for episode, i in rows], pyarrow.float32()),
                "frame_index": pyarrow.array([i for _, i in rows], pyarrow.int64()),
                "episode_index": pyarrow.array([episode for episode, _ in rows], pyarrow.int64()),
                "language_persistent": column([episodes[episode][0] for episode, _ in rows], time),
                "language_events": column([[] for _ in rows]),
            }
        )
        pyarrow.parquet.write_table(table, path / f"{file}.parquet", compression="snappy")
    end = {episode: round(len(times) / rate, 6) for episode, times in frames.items()}
    single = [(float(numpy.float32(s)), t) for s, _, t in short]
    first = [(s, following, t) for (s, t), following in zip(single, [s for s, _ in single[1:]] + [end[0]])]
    # What came before language columns, a number a frame, has its texts in another file.
    older = {"timestamp": frames[2], "episode_index": [2] * len(frames[2]), "subtask_index": [0] * len(frames[2])}
    pyarrow.parquet.write_table(pyarrow.table(older), root / "lerobot-subtask-index.parquet", compression="snappy")
    # A subtask is active up to the end, so an episode without any is one that nobody has annotated.
    expect("lerobot", "lerobot", {"episode_000000": first, "episode_000002": [(0.5, end[2], "knead")]}, left_out=2)


def tables():
    """CSV by Python's csv with a byte order mark and CRLF, tab-separated by pandas, JSON lines by pandas: the columns that docs/scoring.md names."""
    rows = [(video, s, e, t) for video, steps in TABLE.items() for s, e, t in steps]
    names = ["video_id", "start_sec", "end_sec", "label"]
    with open(root / "gold.csv", "w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)
        writer.writerows([names, *rows])
    frame = pandas.DataFrame(rows, columns=names)
    frame[["label", "end_sec", "video_id", "start_sec"]].to_csv(root / "gold.tsv", sep="\t", index=False)
    frame.to_json(root / "gold.jsonl", orient="records", lines=True)
    filled = {video: steps for video, steps in TABLE.items() if steps}
    expect("csv", "gold.csv", filled)
    expect("csv with tabs", "gold.tsv", filled, only="csv")
    expect("jsonl", "gold.jsonl", filled)


for write in (activitynet, activitynet_captions, youcook2, coin, crosstask, epic_kitchens, goal_step, keystep, assembly101, ms_tcn, via3, gebd, lerobot, tables):
    write()
write_json(root / "truth.json", truth)
