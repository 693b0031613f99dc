import { type Html, html } from "#src/report/html.js";
import { REPORT_STYLE } from "#src/report/report-style.js";

/** A page that needs nothing else: no script, no network. @param style beyond that of reports */
export function page(title: string, style: string, heading: string, content: readonly Html[]): string {
  const styles: Html = { html: REPORT_STYLE + style };
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${styles}</style>
</head>
<body>
<main>
<header>
<h1>${heading}</h1>
<p class="notice">Research use only. Not a medical device.</p>
</header>
${content}
</main>
</body>
</html>
`.html;
}
