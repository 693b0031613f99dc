import { publish } from "#src/stages/publish.js";
import { taskEntry } from "../runtime/task-entry.js";

await taskEntry(() => publish);
