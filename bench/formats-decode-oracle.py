"""Makes the 200-slice series of formats-decode.ts, or reads one as users do: python formats-decode-oracle.py make|read FOLDER."""

import pathlib
import subprocess
import sys

import numpy as np
import pydicom

KINDS = {
    "raw": None,
    "rle": ["dcmcrle"],
    "jpeg-lossless": ["dcmcjpeg", "+e1"],
    "jpeg-ls": ["dcmcjpls", "+el"],
    "jpeg-2000": ["gdcmconv", "--j2k"],
}
SLICES, SIDE = 200, 512


def make(folder: pathlib.Path) -> None:
    """A body of soft tissue with organs and the noise of a CT, 512 x 512 x 200, 12 bits in 16."""
    rng = np.random.default_rng(20261)
    y, x = np.mgrid[:SIDE, :SIDE]
    for kind in KINDS:
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for k in range(SLICES):
        image = np.full((SIDE, SIDE), 24.0)
        image[np.hypot((x - 256) / 1.3, y - 256) < 170] = 1064
        image[np.hypot(x - 190, y - 230) < 40 + k / 10] = 1120
        image[np.hypot(x - 330, y - 260) < 60 - k / 10] = 200
        image[np.hypot(x - 256, y - 380) < 22] = 1700
        pixels = (image + rng.normal(0, 12, image.shape)).clip(0, 4095).astype("<u2")
        raw = folder / "raw" / f"{k:03}.dcm"
        slice_of(pixels, k).save_as(raw, enforce_file_format=True)
        for kind, command in KINDS.items():
            if command is not None:
                subprocess.run([*command, str(raw), str(folder / kind / raw.name)], check=True, capture_output=True)


def slice_of(pixels: np.ndarray, k: int) -> pydicom.Dataset:
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = pydicom.uid.CTImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.826.0.1.3680043.10.2.{k + 1}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.826.0.1.3680043.10", "1.2.826.0.1.3680043.10.2"
    dataset.FrameOfReferenceUID = "1.2.826.0.1.3680043.10.3"
    dataset.PatientName, dataset.PatientID, dataset.Modality = "Phantom", "P-1", "CT"
    dataset.StudyDate = dataset.SeriesDate = "20200102"
    dataset.StudyTime = dataset.SeriesTime = "101112"
    dataset.SeriesNumber, dataset.InstanceNumber = 1, k + 1
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [-180, -180, 1.5 * k], [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing, dataset.SliceThickness = [0.7, 0.7], 1.5
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.PixelData = pixels.tobytes()
    return dataset


def read(folder: pathlib.Path) -> None:
    """The series as float32 HU in a nibabel image, not written. Prints the seconds by the clock and of the processors, and the sum of all voxels."""
    import time

    import nibabel

    start, processors = time.perf_counter(), time.process_time()
    slices = sorted(
        (pydicom.dcmread(file) for file in folder.glob("*.dcm")), key=lambda s: s.ImagePositionPatient[2]
    )
    data = np.stack([s.pixel_array.T * np.float32(s.RescaleSlope) + np.float32(s.RescaleIntercept) for s in slices], -1)
    image = nibabel.Nifti1Image(data, np.diag([-0.7, -0.7, 1.5, 1]))
    print(time.perf_counter() - start, time.process_time() - processors, float(np.asanyarray(image.dataobj).sum(dtype=np.float64)))


{"make": make, "read": read}[sys.argv[1]](pathlib.Path(sys.argv[2]))
