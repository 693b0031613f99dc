import { MessageChannel } from "node:worker_threads";

const { port1, port2 } = new MessageChannel();
// What is sent to a closed end goes nowhere.
port2.close();

/**
 * Gives an array's memory back at once; it has no length any more. The garbage collector learns late how much memory
 * lies behind an array, and several answers of a network of many classes are more than a machine has.
 */
export function freeArray(array: ArrayBufferView): void {
  if (array.buffer instanceof ArrayBuffer) port1.postMessage(null, [array.buffer]);
}
