import { walkFolder } from "./folder-walk.js";

/**
 * All files below a folder as paths below it, with slashes, sorted. Links are followed, to files and to folders; a file is
 * there once, however many lead to it. Hidden names are left out, and what is neither file nor folder.
 *
 * @param own what the command writes itself (absolute paths): left out, also where a link leads into it
 * @throws {PipelineError} `StoreMissing` for a link that leads nowhere, or a folder that went away; `InputUnsafe` for a
 *   link to a folder that it lies in; `StoreDenied` for a folder that may not be read
 */
export async function filesBelow(root: string, own: readonly string[]): Promise<string[]> {
  const { files, problem } = await walkFolder(root, own);
  if (problem !== null) throw problem;
  return [...files];
}
