import { PipelineError } from "#src/core/errors.js";
import { statusOf } from "#src/operate/status.js";
import { openPlaces, type Places, placesFor } from "./places.js";
import type { LocalUpload } from "./take-in.js";

/** Whether a run of this upload has come to its end here, with every image published or set aside. One that was broken off has not. */
export async function hasEnded({ root, source }: LocalUpload, places: Omit<Places, "source">): Promise<boolean> {
  const { stores } = openPlaces(await placesFor(source.request, { ...places, source: root }));
  try {
    const here = { deid: null, executions: null, ledger: null, bucket: null };
    const { state } = await statusOf(source.scanId, { ...here, work: stores.work, results: stores.results });
    return state === "published" || state === "set-aside";
  } catch (error) {
    // Nothing is known of it.
    if (error instanceof PipelineError && error.code === "StoreMissing") return false;
    throw error;
  }
}
