import { describe, expect, it } from "vitest";
import {
  canonicalJson,
  derivedUid,
  resultIdOf,
  scanIdOfInstances,
  scanIdOfObject,
  sha256,
  sha256InTurns,
} from "#src/core/ids.js";

describe("sha256InTurns", () => {
  it("gives the same digest, and other work its turn between the parts", async () => {
    for (const length of [0, 1, 2 ** 23, 2 ** 23 + 1, 2 ** 24 + 7]) {
      const bytes = Buffer.alloc(length, "parts of no equal bytes");
      let hadTurn = false;
      setImmediate(() => {
        hadTurn = true;
      });
      expect(await sha256InTurns(bytes)).toBe(sha256(bytes));
      expect(hadTurn).toBe(length > 2 ** 23);
    }
  });
});

describe("canonicalJson", () => {
  it("does not depend on the order of keys", () => {
    expect(canonicalJson({ b: [1, { d: null, c: "x" }], a: true })).toBe('{"a":true,"b":[1,{"c":"x","d":null}]}');
  });

  it("leaves out undefined and refuses what JSON cannot hold", () => {
    expect(canonicalJson({ a: undefined })).toBe("{}");
    expect(() => canonicalJson({ a: Number.NaN })).toThrow(TypeError);
    expect(() => canonicalJson([undefined])).toThrow(TypeError);
  });
});

describe("ids", () => {
  it("names a scan by bucket, key and version, none of which can borrow from the other", () => {
    expect(scanIdOfObject("a", "b", "c")).toMatch(/^s-[0-9a-f]{40}$/);
    expect(scanIdOfObject("ab", "", "c")).not.toBe(scanIdOfObject("a", "b", "c"));
  });

  it("names loose instances whatever their order", () => {
    const [a, b] = [
      { uid: "1.2", sha256: "aa" },
      { uid: "1.3", sha256: "bb" },
    ];
    expect(scanIdOfInstances([a, b], {})).toBe(scanIdOfInstances([b, a], {}));
    expect(scanIdOfInstances([a], {})).not.toBe(scanIdOfInstances([b], {}));
    expect(scanIdOfInstances([a], {})).not.toBe(scanIdOfInstances([a], { model: "liver" }));
  });

  it("changes a result's id with each of its inputs and with nothing else", () => {
    const inputs = {
      instances: ["x", "y"],
      modelDigests: ["m"],
      settings: { refine: "on" },
      resultVersion: 1,
      provider: "cpu" as const,
    };
    const id = resultIdOf(inputs);
    expect(resultIdOf({ ...inputs, instances: ["y", "x"] })).toBe(id);
    const others = [
      { ...inputs, instances: ["x"] },
      { ...inputs, modelDigests: ["n"] },
      { ...inputs, settings: { refine: "off" } },
      { ...inputs, resultVersion: 2 },
      { ...inputs, provider: "cuda" as const },
    ].map(resultIdOf);
    expect(new Set([id, ...others]).size).toBe(6);
  });

  it("derives UIDs that are valid and stay the same", () => {
    const uid = derivedUid("r-1", "series");
    expect(uid).toBe(derivedUid("r-1", "series"));
    expect(uid).not.toBe(derivedUid("r-1", "instance"));
    expect(uid).toMatch(/^2\.25\.[1-9]\d{0,38}$/);
    const bits = BigInt(uid.slice(5));
    expect((bits >> 76n) & 0xfn).toBe(8n);
    expect((bits >> 62n) & 3n).toBe(2n);
  });
});
