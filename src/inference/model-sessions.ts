import { PipelineError } from "#src/core/errors.js";
import { isNetwork } from "#src/model/classical-manifest.js";
import type { ModelLibrary, ModelPackage } from "#src/model/model-library.js";
import { openShape } from "./measure-network.js";
import type { NetworkSession } from "./network-session.js";
import type { SessionPool } from "./session-pool.js";

/** Loaded networks of a model: its first and its folds. Valid until another model's are asked for. */
export type SessionsOf = (model: ModelPackage) => Promise<readonly NetworkSession[]>;

/**
 * Networks of models by way of a pool, their digests compared when they are read.
 *
 * @throws {PipelineError} `ModelDigestMismatch`, `ModelInvalid`; `ContractViolation` for a model without a network
 */
export function modelSessions(pool: SessionPool, models: Pick<ModelLibrary, "network">): SessionsOf {
  return async (model) => {
    if (!isNetwork(model.manifest)) {
      throw new PipelineError("ContractViolation", `model ${model.manifest.id} has no network of its own`);
    }
    const { network } = model.manifest;
    const files = [network, ...network.folds];
    const shape = openShape(model.manifest);
    return pool.get(
      files.map((one) => ({ ...network, ...one, shape, takesFeatures: true, bytes: () => models.network(model, one) })),
    );
  };
}
