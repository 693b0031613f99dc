/** The page's style sheet. Colours follow the reader's light or dark setting; print is always light. */
export const REPORT_STYLE = `
:root { color-scheme: light dark; --ink: #1c2024; --soft: #5b6470; --line: #d9dde2; --page: #fff; --box: #f5f6f8; --alert: #8a4b00; --alert-box: #fff4e0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ed; --soft: #9aa4b0; --line: #353b43; --page: #14171a; --box: #1d2126; --alert: #ffc46b; --alert-box: #33270f; } }
@media print { :root { color-scheme: light; --ink: #000; --soft: #444; --line: #bbb; --page: #fff; --box: #fff; --alert: #000; --alert-box: #fff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1128px; margin: 0 auto; padding: 24px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 4px; }
h2 { font-size: 17px; margin: 32px 0 8px; }
p { margin: 0 0 8px; }
.soft, figcaption { color: var(--soft); }
.notice, .warnings { border-left: 4px solid var(--alert); background: var(--alert-box); padding: 10px 14px; margin: 14px 0; }
.notice { font-weight: 600; }
.warnings h2 { margin-top: 0; }
.warnings ul { margin: 0; padding-left: 18px; }
figure { margin: 12px 0 20px; break-inside: avoid; }
figure img { display: block; max-width: 100%; height: auto; background: #000; }
figcaption { font-size: 13px; margin-top: 4px; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 20px; padding: 0; margin: 8px 0; }
.swatch { display: inline-block; width: 12px; height: 12px; margin-right: 6px; border: 1px solid var(--line); print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; break-inside: avoid; }
th, td { text-align: left; vertical-align: top; padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
th[scope="col"] { color: var(--soft); font-size: 13px; }
.facts th { width: 220px; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
ul.plain, ol.plain { margin: 0; padding-left: 18px; }
h3 { font-size: 15px; margin: 16px 0 4px; }
code { font: 13px/1.4 ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
`;
