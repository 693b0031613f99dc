import { PipelineError } from "#src/core/errors.js";
import type { DeidentifiedSource } from "#src/formats/confidentiality-profile.js";
import { elementsOf } from "#src/formats/dicom-elements.js";
import { originOf } from "#src/formats/written-attributes.js";

/**
 * Reads a DICOM output again from its bytes: it has only attributes that are known to hold nothing that identifies, none
 * of its UIDs is one of the source's, what is said of the patient is empty, a dummy or a pseudonym, and it says itself
 * that identity was removed.
 *
 * @param source what the output repeats of its source
 * @throws {PipelineError} `ResultInvalid`: nothing may be published
 */
export function proveDeidentified(bytes: Uint8Array, { source, uids }: DeidentifiedSource): void {
  const allowed = new Set(["", ...Object.values(source.attributes).flatMap(({ Value = [] }) => Value.map(textOf))]);
  let isDeclared = false;
  for (const { tag, text } of elementsOf(bytes)) {
    switch (originOf(tag)) {
      case null:
        throw invalid(`has element ${tag}, which is not known to hold nothing that identifies`);
      case "uid":
        if (uids.has(text)) throw invalid(`has in element ${tag} a UID of its source`);
        break;
      case "patient":
        if (!allowed.has(text)) throw invalid(`has in element ${tag} a value of its source`);
        break;
      case "own":
        if (tag === "00120062") isDeclared = text === "YES";
        break;
      case "geometry":
      case "sequence":
    }
  }
  if (!isDeclared) throw invalid("does not say that identity was removed");
}

function textOf(value: unknown): string {
  const isName = typeof value === "object" && value !== null && "Alphabetic" in value;
  return String(isName ? value.Alphabetic : (value ?? ""));
}

function invalid(what: string): PipelineError {
  return new PipelineError("ResultInvalid", `the written DICOM object ${what}`);
}
