import type { ResultId } from "#src/core/ids.js";
import { readShownImage, type ShownImage, type ShownImages } from "#src/stages/shown-image.js";
import type { StageDeps } from "#src/stages/stage-deps.js";
import type { StageInput, TaskDocument } from "#src/workflow/contract.js";
import type { Admission } from "./admission.js";

/**
 * Reads in this process what Publish will show of an image, while the worker process still segments it. One image at a
 * time, and only where there is memory for it besides what runs.
 */
export class ImagesAhead implements ShownImages {
  readonly #deps: Pick<StageDeps, "stores">;
  readonly #admission: Admission;
  #held: {
    readonly identity: ResultId;
    readonly image: Promise<ShownImage | null>;
    readonly giveBack: () => void;
  } | null = null;

  constructor(deps: Pick<StageDeps, "stores">, admission: Admission) {
    this.#deps = deps;
    this.#admission = admission;
  }

  /** Begins to read. Does nothing where it has begun, for this or another image. */
  begin(input: StageInput, { identity, plan }: Pick<TaskDocument, "identity" | "plan">): void {
    if (this.#held !== null) return;
    const { publish, segment, postprocess } = plan ?? {};
    if (publish === undefined) return;
    const besideMiB = Math.max(segment?.memoryMiB ?? 0, postprocess?.memoryMiB ?? 0);
    const giveBack = this.#admission.setAside({ identity, memoryMiB: publish.memoryMiB, besideMiB });
    if (giveBack === null) return;
    // What is wrong Publish finds when it reads the image itself.
    const image = readShownImage(input, this.#deps).catch(() => null);
    this.#held = { identity, image, giveBack };
  }

  /** Gives back the memory that was set aside for an image: Publish, which takes it, asks for its own. */
  makeRoom(identity: ResultId): void {
    if (this.#held?.identity === identity) this.#held.giveBack();
  }

  /** Lets go of an image that Publish did not take, or will not come to. */
  forget(identity: ResultId): void {
    if (this.#held?.identity !== identity) return;
    this.#held.giveBack();
    this.#held = null;
  }

  async take(identity: ResultId): Promise<ShownImage | null> {
    if (this.#held?.identity !== identity) return null;
    const { image } = this.#held;
    this.#held = null;
    return image;
  }
}
