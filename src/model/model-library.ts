import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { z } from "zod";
import { PipelineError } from "#src/core/errors.js";
import { digestOf, sha256 } from "#src/core/ids.js";
import { ModelManifest } from "./manifest.js";
import { Routes } from "./routes.js";

/** A model package on disk, its manifest checked. */
export interface ModelPackage {
  readonly manifest: ModelManifest;
  /** Digest of the manifest, which names the digest of the weights: it stands for the whole package. */
  readonly digest: string;
  readonly folder: string;
}

/** The model packages of one folder (`models/`), read when they are asked for. */
export interface ModelLibrary {
  list(): Promise<readonly ModelPackage[]>;
  /** @throws {PipelineError} `ModelUnknown`, `ModelInvalid` */
  open(id: string): Promise<ModelPackage>;
  /** The network's bytes, after comparing their digest. @throws {PipelineError} `ModelDigestMismatch`, `ModelInvalid` */
  network(model: ModelPackage): Promise<Uint8Array>;
  routes(): Promise<Routes>;
}

/** @param root folder with one sub-folder a model and `routes.json` */
export function folderModels(root: string): ModelLibrary {
  async function ids(): Promise<string[]> {
    const entries = await readdir(root, { withFileTypes: true });
    const found = await Promise.all(
      entries
        .filter((entry) => entry.isDirectory())
        .map(async (entry) => ((await readdir(join(root, entry.name))).includes("manifest.json") ? [entry.name] : [])),
    );
    return found.flat().sort();
  }

  async function open(id: string): Promise<ModelPackage> {
    const known = await ids();
    if (!known.includes(id)) {
      throw new PipelineError(
        "ModelUnknown",
        `model "${printable(id)}" is not installed, expected one of ${known.join(", ")}`,
      );
    }
    const folder = join(root, id);
    const manifest = parseJson(
      ModelManifest,
      await readFile(join(folder, "manifest.json"), "utf8"),
      `manifest of ${id}`,
    );
    if (manifest.id !== id) {
      throw new PipelineError("ModelInvalid", `manifest of ${id} says id ${manifest.id}, expected the folder's name`);
    }
    return { manifest, digest: digestOf(manifest), folder };
  }

  return {
    open,
    list: async () => Promise.all((await ids()).map(open)),
    network: async ({ manifest, folder }) => {
      const bytes = await readFile(join(folder, manifest.network.file)).catch((cause: unknown) => {
        throw new PipelineError("ModelInvalid", `model ${manifest.id} has no file ${manifest.network.file}`, { cause });
      });
      const found = sha256(bytes);
      if (found !== manifest.network.sha256) {
        const expected = manifest.network.sha256.slice(0, 12);
        throw new PipelineError(
          "ModelDigestMismatch",
          `${manifest.network.file} of ${manifest.id} has digest ${found.slice(0, 12)}…, its manifest expects ${expected}…`,
        );
      }
      return bytes;
    },
    routes: async () => parseJson(Routes, await readFile(join(root, "routes.json"), "utf8"), "routes.json"),
  };
}

function parseJson<T extends z.ZodType>(schema: T, text: string, subject: string): z.infer<T> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new PipelineError("ModelInvalid", `${subject} is not JSON`, { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new PipelineError("ModelInvalid", `${subject}, field ${issue?.path.join(".") || "(root)"}: ${issue?.message}`);
}

/** A name from outside, safe to print. */
function printable(id: string): string {
  return id.replaceAll(/[^\w.-]/g, "?").slice(0, 64);
}
