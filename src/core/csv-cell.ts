/** What a spreadsheet takes for a formula, in wide forms too; of what has a minus in front, a number is none. */
const FORMULA = /^[=+@\t\r\n＝＋－＠]|^-(?!\d+(?:\.\d+)?(?:e[+-]?\d+)?$)/;

/** One cell of a CSV file: quoted as RFC 4180 says, and text where a spreadsheet would take it for a formula. */
export function csvCell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
