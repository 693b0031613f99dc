import { describe, expect, it } from "vitest";
import { BundleConfig } from "#src/model/import/bundle-config.js";
import { evaluateExpression } from "#src/model/import/bundle-expression.js";

const values: Record<string, unknown> = { a: 7, list: [1, 2, 3], "deep#flag": false };
const evaluate = (text: string) => evaluateExpression(text, (name) => values[name]);

describe("evaluateExpression", () => {
  it.each<[string, unknown]>([
    ["1 + 2 * 3", 7],
    ["(1 + 2) * 3", 9],
    ["-2 ** 2", -4],
    ["7 // 2 + 7 % 4", 6],
    ["-7 // 2", -4],
    ["-7 % 4", 1],
    ["1.5e1 / 2", 7.5],
    ["[96, 96, 2 * 48]", [96, 96, 96]],
    ["(1, 2)", [1, 2]],
    ["(1,)", [1]],
    ["(4)", 4],
    ["[]", []],
    ["'a' + \"b\"", "ab"],
    ["[1] + [2]", [1, 2]],
    ["len(@list)", 3],
    ["@a - 1", 6],
    ["[1.5, 1.5] if @deep#flag else [3.0, 3.0]", [3, 3]],
    ["1 if 2 > 1 else 2 if True else 3", 1],
    ["not @deep#flag and @a == 7", true],
    ["None or 5", 5],
    ["max(1, @a)", 7],
    ["int(3.9)", 3],
  ])("%s", (text, expected) => {
    expect(evaluate(text)).toEqual(expected);
  });

  it.each([
    ["torch.device('cpu')", ".device('cpu')"],
    ["__import__('os')", "__import__"],
    ["[i for i in @list]", "i"],
    ["lambda x: x", ": x"],
    ["1 +", "the end"],
    ["1 2", "2"],
    ["[1 2]", "2"],
    ["1 / 0", "a division by zero"],
    ["'a' * 2", "arithmetic with something that is no number"],
    ["len(3)", "len() of something else than it takes"],
    ["@list.append(1)", ".append(1)"],
    ["a;b", ";b"],
    [`${"(".repeat(60)}1${")".repeat(60)}`, "more than 50 levels"],
    ["1+".repeat(2000), "4000 characters"],
  ])("refuses %s", (text, named) => {
    expect(() => evaluate(text)).toThrow(`with ${named}, which is not read`);
  });
});

describe("BundleConfig", () => {
  const root = {
    size: "$[@edge] * 1 if False else [@edge, @edge]",
    edge: "@other#0",
    other: [8, { deep: "@edge" }],
    circle: "@round",
    round: "@circle",
    macro: "%other.json::key",
    run: { device: "$torch.device('cpu')", keys: "@edge" },
  };

  it("resolves references and expressions", () => {
    const config = new BundleConfig(root);
    expect(config.get("edge")).toBe(8);
    expect(config.get("other#1")).toEqual({ deep: 8 });
    expect(config.get("other::1::deep")).toBe(8);
  });

  it("leaves devices unread", () => {
    expect(new BundleConfig(root).get("run")).toEqual({ device: "$torch.device('cpu')", keys: 8 });
  });

  it("takes changes by path", () => {
    expect(new BundleConfig(root, { "other#0": 12 }).get("edge")).toBe(12);
    expect(root.other[0]).toBe(8);
    expect(() => new BundleConfig(root, { "none#0": 12 })).toThrow("has no none#0, expected a value to replace");
  });

  it("refuses circles, macros and what is not there", () => {
    const config = new BundleConfig(root);
    expect(() => config.get("circle")).toThrow("lead in a circle");
    expect(() => config.get("macro")).toThrow('the macro "%other.json::key"');
    expect(() => config.get("nothing")).toThrow("has no nothing");
    expect(() => config.get("other#__proto__")).toThrow("has no other#__proto__");
  });
});
