import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/long/**"],
    testTimeout: 30_000,
    // Two cores: more workers only make the pipeline tests slower.
    maxWorkers: 2,
    setupFiles: ["test/support/setup.ts"],
  },
});
