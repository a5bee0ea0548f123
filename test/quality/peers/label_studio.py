"""Writes a task with timeline labels in the form of Label Studio's JSON export, its regions and annotation made and validated by the SDK.

    pip install label-studio-sdk==2.1.2
    python label_studio.py > ../fixtures/label-studio.json
"""

import json

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
print(json.dumps([task], indent=1))
