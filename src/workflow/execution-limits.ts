/** Events after which Step Functions ends a standard execution, whatever it was doing: no state of it can catch that. */
export const MAX_HISTORY_EVENTS = 25_000;
/** Bytes of a state's input or output, UTF-8; more ends the execution in the same way. */
export const MAX_PAYLOAD_BYTES = 256 * 1024;

/** Images of one upload that the workflow's schema has room for. */
export const MAX_IMAGES = 1000;

/**
 * Images that one upload may hold on AWS, so that its execution ends in records and never at `MAX_HISTORY_EVENTS`: one
 * image leaves 28 events where all goes well, and 166 where a large one has every state retried as often as it may be
 * and is set aside at last. A test counts them in the workflow file. On one machine nothing is counted.
 */
export const MAX_IMAGES_ON_AWS = 150;
