"""Time and size of highdicom's LABELMAP of the same label map: <raw uint8 file> <nx> <ny> <nz> <segments>."""

import io
import statistics
import sys
import time

import highdicom as hd
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

file, *numbers = sys.argv[1:]
nx, ny, nz, count = map(int, numbers)
labels = np.fromfile(file, np.uint8).reshape(nz, ny, nx)


def slice_of(k: int) -> Dataset:
    one = Dataset()
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    one.SOPClassUID, one.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", f"1.2.826.0.1.3680043.10.4.{k + 1}"
    one.StudyInstanceUID, one.SeriesInstanceUID = "1.2.826.0.1.3680043.10.1", "1.2.826.0.1.3680043.10.2"
    one.FrameOfReferenceUID, one.Modality = "1.2.826.0.1.3680043.10.3", "CT"
    one.PatientID = one.PatientName = one.PatientBirthDate = one.PatientSex = one.AccessionNumber = ""
    one.StudyID = one.StudyDate = one.StudyTime = one.ReferringPhysicianName = one.PositionReferenceIndicator = ""
    one.Rows, one.Columns, one.PixelSpacing, one.SliceThickness = ny, nx, [0.7, 0.7], 1.5
    one.ImageOrientationPatient, one.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, 1.5 * k]
    one.InstanceNumber = k + 1
    return one


source = [slice_of(k) for k in range(nz)]
algorithm = hd.AlgorithmIdentificationSequence("bench", codes.cid7162.ArtificialIntelligence, "1")
segments = [
    hd.seg.SegmentDescription(
        n + 1, f"Organ {n + 1}", codes.SCT.AnatomicalStructure, codes.SCT.AnatomicalStructure, "AUTOMATIC", algorithm
    )
    for n in range(count)
]
seconds = []
for _ in range(3):
    started = time.perf_counter()
    seg = hd.seg.Segmentation(
        source, labels, "LABELMAP", segments, hd.UID(), 1000, hd.UID(), 1, "m", "n", "1", "1",
        transfer_syntax_uid=RLELossless, omit_empty_frames=False,
    )  # fmt: skip
    out = io.BytesIO()
    seg.save_as(out)
    seconds.append(time.perf_counter() - started)
print(f"highdicom labelmap: written in {statistics.median(seconds):.2f} s, {len(out.getvalue()) / 1e6:.2f} MB")
