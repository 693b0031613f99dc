"""What highdicom and pydicom read of a report and a structure set: <sr> <rtstruct> to JSON."""

import json
import sys

import highdicom as hd
from pydicom import dcmread
from pydicom.sr.codedict import codes

report = hd.sr.srread(sys.argv[1])
groups = report.content.get_volumetric_roi_measurement_groups()
volumes = []
for group in groups:
    [volume] = group.get_measurements(name=codes.SCT.Volume)
    segment = group.referenced_segment
    volumes.append(
        {
            "segment": int(segment.referenced_segment_numbers[0]),
            "volumeMm3": volume.value,
            "unit": volume.unit.value,
            "finding": group.finding_type.value,
            "tracking": group.tracking_identifier,
        }
    )
structure_set = dcmread(sys.argv[2])
rois = [
    {
        "name": roi.ROIName,
        "points": [len(contour.ContourData) // 3 for contour in contours.get("ContourSequence", [])],
    }
    for roi, contours in zip(structure_set.StructureSetROISequence, structure_set.ROIContourSequence)
]
print(json.dumps({"volumes": volumes, "rois": rois}))
