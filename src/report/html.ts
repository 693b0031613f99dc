/** Text that is already HTML. Made by `html` alone, so that everything else is escaped. */
export interface Html {
  readonly html: string;
}

type Value = Html | readonly Html[] | string | number;

/** Template tag: the literal parts are HTML, every value put in is escaped unless it is `Html` itself. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
  const text = parts.map((part, n) => part + (n < values.length ? render(values[n] ?? "") : ""));
  return { html: text.join("") };
}

function render(value: Value): string {
  if (typeof value === "string" || typeof value === "number") return escapeHtml(String(value));
  return "html" in value ? value.html : value.map((item) => item.html).join("\n");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}
