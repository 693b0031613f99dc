/** Version of every document that one part writes and another reads (contracts, manifests, records, events). */
export const SCHEMA_VERSION = 1;

/**
 * Version of the arithmetic. Part of a result's identity: raise it when the same input, model and settings would
 * give other bytes than before, so that old results are neither reused nor overwritten.
 */
export const RESULT_VERSION = 7;
