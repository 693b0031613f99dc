import { describe, expect, it } from "vitest";
import { silentLogger } from "#src/core/logger.js";
import { folderModels } from "#src/model/model-library.js";
import { writeDocument } from "#src/stages/documents.js";
import { openUpload } from "#src/stages/source-upload.js";
import { workKeys } from "#src/storage/keys.js";
import { memoryStore } from "#src/storage/memory-store.js";

const scanId = `s-${"1".repeat(40)}`;

describe("openUpload", () => {
  it.each([
    ["of a bucket", "uploads", true],
    ["of this machine", "local", undefined],
  ])("says of files %s whether each read is a request over a network", async (_, bucket, isRemote) => {
    const stores = { source: memoryStore(), work: memoryStore(), results: memoryStore() };
    await stores.source.put("a.dcm", new Uint8Array(600));
    await writeDocument(stores.work, workKeys.source(scanId), {
      ...{ schemaVersion: 1, scanId, bucket },
      objects: [{ key: "a.dcm", version: "v1", size: 600 }],
      request: { refine: "on", seg: "binary", outputs: [], share: "stat" },
    });
    const deps = { stores, models: folderModels("."), logger: silentLogger, provider: "cpu" as const };
    const { entries } = await openUpload(scanId, deps);
    expect(entries.map((entry) => entry.isRemote)).toEqual([isRemote]);
  });
});
