import { describe, expect, it } from "vitest";
import { loadCloud } from "#src/cli/cloud.js";

describe("loadCloud", () => {
  it("gives what it loads, and names the package that is missing", async () => {
    expect(await loadCloud(async () => 7)).toBe(7);
    const missing = new Error("Cannot find package '@aws-sdk/client-sqs' imported from /x/dlq.js");
    const loading = loadCloud(() => Promise.reject(missing));
    await expect(loading).rejects.toMatchObject({
      code: "InputMismatch",
      message: expect.stringContaining("npm i @aws-sdk/client-sqs"),
    });
    const other = new TypeError("broken");
    await expect(loadCloud(() => Promise.reject(other))).rejects.toBe(other);
  });
});
