/** What a spreadsheet takes for a formula, in wide forms and behind white space and control characters too. */
const FORMULA = /^[\s\p{C}]*[=+@＝＋－＠-]/u;
const NUMBER = /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/;

/** One cell of a CSV file: quoted as RFC 4180 says, and text where a spreadsheet would take it for a formula. */
export function csvCell(text: string): string {
  const safe = FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
