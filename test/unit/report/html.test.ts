import { describe, expect, it } from "vitest";
import { html } from "#src/report/html.js";

const ENTITIES: Readonly<Record<string, string>> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&#39;": "'",
};

/** What a browser reads from escaped text. */
function read(text: string): string {
  return text.replaceAll(/&(?:amp|lt|gt|quot|#39);/g, (entity) => ENTITIES[entity] ?? "");
}

describe("html", () => {
  it("lets no value open an element or leave an attribute, and loses nothing of it", () => {
    const pieces = ["", "<", ">", "&", '"', "'", "a", ";", "lt", "#39", "=", "/"];
    const values = pieces.flatMap((a) => pieces.flatMap((b) => pieces.map((c) => a + b + c)));
    for (const value of values) {
      const page = html`<p title="${value}">${value}</p>`.html;
      const [, attribute, content] = /^<p title="([^"<>']*)">([^<>"']*)<\/p>$/.exec(page) ?? [];
      expect([read(attribute ?? page), read(content ?? page)]).toEqual([value, value]);
    }
  });

  it("takes what it made itself as it is, lists line by line", () => {
    const items = ["<", "b"].map((item) => html`<li>${item}</li>`);
    expect(html`<ul>${items}</ul>`.html).toBe("<ul><li>&lt;</li>\n<li>b</li></ul>");
  });

  it("writes numbers", () => {
    expect(html`${0} ${1.5}`.html).toBe("0 1.5");
  });
});
