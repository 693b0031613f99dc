import { z } from "zod";
import { EXTRA_OUTPUTS, SHARES } from "./contract.js";

const modelId = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "the id of a model package");

/** What uploads of one place get, and what they may ask for by `scan.json`. */
const fields = {
  share: z
    .enum(SHARES)
    .describe("share of the job queue that uploads get, and the most urgent one that they may ask for"),
  models: z
    .union([z.literal("any"), z.array(modelId)], "any, or a list of ids of model packages")
    .describe("models that `scan.json` may name: `any` of the deployed ones, or a list; routes are not bound by it"),
  outputs: z.array(z.enum(EXTRA_OUTPUTS)).describe("what `scan.json` may ask for in `outputs`"),
  runsPerDay: z
    .int()
    .min(1)
    .nullable()
    .describe("scans that are started in a day (UTC); what comes beyond waits for the next day. `null`: no limit"),
};

/** A place of its own: uploads whose keys begin so. */
const PrefixRule = z.strictObject({
  prefix: z
    .string()
    .regex(/^[^/].*\/$/, "the beginning of keys, up to a slash and not starting with one")
    .max(512)
    .describe("uploads whose keys begin so; it ends with a slash. The first rule that fits counts"),
  model: modelId.optional().describe("model of uploads that name none; goes before the routes"),
  share: fields.share.optional(),
  models: fields.models.optional(),
  outputs: fields.outputs.optional(),
  runsPerDay: fields.runsPerDay
    .optional()
    .describe("scans of this prefix in a day, counted apart from those of others; without it they count with them"),
});

/** Who may ask for what. Fields that a prefix leaves out are those of all uploads. */
export const UploadRules = z.strictObject({
  share: fields.share.default("routine"),
  models: fields.models.default("any"),
  outputs: fields.outputs.default([...EXTRA_OUTPUTS]),
  runsPerDay: fields.runsPerDay.default(2000),
  prefixes: z.array(PrefixRule).default([]).describe("rules for uploads below prefixes of the scan bucket"),
});
export type UploadRules = z.infer<typeof UploadRules>;

/** The rule of one folder, every field said. */
export interface UploadRule extends Omit<UploadRules, "prefixes"> {
  /** What uploads without a `scan.json` get. */
  readonly model: string | undefined;
  /** Names the count of its runs: folders of the same name share them. */
  readonly countedAs: string;
}

/** @param folder the part of a key up to its last slash, with it; empty at the top */
export function uploadRuleOf(folder: string, { prefixes, ...all }: UploadRules): UploadRule {
  const own = prefixes.find(({ prefix }) => folder.startsWith(prefix));
  return {
    share: own?.share ?? all.share,
    models: own?.models ?? all.models,
    outputs: own?.outputs ?? all.outputs,
    // Null says something: no limit.
    runsPerDay: own?.runsPerDay === undefined ? all.runsPerDay : own.runsPerDay,
    model: own?.model,
    countedAs: own?.runsPerDay === undefined ? "" : own.prefix,
  };
}
