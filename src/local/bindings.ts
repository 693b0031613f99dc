/**
 * What the placeholders of the workflow file stand for on one machine. Names only: the engine calls a handler by the
 * name of its state. `infra/` binds the same placeholders to ARNs; a test compares the two lists with the file.
 */
export const LOCAL_BINDINGS = {
  Partition: "aws",
  InspectFunction: "local:inspect",
  PreprocessFunction: "local:preprocess",
  PublishFunction: "local:publish",
  QuarantineFunction: "local:quarantine",
  JobQueue: "local:queue",
  PreprocessJobDefinition: "local:preprocess",
  SegmentJobDefinition: "local:segment",
  PostprocessJobDefinition: "local:postprocess",
  PublishJobDefinition: "local:publish",
} as const satisfies Record<string, string>;

/** The workflow text with its placeholders replaced. @throws {RangeError} naming a placeholder that is not bound */
export function bindPlaceholders(text: string, bindings: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = bindings[name];
    if (value === undefined) throw new RangeError(`placeholder ${name} of the workflow file is not bound`);
    return value;
  });
}
