import { PipelineError } from "#src/core/errors.js";

type Value = unknown;
/** Looks up what `@name` stands for. */
export type Lookup = (reference: string) => Value;

const TOKEN =
  /\s*(?:(?<number>\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)|(?<string>'[^'\\]*'|"[^"\\]*")|@(?<reference>[\w#:]+)|(?<word>[A-Za-z_]\w*)|(?<sign>\/\/|\*\*|==|!=|<=|>=|[-+*/%()[\],<>]))/y;
const LONGEST = 2000;
const DEEPEST = 50;

/**
 * The value of a `$` expression of a MONAI bundle, of the part of Python that says something about numbers: literals,
 * lists, tuples, `@references`, arithmetic, comparisons, `and`, `or`, `not`, `a if c else b` and the functions `len`,
 * `int`, `float`, `min`, `max`, `list` and `tuple`. Nothing is ever executed.
 *
 * @throws {PipelineError} `ModelInvalid` for anything else, naming it
 */
export function evaluateExpression(text: string, lookup: Lookup): Value {
  if (text.length > LONGEST) throw refused(text, `${text.length} characters`);
  const reader = new Reader(text, lookup);
  const value = reader.choice();
  reader.end();
  return value;
}

interface Token {
  readonly kind: "number" | "string" | "reference" | "word" | "sign" | "end";
  readonly text: string;
}

/** Reads an expression by recursive descent, one method a level of Python's precedence. */
class Reader {
  readonly #text: string;
  readonly #lookup: Lookup;
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(text: string, lookup: Lookup) {
    this.#text = text;
    this.#lookup = lookup;
    this.#tokens = [...this.#scan()];
  }

  end(): void {
    if (this.#peek().kind !== "end") throw this.#unexpected();
  }

  choice(): Value {
    if (++this.#depth > DEEPEST) throw refused(this.#text, `more than ${DEEPEST} levels`);
    const value = this.#or();
    let chosen = value;
    if (this.#take("if")) {
      const condition = this.#or();
      if (!this.#take("else")) throw this.#unexpected();
      const other = this.choice();
      chosen = isTrue(condition) ? value : other;
    }
    this.#depth--;
    return chosen;
  }

  #or(): Value {
    let left = this.#and();
    while (this.#take("or")) {
      const right = this.#and();
      left = isTrue(left) ? left : right;
    }
    return left;
  }

  #and(): Value {
    let left = this.#not();
    while (this.#take("and")) {
      const right = this.#not();
      left = isTrue(left) ? right : left;
    }
    return left;
  }

  #not(): Value {
    let negated = false;
    let any = false;
    while (this.#take("not")) {
      negated = !negated;
      any = true;
    }
    const value = this.#comparison();
    return any ? isTrue(value) !== negated : value;
  }

  #comparison(): Value {
    const left = this.#sum();
    const sign = this.#oneOf(["==", "!=", "<=", ">=", "<", ">"]);
    if (sign === null) return left;
    const right = this.#sum();
    if (sign === "==" || sign === "!=") return (JSON.stringify(left) === JSON.stringify(right)) === (sign === "==");
    const [a, b] = [this.#number(left), this.#number(right)];
    return sign === "<" ? a < b : sign === ">" ? a > b : sign === "<=" ? a <= b : a >= b;
  }

  #sum(): Value {
    let left = this.#product();
    for (let sign = this.#oneOf(["+", "-"]); sign !== null; sign = this.#oneOf(["+", "-"])) {
      const right = this.#product();
      if (sign === "+" && typeof left === "string" && typeof right === "string") left += right;
      else if (sign === "+" && Array.isArray(left) && Array.isArray(right)) left = [...left, ...right];
      else left = sign === "+" ? this.#number(left) + this.#number(right) : this.#number(left) - this.#number(right);
    }
    return left;
  }

  #product(): Value {
    let left = this.#signed();
    const signs = ["*", "/", "//", "%"] as const;
    for (let sign = this.#oneOf(signs); sign !== null; sign = this.#oneOf(signs)) {
      const [a, b] = [this.#number(left), this.#number(this.#signed())];
      if (sign !== "*" && b === 0) throw refused(this.#text, "a division by zero");
      left =
        sign === "*" ? a * b : sign === "/" ? a / b : sign === "//" ? Math.floor(a / b) : a - b * Math.floor(a / b);
    }
    return left;
  }

  #signed(): Value {
    let factor = 1;
    let any = false;
    for (let sign = this.#oneOf(["+", "-"]); sign !== null; sign = this.#oneOf(["+", "-"])) {
      if (sign === "-") factor = -factor;
      any = true;
    }
    const value = this.#power();
    return any ? factor * this.#number(value) : value;
  }

  #power(): Value {
    const base = this.#atom();
    return this.#take("**") ? this.#number(base) ** this.#number(this.#signed()) : base;
  }

  #atom(): Value {
    const token = this.#peek();
    this.#at++;
    switch (token.kind) {
      case "number":
        return Number(token.text);
      case "string":
        return token.text.slice(1, -1);
      case "reference":
        return this.#lookup(token.text);
      case "word":
        return this.#word(token.text);
      case "sign":
        if (token.text === "[") return this.#items("]").values;
        if (token.text === "(") {
          const { values, isTuple } = this.#items(")");
          return isTuple ? values : values[0];
        }
    }
    this.#at--;
    throw this.#unexpected();
  }

  #word(word: string): Value {
    if (word === "True") return true;
    if (word === "False") return false;
    if (word === "None") return null;
    const call = CALLS[word];
    if (call === undefined || !this.#take("(")) {
      this.#at--;
      throw this.#unexpected();
    }
    const { values } = this.#items(")");
    const result = call(values);
    if (result === undefined) throw refused(this.#text, `${word}() of something else than it takes`);
    return result;
  }

  /** Values between commas up to a closing sign. */
  #items(close: ")" | "]"): { readonly values: Value[]; readonly isTuple: boolean } {
    const values: Value[] = [];
    let commas = 0;
    while (!this.#take(close)) {
      if (values.length > commas) throw this.#unexpected();
      values.push(this.choice());
      if (this.#take(",")) commas++;
    }
    return { values, isTuple: values.length !== 1 || commas === 1 };
  }

  #number(value: Value): number {
    if (typeof value === "number") return value;
    if (typeof value === "boolean") return Number(value);
    throw refused(this.#text, "arithmetic with something that is no number");
  }

  #oneOf<T extends string>(signs: readonly T[]): T | null {
    const found = signs.find((sign) => this.#isNext(sign));
    if (found !== undefined) this.#at++;
    return found ?? null;
  }

  #take(text: string): boolean {
    if (!this.#isNext(text)) return false;
    this.#at++;
    return true;
  }

  #isNext(text: string): boolean {
    const token = this.#peek();
    return (token.kind === "sign" || token.kind === "word") && token.text === text;
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? { kind: "end", text: "the end" };
  }

  #unexpected(): PipelineError {
    return refused(this.#text, this.#peek().text);
  }

  *#scan(): Generator<Token> {
    const pattern = new RegExp(TOKEN);
    while (this.#text.slice(pattern.lastIndex).trim() !== "") {
      const start = pattern.lastIndex;
      const groups = pattern.exec(this.#text)?.groups;
      if (groups === undefined) throw refused(this.#text, this.#text.slice(start).trim().slice(0, 20));
      for (const kind of ["number", "string", "reference", "word", "sign"] as const) {
        const text = groups[kind];
        if (text !== undefined) yield { kind, text };
      }
    }
  }
}

/** Functions by name; undefined where the arguments are not what they take. */
const CALLS: Readonly<Record<string, (values: readonly Value[]) => Value>> = {
  len: ([value]) => (Array.isArray(value) || typeof value === "string" ? value.length : undefined),
  int: ([value]) => (isNumber(value) ? Math.trunc(value) : undefined),
  float: ([value]) => (isNumber(value) ? value : undefined),
  min: (values) => (values.length > 0 && values.every(isNumber) ? Math.min(...values) : undefined),
  max: (values) => (values.length > 0 && values.every(isNumber) ? Math.max(...values) : undefined),
  list: ([value]) => (Array.isArray(value) ? value : undefined),
  tuple: ([value]) => (Array.isArray(value) ? value : undefined),
};

const isNumber = (value: unknown): value is number => typeof value === "number";

/** Python's truth: none, false, zero and what is empty are false. */
function isTrue(value: Value): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return value !== null && value !== false && value !== 0 && value !== "";
}

function refused(text: string, what: string): PipelineError {
  const shown = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  return new PipelineError("ModelInvalid", `the bundle has the expression "${shown}" with ${what}, which is not read`);
}
