import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { pseudonymsOf } from "#src/core/pseudonyms.js";

const secret = new Uint8Array(32).fill(7);
const pseudonyms = pseudonymsOf(secret);

describe("pseudonyms", () => {
  it("make of a UID one under the root 2.25 that is a version 8 UUID by HMAC-SHA-256", () => {
    const uid = pseudonyms.uid("1.2.3");
    const digest = createHmac("sha256", secret).update('["uid","1.2.3"]').digest("hex");
    const bits = BigInt(uid.replace("2.25.", ""));
    const hex = bits.toString(16).padStart(32, "0");
    expect(hex.slice(0, 12)).toBe(digest.slice(0, 12));
    expect([hex[12], "89ab".includes(hex[16] ?? "")]).toEqual(["8", true]);
    expect(uid.length).toBeLessThanOrEqual(64);
  });

  it("leave UIDs of DICOM itself and empty ones as they are", () => {
    expect(pseudonyms.uid("1.2.840.10008.5.1.4.1.1.4")).toBe("1.2.840.10008.5.1.4.1.1.4");
    expect(pseudonyms.uid("")).toBe("");
    expect(pseudonyms.uid("1.2.840.10009.1")).toMatch(/^2\.25\./);
  });

  it("are the same on every run, and others with another secret", () => {
    const [same, other] = [pseudonymsOf(secret.slice()), pseudonymsOf(new Uint8Array(32).fill(8))];
    const id = `r-${"0".repeat(40)}`;
    for (const of of [pseudonyms, same]) {
      expect([of.keyId, of.uid("1.2"), of.resultId(id), of.patient("a")]).toEqual([
        pseudonyms.keyId,
        pseudonyms.uid("1.2"),
        pseudonyms.resultId(id),
        pseudonyms.patient("a"),
      ]);
    }
    expect(other.keyId).not.toBe(pseudonyms.keyId);
    expect(other.uid("1.2")).not.toBe(pseudonyms.uid("1.2"));
    expect(other.resultId(id)).not.toBe(pseudonyms.resultId(id));
    expect(pseudonyms.resultId(id)).toMatch(/^r-[0-9a-f]{40}$/);
  });

  it("keep what has several parts apart from what has one", () => {
    expect(pseudonyms.patient("a", "b")).not.toBe(pseudonyms.patient("a b"));
    expect(pseudonyms.patient("a", "b")).toMatch(/^P-[0-9a-f]{16}$/);
  });

  it("refuse a secret that is too short", () => {
    expect(() => pseudonymsOf(new Uint8Array(31))).toThrow(/32 bytes, got 31/);
  });
});
