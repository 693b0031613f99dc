import { preprocess } from "#src/stages/preprocess.js";
import { taskEntry } from "../runtime/task-entry.js";

await taskEntry(() => preprocess);
