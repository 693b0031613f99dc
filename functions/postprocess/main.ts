import { postprocess } from "#src/stages/postprocess.js";
import { taskEntry } from "../runtime/task-entry.js";

await taskEntry(() => postprocess);
