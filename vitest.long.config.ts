import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/long/**/*.test.ts"],
    testTimeout: 900_000,
    maxWorkers: 1,
    globalSetup: ["test/support/temp-root.ts"],
    setupFiles: ["test/support/setup.ts"],
  },
});
