import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

interface Locked {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const lock = readFileSync(new URL("../../package-lock.json", import.meta.url), "utf8");
const packages: Readonly<Record<string, Locked>> = JSON.parse(lock).packages;

/** Whether Node would find a package from the place of another, going up. */
function isLocked(from: string, name: string): boolean {
  for (let place = from; ; place = place.slice(0, Math.max(0, place.lastIndexOf("/node_modules/")))) {
    if (`${place === "" ? "" : `${place}/`}node_modules/${name}` in packages) return true;
    if (place === "") return false;
  }
}

describe("package-lock.json", () => {
  it("holds every dependency, those for other platforms too: `npm ci` refuses it otherwise", () => {
    const missing = Object.entries(packages).flatMap(([place, { dependencies, optionalDependencies }]) =>
      Object.keys({ ...dependencies, ...optionalDependencies })
        .filter((name) => !isLocked(place, name))
        .map((name) => `${name} of ${place}`),
    );
    expect(missing).toEqual([]);
  });

  it("names no registry, so that it installs from whichever one is set up", () => {
    expect(lock).not.toMatch(/"resolved": "http/);
  });
});
