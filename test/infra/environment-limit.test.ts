import { describe, expect, it } from "vitest";
import { synthesize } from "./synthesize.js";

describe("the environment of a function", () => {
  it("is refused before a deployment where it is more than Lambda takes, with what is long in it", () => {
    const routes = Array.from({ length: 23 }, (_, n) => ({
      ...{ format: "dicom" as const, modality: "MR", bodyPart: `PART ${n}`, model: "brain-mask-unet2d" },
    }));
    const sizes = ["xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge"];
    const instanceTypes = ["g4dn", "g5", "g6"].flatMap((family) => sizes.map((size) => `${family}.${size}`));
    expect(() => synthesize({ routes, compute: { instanceTypes, maxVcpus: 256 } })).toThrow(
      /environment of function inspect: found about \d{4} bytes \(ROUTES \d{4}, JOB_SIZES \d{4}, .*, …\), expected at most 4096/,
    );
  });
});
