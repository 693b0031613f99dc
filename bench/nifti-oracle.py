"""nibabel on the file of `bench/nifti.ts`: seconds to read, write, gzip and read again, as JSON. Arguments: file, folder, repeats."""

import gc
import json
import statistics
import sys
import time

import nibabel
import numpy

path, folder, repeats = sys.argv[1], sys.argv[2], int(sys.argv[3])


def median(work):
    seconds = []
    for _ in range(repeats):
        gc.collect()
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


image = nibabel.load(path)
data = numpy.array(image.dataobj)
plain = nibabel.Nifti1Image(data, image.affine)
result = {
    "read": median(lambda: numpy.array(nibabel.load(path).dataobj)),
    "write": median(lambda: nibabel.save(plain, f"{folder}/python.nii")),
    "gzip": median(lambda: nibabel.save(plain, f"{folder}/python.nii.gz")),
    "gunzip": median(lambda: numpy.array(nibabel.load(f"{folder}/python.nii.gz").dataobj)),
}
print(json.dumps(result))
