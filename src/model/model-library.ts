import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { z } from "zod";
import { PipelineError } from "#src/core/errors.js";
import { digestOf, sha256 } from "#src/core/ids.js";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import { ClassicalManifest, isNetwork, type PackageManifest } from "./classical-manifest.js";
import { EnsembleManifest } from "./ensemble-manifest.js";
import { ModelManifest } from "./manifest.js";
import { MeasuredCost } from "./measured-cost.js";
import { assertFit, othersOf } from "./other-models.js";
import { Routes } from "./routes.js";

/** A model package on disk, its manifest checked. */
export interface ModelPackage {
  readonly manifest: PackageManifest;
  /**
   * Digest of the manifest, which names the digest of the weights, and of those of the other models: it stands for the
   * whole package.
   */
  readonly digest: string;
  /** The models that it asks, by their id: a previous stage, the one that finds its region, members of an ensemble. */
  readonly others: ReadonlyMap<string, ModelPackage>;
  readonly folder: string;
  /** What a run of its network was measured to cost; null where nobody did, and for another network. */
  readonly cost?: MeasuredCost | null;
}

/** A network of a package: its file and what the manifest says is in it. */
export type NetworkFile = Pick<ModelManifest["network"], "file" | "sha256">;

/** The model packages of one folder (`models/`), read when they are asked for. */
export interface ModelLibrary {
  list(): Promise<readonly ModelPackage[]>;
  /** @throws {PipelineError} `ModelUnknown`, `ModelInvalid` */
  open(id: string): Promise<ModelPackage>;
  /**
   * The bytes of a network, after comparing their digest.
   *
   * @param file which of its networks. @default the first
   * @throws {PipelineError} `ModelDigestMismatch`, `ModelInvalid`; `ContractViolation` for a model without a network
   */
  network(model: ModelPackage, file?: NetworkFile): Promise<Uint8Array>;
  /** The rules of `routes.json`; none where there is no such file. */
  routes(): Promise<Routes>;
}

/** What of a folder of packages is used. */
export interface LibraryOptions {
  /** Ids of the packages; those of others are as if they were not there. @default all */
  readonly only?: readonly string[] | undefined;
  /** Rules in place of those in `routes.json`. */
  readonly routes?: Routes | undefined;
}

/** @param root folder with one sub-folder a model, or a link to one, and `routes.json` */
export function folderModels(root: string, { only, routes }: LibraryOptions = {}): ModelLibrary {
  async function ids(): Promise<string[]> {
    const entries = await readdir(root, { withFileTypes: true });
    const found = await Promise.all(
      entries
        // A package may be a link to a folder elsewhere. A hidden folder is one that is still being made.
        .filter(({ name }) => !name.startsWith("."))
        .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
        .map(async ({ name }) => ((await filesIn(join(root, name))).includes("manifest.json") ? [name] : [])),
    );
    return found
      .flat()
      .filter((id) => only?.includes(id) ?? true)
      .sort();
  }

  /** @param askedBy the models that ask for this one, the first asked first */
  async function openFor(askedBy: readonly string[], id: string): Promise<ModelPackage> {
    const known = await ids();
    const asking = askedBy.at(-1);
    if (asking !== undefined && !known.includes(id)) {
      throw new PipelineError("ModelInvalid", `model ${asking} asks model ${id}, which is not installed`);
    }
    if (askedBy.includes(id)) {
      throw new PipelineError("ModelInvalid", `models ask each other in a circle: ${[...askedBy, id].join(", ")}`);
    }
    if (!known.includes(id)) {
      throw new PipelineError(
        "ModelUnknown",
        known.length === 0
          ? `model "${printable(id)}" is not installed, and the folder of models holds none`
          : `model "${printable(id)}" is not installed, expected one of ${known.join(", ")}`,
      );
    }
    const folder = join(root, id);
    const manifest = parseManifest(await readFile(join(folder, "manifest.json"), "utf8"), `manifest of ${id}`);
    if (manifest.id !== id) {
      throw new PipelineError("ModelInvalid", `manifest of ${id} says id ${manifest.id}, expected the folder's name`);
    }
    const others = new Map<string, ModelPackage>();
    for (const other of othersOf(manifest)) others.set(other, await openFor([...askedBy, id], other));
    assertFit(manifest, others);
    const digests = [...others.values()].map((other) => other.digest);
    return {
      manifest,
      digest: digestOf(others.size === 0 ? manifest : [manifest, digests]),
      folder,
      others,
      cost: await costOf(folder, manifest),
    };
  }

  const open = (id: string) => openFor([], id);

  return {
    open,
    list: async () => Promise.all((await ids()).map(open)),
    network: async ({ manifest, folder }, which) => {
      if (!isNetwork(manifest)) {
        throw new PipelineError("ContractViolation", `model ${manifest.id} has no network of its own`);
      }
      const { file, sha256: wanted } = which ?? manifest.network;
      const bytes = await readFile(join(folder, file)).catch((cause: unknown) => {
        throw new PipelineError("ModelInvalid", `model ${manifest.id} has no file ${file}`, { cause });
      });
      const found = sha256(bytes);
      if (found !== wanted) {
        const expected = wanted.slice(0, 12);
        throw new PipelineError(
          "ModelDigestMismatch",
          `${file} of ${manifest.id} has digest ${found.slice(0, 12)}…, its manifest expects ${expected}…`,
        );
      }
      return bytes;
    },
    routes: async () => {
      if (routes !== undefined) return routes;
      const text = await readFile(join(root, "routes.json"), "utf8").catch(nullIfAbsent);
      return text === null ? NO_ROUTES : checked(Routes, jsonOf(text, "routes.json"), "routes.json");
    },
  };
}

/**
 * What is in a folder, or in the one that a link leads to: nothing where it leads to none, where the folder just went
 * away, and where this user may not read it: other models can be run all the same.
 */
async function filesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: unknown) => {
    const code = error instanceof Error && "code" in error ? error.code : null;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EACCES" || code === "EPERM" || code === "ELOOP") return [];
    throw error;
  });
}

const NO_ROUTES: Routes = { schemaVersion: SCHEMA_VERSION, routes: [] };

function nullIfAbsent(error: unknown): null {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
  throw error;
}

/** A measurement of another network than the package has now is none. */
async function costOf(folder: string, manifest: PackageManifest): Promise<MeasuredCost | null> {
  const text = await readFile(join(folder, "cost.json"), "utf8").catch(() => null);
  if (text === null || !isNetwork(manifest)) return null;
  const subject = `cost.json of ${manifest.id}`;
  const cost = checked(MeasuredCost, jsonOf(text, subject), subject);
  return cost.network === manifest.network.sha256 ? cost : null;
}

/** A manifest with a field `classical` or `ensemble` has no network; every other one must have one. */
export function parseManifest(text: string, subject: string): PackageManifest {
  const value = jsonOf(text, subject);
  const has = (field: string) => typeof value === "object" && value !== null && field in value;
  if (has("ensemble")) return checked(EnsembleManifest, value, subject);
  return has("classical") ? checked(ClassicalManifest, value, subject) : checked(ModelManifest, value, subject);
}

function jsonOf(text: string, subject: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PipelineError("ModelInvalid", `${subject} is not JSON`, { cause });
  }
}

function checked<T extends z.ZodType>(schema: T, value: unknown, subject: string): z.infer<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new PipelineError("ModelInvalid", `${subject}, field ${issue?.path.join(".") || "(root)"}: ${issue?.message}`);
}

/** A name from outside, safe to print. */
function printable(id: string): string {
  return id.replaceAll(/[^\w.-]/g, "?").slice(0, 64);
}
