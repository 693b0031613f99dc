/** (0010,0040). */
const PATIENT_SEX = "00100040";
/** What is written in full for it. In other languages than English first letters mean something else ("mujer"). */
const SEXES: Readonly<Record<string, string>> = { M: "M", MALE: "M", F: "F", FEMALE: "F", O: "O", OTHER: "O" };

const DATE = /^(\d{4})([.\-/]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])$/;
const TIME = /^([01]\d|2[0-3])(?::?([0-5]\d)(?::?([0-5]\d|60)(?:\.(\d*))?)?)?$/;
const AGE = /^(\d{1,3})([DWMY]?)$/i;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\x00-\x1f\x7f]+/g;

/**
 * A value of a header as its VR has it (PS3.5 6.2): the same where it is one, else what the form that others write
 * surely means (`1970.01.01` and `1970-01-01` of a DA, `10:10:10` of a TM, `50` of an AS, `Female` as Patient's Sex);
 * null where nobody can say. UIDs are never changed.
 */
export function legalValue(tag: string, vr: string, value: string): string | null {
  if (value === "") return value;
  switch (vr) {
    case "DA":
      return DATE.test(value) ? value.replace(DATE, "$1$3$4") : null;
    case "TM": {
      const [, hours, minutes = "", seconds = "", fraction = ""] = TIME.exec(value) ?? [];
      return hours === undefined ? null : `${hours}${minutes}${seconds}${fraction && `.${fraction.slice(0, 6)}`}`;
    }
    case "AS": {
      const [, count, unit] = AGE.exec(value) ?? [];
      return count === undefined ? null : `${count.padStart(3, "0")}${unit?.toUpperCase() || "Y"}`;
    }
    case "CS": {
      const code = value.toUpperCase();
      if (tag === PATIENT_SEX) return SEXES[code] ?? null;
      return /^[A-Z0-9_ ]+$/.test(code) ? code : null;
    }
    case "DS":
      return NUMBER.test(value) ? value : null;
    case "IS":
      return NUMBER.test(value) && Number.isInteger(Number(value)) && Math.abs(Number(value)) < 2 ** 31 ? value : null;
    case "LO":
    case "PN":
    case "SH":
      return value.replace(CONTROL, " ").trim();
    default:
      return value;
  }
}
