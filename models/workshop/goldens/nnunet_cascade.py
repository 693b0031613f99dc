"""Goldens of src/imaging/resize-labels.ts and of cascades in src/inference: nnU-Net 2.8.1 itself, on made-up numbers.

`resized`: its resampling of label maps. `prepared`: what it feeds to the second stage of a cascade, the image and the
labels of the stage before as channels of ones. `averaged`: its mean of the probabilities of several models, and the
labels that come of it.
"""

import base64
import tempfile

import numpy
from nnunetv2.ensembling.ensemble import average_probabilities
from nnunetv2.inference.data_iterators import PreprocessAdapterFromNpy
from nnunetv2.preprocessing.resampling.default_resampling import resample_data_or_seg_to_shape
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from write_golden import write_golden


def packed(array):
    return base64.b64encode(numpy.ascontiguousarray(array).tobytes()).decode()


def label_map(size, labels, generator, lowest=0):
    """Blocks of two voxels, so that labels meet in threes and fours; some voxels apart."""
    blocks = generator.integers(lowest, labels, [(n + 1) // 2 for n in size])
    for axis in range(3):
        blocks = blocks.repeat(2, axis)
    out = blocks[tuple(slice(0, n) for n in size)].copy()
    apart = generator.random(size) < 0.1
    out[apart] = generator.integers(lowest, labels, int(apart.sum()))
    return out.astype(numpy.float32)


def resized(size, new_size, spacing, new_spacing, labels, seed):
    seg = label_map(size, labels, numpy.random.default_rng(seed), -1)
    out = resample_data_or_seg_to_shape(seg[None], new_size, spacing, new_spacing, is_seg=True, order=1, order_z=0,
                                        force_separate_z=None)[0]
    return {"size": size[::-1], "newSize": new_size[::-1], "spacing": spacing[::-1], "newSpacing": new_spacing[::-1],
            "labels": packed(seg.astype(numpy.int8)), "output": packed(out.astype(numpy.int8))}


def plans_of(spacing, transpose):
    resample = {"order_z": 0, "force_separate_z": None}
    plan = {"spacing": spacing, "patch_size": [8, 8, 8], "normalization_schemes": ["ZScoreNormalization"],
            "use_mask_for_norm": [True], "preprocessor_name": "DefaultPreprocessor",
            "data_identifier": "any", "batch_size": 2,
            "architecture": {"network_class_name": "any", "arch_kwargs": {}, "_kw_requires_import": []}}
    for name, kwargs in {"data": {"is_seg": False, "order": 3}, "seg": {"is_seg": True, "order": 1},
                         "probabilities": {"is_seg": False, "order": 1}}.items():
        plan[f"resampling_fn_{name}"] = "resample_data_or_seg_to_shape"
        plan[f"resampling_fn_{name}_kwargs"] = {**kwargs, **resample}
    return {"configurations": {"3d_cascade_fullres": plan}, "transpose_forward": transpose,
            "transpose_backward": [transpose.index(n) for n in range(3)], "label_manager": "LabelManager",
            "foreground_intensity_properties_per_channel": {"0": {}}}


def prepared(size, spacing, new_spacing, transpose, labels, seed):
    generator = numpy.random.default_rng(seed)
    image = generator.integers(1, 200, size).astype(numpy.float32)
    # A border without anything, which is cropped, and a corner inside it, which is not.
    image[:, :2] = 0
    image[:3, :4, :5] = 0
    seg = label_map(size, labels, generator)
    plans = PlansManager(plans_of(new_spacing, transpose))
    dataset = {"channel_names": {"0": "MRI"}, "file_ending": ".nii.gz",
               "labels": {"background": 0, **{f"label-{n}": n for n in range(1, labels)}}}
    adapter = PreprocessAdapterFromNpy([image[None]], [seg[None]], [{"spacing": spacing}], [None], plans, dataset,
                                       plans.get_configuration("3d_cascade_fullres"))
    data = next(adapter)["data"].numpy()
    return {"size": size[::-1], "spacing": spacing[::-1], "newSpacing": new_spacing[::-1],
            "axes": ["zyx"[transpose[axis]] for axis in (2, 1, 0)], "labels": labels - 1,
            "image": packed(image), "previous": packed(seg.astype(numpy.uint8)),
            "channelSize": data.shape[:0:-1], "channels": packed(data[:1].astype(numpy.float32)),
            "oneHot": packed(data[1:].astype(numpy.uint8))}


def averaged(sizes, spacings, size, spacing, classes, regions, seed):
    """Half-precision logits of models on grids of their own, to one grid, to probabilities, to their mean, to labels."""
    generator = numpy.random.default_rng(seed)
    labels = {"background": 0, **{f"label-{n}": n for n in range(1, classes)}}
    if regions:
        labels = {"background": 0, **{f"region-{n}": [n + 1, classes + n] for n in range(classes)}}
    dataset = {"labels": labels, "regions_class_order": regions}
    manager = PlansManager(plans_of(spacing, [0, 1, 2])).get_label_manager(dataset)
    members, total = [], []
    with tempfile.TemporaryDirectory() as folder:
        for n, (own, own_spacing) in enumerate(zip(sizes, spacings)):
            logits = generator.normal(0, 1.5, (classes, *own)).astype(numpy.float16)
            resampled = resample_data_or_seg_to_shape(logits, size, own_spacing, spacing, is_seg=False, order=1,
                                                      order_z=0, force_separate_z=None)
            total.append(f"{folder}/{n}.npz")
            numpy.savez(total[-1], probabilities=manager.apply_inference_nonlin(resampled).numpy())
            members.append({"size": own[::-1], "spacing": own_spacing[::-1], "logits": packed(logits)})
        mean = average_probabilities(total)
    decided = manager.convert_probabilities_to_segmentation(mean)
    return {"size": size[::-1], "spacing": spacing[::-1], "classes": classes, "regions": regions, "members": members,
            "labels": packed(decided.astype(numpy.uint8)), "mean": packed(mean.astype(numpy.float32))}


def main():
    write_golden("nnunet-cascade", {
        "resized": [
            resized([9, 11, 13], [14, 12, 19], [1.5, 1.5, 1.5], [0.96, 1.4, 1.0], 5, 1),
            # Halves and doubles: every boundary voxel is a tie.
            resized([8, 10, 12], [16, 5, 24], [1, 1, 1], [0.5, 2, 0.5], 4, 2),
            resized([7, 9, 11], [14, 18, 22], [1, 1, 1], [0.5, 0.5, 0.5], 3, 3),
            resized([6, 20, 22], [9, 26, 27], [5, 0.8, 0.8], [3.3, 0.6, 0.65], 4, 4),
            resized([16, 6, 15], [32, 9, 30], [0.8, 5, 0.8], [0.4, 3.3, 0.4], 4, 5),
            resized([1, 9, 8], [1, 5, 16], [1, 1, 1], [1, 1.8, 0.5], 3, 6),
        ],
        "prepared": [
            prepared([10, 14, 16], [1.2, 1.0, 1.0], [0.9, 0.8, 0.7], [0, 1, 2], 3, 7),
            prepared([8, 16, 14], [4.0, 1.0, 1.0], [2.0, 0.5, 0.5], [1, 0, 2], 4, 8),
        ],
        "averaged": [
            averaged([[5, 8, 9], [7, 6, 5], [8, 9, 10]], [[1.6, 1.1, 1.1], [1.1, 1.5, 2], [1, 1, 1]], [8, 9, 10],
                     [1.0, 1.0, 1.0], 4, None, 9),
            averaged([[5, 8, 9], [4, 12, 7]], [[1.6, 1.1, 1.1], [2, 0.75, 1.4]], [8, 9, 10], [1.0, 1.0, 1.0], 3,
                     [2, 1, 3], 10),
        ],
    })


if __name__ == "__main__":
    main()
