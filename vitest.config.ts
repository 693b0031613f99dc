import { defineConfig } from "vitest/config";

/** Where `.ci/run` wants the results as JSON, to count them. */
const jsonFile = process.env.SCANLANE_TEST_JSON;

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/long/**"],
    testTimeout: 30_000,
    // Two cores: more workers only make the pipeline tests slower.
    maxWorkers: 2,
    globalSetup: ["test/support/temp-root.ts"],
    setupFiles: ["test/support/setup.ts"],
    reporters: jsonFile ? ["default", ["json", { outputFile: jsonFile }]] : ["default"],
  },
});
