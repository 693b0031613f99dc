"""What highdicom and pydicom read of DICOM segmentations: <file>... to JSON, one entry a file."""

import json
import sys

import highdicom as hd
import numpy as np
from pydicom import dcmread


def read(path: str) -> dict:
    seg = hd.seg.segread(path)
    kinds = hd.seg.SegmentationTypeValues
    # highdicom 0.28 brings 16 bits down to 8 where it takes the segments of a label map apart.
    together = seg.segmentation_type == kinds.LABELMAP
    # Axes: slices, rows, columns and, unless together, segments; its affine is in LPS.
    volume = seg.get_volume(
        combine_segments=together,
        allow_missing_positions=True,
        rescale_fractional=seg.segmentation_type == kinds.FRACTIONAL,
    )
    segments = []
    for n, number in enumerate(seg.segment_numbers):
        places = np.argwhere(volume.array == number if together else volume.array[..., n] >= 0.5)
        centroid = volume.affine[:3, :3] @ places.mean(0) + volume.affine[:3, 3] if len(places) else None
        description = seg.get_segment_description(number)
        modifiers = description.SegmentedPropertyTypeCodeSequence[0].get("SegmentedPropertyTypeModifierCodeSequence", [])
        segments.append(
            {
                "number": int(number),
                "label": description.segment_label,
                "family": description.algorithm_identification and description.algorithm_identification.family.meaning,
                "modifiers": [code.CodeValue for code in modifiers],
                "voxels": len(places),
                "centroidRasMm": None if centroid is None else [-centroid[0], -centroid[1], centroid[2]],
            }
        )
    pixels = dcmread(path).pixel_array
    return {
        "type": seg.segmentation_type.value,
        "segments": segments,
        "pydicom": {"frames": len(pixels.reshape(-1, seg.Rows, seg.Columns)), "sum": int(pixels.sum(dtype=np.int64))},
    }


print(json.dumps([read(path) for path in sys.argv[1:]]))
