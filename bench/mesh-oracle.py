"""Compares the surface that `scanlane convert` makes of a label map with that of scikit-image's marching cubes.

Arguments: the label map (NIfTI, one label), the STL made of it. Needs nibabel, scikit-image, scipy and trimesh.
"""
import sys

import nibabel as nib
import numpy as np
import trimesh
from scipy.spatial import cKDTree
from skimage import measure

image = nib.load(sys.argv[1])
ours = trimesh.load(sys.argv[2])
ours.merge_vertices()
inside = np.asarray(image.dataobj) > 0
corners, faces, _, _ = measure.marching_cubes(np.pad(inside, 1).astype(float), 0.5)
places = (corners - 1) @ image.affine[:3, :3].T + image.affine[:3, 3]
# An STL of ours is in LPS.
theirs = trimesh.Trimesh(places * [-1, -1, 1], faces, process=False)
theirs.merge_vertices()
for name, mesh in (("scanlane", ours), ("scikit-image", theirs)):
    print(name, len(mesh.vertices), "corners,", len(mesh.faces), "triangles, closed:", mesh.is_watertight, end=", ")
    print(f"{abs(mesh.volume):.1f} mm3, {mesh.area:.1f} mm2")
print("voxels", inside.sum() * abs(np.linalg.det(image.affine[:3, :3])), "mm3")
distances = [cKDTree(a).query(b)[0].max() for a, b in ((ours.vertices, theirs.vertices), (theirs.vertices, ours.vertices))]
print(f"farthest corner from the other's nearest: {max(distances):.6f} mm")
