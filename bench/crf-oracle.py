"""pydensecrf on the cases of bench/crf.ts; `inputs` writes them, `run` times one of them in a process of its own."""
import json
import resource
import sys
import time

import numpy as np

CASES = {
    "512 x 512, 2 labels": ((512, 512), 2, 80),
    "512 x 512, 21 labels": ((512, 512), 21, 80),
    "128 x 128 x 64, 2 labels": ((64, 128, 128), 2, 10),
}
ITERATIONS = 5


def inputs(folder):
    """Smooth random probabilities, an image of smooth noise (0 to 255) and the features of both kernels."""
    from pydensecrf.utils import create_pairwise_bilateral, create_pairwise_gaussian
    from scipy.ndimage import gaussian_filter

    out = []
    for n, (name, (shape, labels, wide)) in enumerate(CASES.items()):
        rng = np.random.default_rng(n)
        image = gaussian_filter(rng.standard_normal(shape), 3)
        image = ((image - image.min()) / np.ptp(image) * 255).astype(np.float32)
        p = np.stack([gaussian_filter(rng.random(shape), 2) for _ in range(labels)])
        p = np.exp(20 * p)
        p = (p / p.sum(0)).astype(np.float32)
        near = create_pairwise_gaussian(sdims=(3,) * len(shape), shape=shape)
        alike = create_pairwise_bilateral(
            sdims=(wide,) * len(shape), schan=(13,), img=image[..., None], chdim=len(shape)
        )
        p.tofile(f"{folder}/{n}.p")
        # pydensecrf takes features column by column, a point a column.
        near.astype(np.float32).T.copy().tofile(f"{folder}/{n}.near")
        alike.astype(np.float32).T.copy().tofile(f"{folder}/{n}.alike")
        out.append({"name": name, "points": int(np.prod(shape)), "labels": labels, "d": len(shape)})
    print(json.dumps({"cases": out, "iterations": ITERATIONS}))


def run(folder, n, repeats):
    import pydensecrf.densecrf as dcrf

    (shape, labels, _), points = list(CASES.values())[n], np.prod(list(CASES.values())[n][0])
    read = lambda name, rows: np.fromfile(f"{folder}/{n}.{name}", np.float32).reshape(rows, points)  # noqa: E731
    p = read("p", labels)
    d = len(shape)
    near = np.ascontiguousarray(np.fromfile(f"{folder}/{n}.near", np.float32).reshape(points, d).T)
    alike = np.ascontiguousarray(np.fromfile(f"{folder}/{n}.alike", np.float32).reshape(points, d + 1).T)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds, cpu = [], []
    for _ in range(repeats):
        start, used = time.perf_counter(), time.process_time()
        # As `unary_from_softmax`, which needs no more than this.
        unary = -np.log(np.clip(p, 1e-5, 1.0))
        crf = dcrf.DenseCRF(int(points), labels)
        crf.setUnaryEnergy(unary)
        crf.addPairwiseEnergy(near, compat=3)
        crf.addPairwiseEnergy(alike, compat=10)
        q = np.array(crf.inference(ITERATIONS))
        seconds.append(time.perf_counter() - start)
        cpu.append(time.process_time() - used)
    q.astype(np.float32).tofile(f"{folder}/{n}.q")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peakMb": peak / 1024, "beforeMb": before / 1024}))


if __name__ == "__main__":
    if sys.argv[1] == "inputs":
        inputs(sys.argv[2])
    else:
        run(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
