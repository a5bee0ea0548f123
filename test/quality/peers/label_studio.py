"""Writes a task with timeline labels as Label Studio exports it, its regions and annotation made and validated by the SDK: the export called JSON, and
the one called JSON-MIN, which the SDK's converter makes of it.

    pip install label-studio-sdk==2.1.2
    python label_studio.py ../fixtures && bun x biome check --write ../fixtures
"""

import json
import pathlib
import sys
import tempfile

from label_studio_sdk.converter import Converter
from label_studio_sdk.label_interface import LabelInterface
from label_studio_sdk.label_interface.objects import AnnotationValue

config = """<View>
  <TimelineLabels name="timelineLabels" toName="video"><Label value="pick up"/><Label value="pour"/></TimelineLabels>
  <Video name="video" value="$video" frameRate="25"/>
</View>"""
interface = LabelInterface(config)
interface.validate()
control = interface.get_control("timelineLabels")
frames = [(1, 50, "pick up"), (51, 51, "pour"), (60, 125, "pick up")]
regions = [control.label(label=[label], ranges=[{"start": start, "end": end}]) for start, end, label in frames]
result = [region._dict() for region in regions]
for i, region in enumerate(result):
    region["id"] = f"region-{i + 1}"
annotation = json.loads(AnnotationValue(completed_by=1, result=result).model_dump_json())
task = {"id": 1, "data": {"video": "/data/upload/1/tea.mp4"}, "annotations": [annotation]}
folder = pathlib.Path(sys.argv[1])
(folder / "label-studio.json").write_text(json.dumps([task], indent=1) + "\n", encoding="utf-8")

with tempfile.TemporaryDirectory() as work:
    exported = pathlib.Path(work) / "export"
    exported.mkdir()
    (exported / "task.json").write_text(json.dumps({**task, "annotations": [{"id": 1, **annotation}]}), encoding="utf-8")
    Converter(config=config, project_dir=work).convert_to_json_min(str(exported), str(pathlib.Path(work) / "min"))
    minimal = json.loads((pathlib.Path(work) / "min" / "result.json").read_text(encoding="utf-8"))
(folder / "label-studio-min.json").write_text(json.dumps(minimal, indent=1) + "\n", encoding="utf-8")
