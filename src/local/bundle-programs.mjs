import { readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
// biome-ignore lint/style/noRestrictedImports: a step of the build, no part of the program.
import { build } from "esbuild";

// Makes dist/bundle of what `tsc` compiled: the command and the worker process, each one file with what it loads at the
// start, and further files for what is loaded later. Otherwise Node.js looks for some 800 modules, one by one.

const dist = new URL("../../dist/", import.meta.url);
const outdir = new URL("bundle/", dist);

/** Packages of many modules that every run loads. The others stay as they are. */
const BUNDLED = ["aws-local-stepfunctions", "commander", "zod"];
const { dependencies, peerDependencies } = JSON.parse(
  await readFile(new URL("../../package.json", import.meta.url), "utf8"),
);
const external = Object.keys({ ...dependencies, ...peerDependencies }).filter((name) => !BUNDLED.includes(name));

/** Our modules look for files beside themselves, and these stay where they were compiled. */
const stayInPlace = {
  name: "stay-in-place",
  setup({ onLoad }) {
    onLoad({ filter: /\.js$/ }, async ({ path }) => {
      const { href } = pathToFileURL(path);
      if (!href.startsWith(dist.href)) return undefined;
      const place = href.slice(dist.href.length);
      const text = await readFile(path, "utf8");
      return { contents: text.replaceAll("import.meta.url", `new URL("../${place}", import.meta.url).href`) };
    });
  },
};

/**
 * What aws-local-stepfunctions loads for states that no handler of ours takes, and for a check that is left out
 * (`src/local/engine.ts`): a third of a second of a start.
 */
const withoutCloud = {
  name: "without-cloud",
  setup({ onResolve, onLoad }) {
    const names = {
      "asl-validator": [],
      "@aws-sdk/client-lambda": ["LambdaClient", "InvokeCommand"],
      "@aws-sdk/credential-providers": ["fromCognitoIdentityPool"],
    };
    const filter = new RegExp(`^(?:${Object.keys(names).join("|")})$`);
    onResolve({ filter }, ({ path, importer }) =>
      importer.includes("/aws-local-stepfunctions/") ? { path, namespace: "left-out" } : undefined,
    );
    onLoad({ filter: /.*/, namespace: "left-out" }, ({ path }) => ({
      contents: ["export default undefined;", ...names[path].map((name) => `export const ${name} = undefined;`)].join(
        "",
      ),
    }));
  },
};

/** What zod says in some fifty languages, 300 KB that each start would compile. Ours is English, a file of its own. */
const inEnglish = {
  name: "in-english",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\/locales\/index\.js$/ }, ({ importer }) =>
      importer.includes("/zod/") ? { path: "locales", namespace: "no-locales" } : undefined,
    );
    onLoad({ filter: /.*/, namespace: "no-locales" }, () => ({ contents: "export {};" }));
  },
};

await rm(outdir, { recursive: true, force: true });
for (const [name, source] of Object.entries({ command: "src/cli/command.js", worker: "src/local/worker.js" })) {
  await build({
    entryPoints: { [name]: fileURLToPath(new URL(source, dist)) },
    outdir: fileURLToPath(outdir),
    bundle: true,
    // What is imported later stays in files of its own.
    splitting: true,
    minifyWhitespace: true,
    format: "esm",
    platform: "node",
    target: "node20",
    plugins: [stayInPlace, withoutCloud, inEnglish],
    external,
    // For commander, a CommonJS package.
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
    logLevel: "warning",
  });
}

const { compiledDigest, MADE_OF } = await import(new URL("src/local/bundled-program.js", dist).href);
await writeFile(new URL(MADE_OF, outdir), compiledDigest(dist));
