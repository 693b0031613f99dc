import { PipelineError } from "#src/core/errors.js";
import { ModelManifest } from "#src/model/manifest.js";

/**
 * A manifest that an import put together, checked.
 *
 * @param subject what it was made of, for the message
 * @throws {PipelineError} `ModelInvalid` naming the field
 */
export function validManifest(subject: string, manifest: unknown): ModelManifest {
  const parsed = ModelManifest.safeParse(manifest);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.join(".") || "(root)";
  throw new PipelineError("ModelInvalid", `${subject} makes no manifest, field ${field}: ${issue?.message}`);
}
