/** Files that no comparison of bytes covers: timings, and the records that hold them. */
export const TIMED = /run\.json$|report\.html$|done\.json$|failure\.json$/;
