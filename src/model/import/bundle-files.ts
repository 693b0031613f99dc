import { z } from "zod";

// What is read of a MONAI bundle's configs/metadata.json and of the workshop's export.json. The rest is passed over.

const count = z.int().min(1);
const channelDef = z.record(z.string().regex(/^\d+$/), z.string().min(1));

const InputFormat = z.looseObject({
  modality: z.string().default(""),
  num_channels: count,
  channel_def: channelDef.default({}),
});

const OutputFormat = z.looseObject({ num_channels: count, channel_def: channelDef.default({}) });

export const BundleMetadata = z.looseObject({
  version: z.string(),
  monai_version: z.string().default("unknown"),
  name: z.string().min(1).optional(),
  task: z.string().min(1).optional(),
  description: z.string().min(1),
  copyright: z.string().optional(),
  data_source: z.string().min(1).optional(),
  network_data_format: z.looseObject({
    inputs: z.record(z.string(), InputFormat),
    outputs: z.record(z.string(), OutputFormat),
  }),
});
export type BundleMetadata = z.infer<typeof BundleMetadata>;

/** export.json of `models/workshop/export_monai.py`. */
export const BundleExport = z.looseObject({
  file: z.string(),
  inputName: z.string(),
  outputName: z.string(),
  parameters: count,
  /** Where the file takes one tile at a time. */
  batch: z.literal(1).optional(),
  parity: z.number(),
});
export type BundleExport = z.infer<typeof BundleExport>;
