"""The reference's seconds for one row of speed.ts: `speed.py <folder> <name of the row> <runs>`; nan for no reference."""

import pathlib
import statistics
import sys
import time

import numpy
import SimpleITK
from scipy import ndimage
from scipy.cluster.vq import kmeans2
from skimage import segmentation

SHAPE = (128, 256, 256)
folder, name, runs = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(1)


def read(key, kind):
    return numpy.fromfile(folder / f"{key}.bin", kind).reshape(SHAPE)


image = read("image", numpy.float32)
if name == "region growing":
    itk = SimpleITK.GetImageFromArray(image)
    seeds = [[120 + n, 130, 60] for n in range(8)]

    def run():
        SimpleITK.ConnectedThreshold(itk, seeds, 70, 200, 1)
elif name == "gradient magnitude":
    def run():
        ndimage.gaussian_gradient_magnitude(image, 1, mode="nearest")
elif name.startswith("chan-vese"):
    start = read("start", numpy.uint8)

    def run():
        segmentation.morphological_chan_vese(image, 20, init_level_set=start, smoothing=1)
elif name.startswith("geodesic"):
    start, edges = read("start", numpy.uint8), read("edges", numpy.float32)

    def run():
        segmentation.morphological_geodesic_active_contour(edges, 20, init_level_set=start, smoothing=1, balloon=1,
                                                           threshold=0.5)
elif name == "watershed":
    markers, gradient = read("markers", numpy.int32), read("gradient", numpy.float32)

    def run():
        segmentation.watershed(gradient, markers)
elif name.startswith("slic"):
    def run():
        segmentation.slic(image, 2048, 0.1, max_num_iter=10, channel_axis=None)
elif name.startswith("k-means"):
    flat = image.reshape(-1, 1).astype(numpy.float64)

    def run():
        kmeans2(flat, numpy.array([[35.0], [45.0], [100.0]]), iter=20, minit="matrix")
else:
    print("nan")
    sys.exit()

times = []
for _ in range(runs):
    started = time.perf_counter()
    run()
    times.append(time.perf_counter() - started)
print(statistics.median(times))
