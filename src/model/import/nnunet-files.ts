import { z } from "zod";

// What is read of nnU-Net v2's files (plans.json, dataset.json) and of the workshop's export.json. Everything else in
// them is passed over; what is read and not understood is refused where it is used.

const count = z.int().min(1);
const kwargs = z.looseObject({
  order: z.int().default(3),
  order_z: z.int().default(0),
  force_separate_z: z.boolean().nullable().default(null),
});

const Configuration = z.looseObject({
  inherits_from: z.string().optional(),
  spacing: z.array(z.number().positive()).min(2).max(3).optional(),
  patch_size: z.array(count).min(2).max(3).optional(),
  normalization_schemes: z.array(z.string()).optional(),
  use_mask_for_norm: z.array(z.boolean()).optional(),
  resampling_fn_data: z.string().optional(),
  resampling_fn_data_kwargs: kwargs.optional(),
  resampling_fn_seg: z.string().optional(),
  resampling_fn_seg_kwargs: kwargs.optional(),
  resampling_fn_probabilities: z.string().optional(),
  resampling_fn_probabilities_kwargs: kwargs.optional(),
  previous_stage: z.string().nullable().optional(),
});
export type NnunetConfiguration = z.infer<typeof Configuration>;

const Intensity = z.looseObject({
  mean: z.number(),
  std: z.number(),
  percentile_00_5: z.number(),
  percentile_99_5: z.number(),
});

/** plans.json: arrays of three are in the order of the transposed image, z first. */
export const NnunetPlans = z.looseObject({
  dataset_name: z.string(),
  plans_name: z.string(),
  image_reader_writer: z.string(),
  transpose_forward: z.array(z.literal([0, 1, 2])).length(3),
  configurations: z.record(z.string(), Configuration),
  foreground_intensity_properties_per_channel: z.record(z.string(), Intensity),
});
export type NnunetPlans = z.infer<typeof NnunetPlans>;

export const NnunetDataset = z.looseObject({
  channel_names: z.record(z.string(), z.string()),
  labels: z.record(z.string(), z.union([z.int().min(0), z.array(z.int().min(0)).min(1)])),
  regions_class_order: z.array(z.int().min(1)).optional(),
  licence: z.string().optional(),
  license: z.string().optional(),
});
export type NnunetDataset = z.infer<typeof NnunetDataset>;

/** export.json of `models/workshop/export_nnunet.py`. */
export const NnunetExport = z.looseObject({
  configuration: z.string(),
  folds: z.array(z.object({ file: z.string(), fold: z.string() })).min(1),
  parameters: count,
  mirroringAxes: z.array(z.literal([0, 1, 2])),
  /** Each the labels of a union of which only the largest component stays. */
  postprocessing: z.array(z.array(z.int().min(1)).min(1)),
  parity: z.number(),
});
export type NnunetExport = z.infer<typeof NnunetExport>;
