import { InvalidArgumentError } from "commander";
import type { ScoredLabel } from "#src/evaluate/evaluate-case.js";

// What options take, from text: each throws what is expected, which commander tells with the option.

export function labelList(text: string): number[] {
  const values = text.split(",").map(Number);
  const isLabel = (value: number): boolean => Number.isInteger(value) && value >= 1 && value <= 65_535;
  if (!values.every(isLabel)) throw new InvalidArgumentError("expected whole numbers from 1, such as 1,2,3");
  return values;
}

export function shareList(text: string): number[] {
  const values = text.split(",").map(Number);
  if (!values.every((value) => value > 0 && value < 1)) {
    throw new InvalidArgumentError("expected thresholds between 0 and 1, such as 0.3,0.5");
  }
  return values;
}

/** One of several: "lesions=2,3", "nuclei=1+" for 1 and all above it. */
export function scoredLabel(text: string, before: readonly ScoredLabel[] = []): ScoredLabel[] {
  const [, name, values] = /^([^=]+)=([\d,]+\+?)$/.exec(text) ?? [];
  if (name === undefined || values === undefined)
    throw new InvalidArgumentError("expected name=value, such as liver=1, lesions=2,3 or nuclei=1+ (1 and above)");
  if (before.some((label) => label.name === name)) throw new InvalidArgumentError("expected every name once");
  if (!values.endsWith("+")) return [...before, { name, values: labelList(values) }];
  const listed = labelList(values.slice(0, -1));
  return [...before, { name, values: listed.slice(0, -1), from: listed.at(-1) ?? 1 }];
}

export function lengthOf(text: string): { value: number; unit: "mm" | "px" | null } {
  const [, value, unit] = /^(\d+(?:\.\d+)?)(mm|px)?$/.exec(text) ?? [];
  if (value === undefined) throw new InvalidArgumentError("expected a length, such as 2mm or 3px");
  return { value: Number(value), unit: unit === "mm" || unit === "px" ? unit : null };
}

export function shareOf(text: string): number {
  const value = Number(text);
  if (text === "" || !(value >= 0 && value <= 1)) throw new InvalidArgumentError("expected a share from 0 to 1");
  return value;
}

export function modelList(text: string): string[] {
  const ids = text.split(",").filter((id) => id !== "");
  if (ids.length === 0 || new Set(ids).size < ids.length) {
    throw new InvalidArgumentError("expected ids of models, each once, such as a,b,c");
  }
  return ids;
}

export function wholeNumber(text: string): number {
  return text === "0" ? 0 : positiveInteger(text);
}

export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError("expected a number above 0");
  return value;
}

export function percentOf(text: string): number {
  const value = Number(text);
  if (text === "" || !(value >= 0 && value <= 100)) throw new InvalidArgumentError("expected a number from 0 to 100");
  return value;
}

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("expected a whole number from 1");
  return value;
}
