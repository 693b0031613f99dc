import { describe, expect, it } from "vitest";
import { checkMessage, parseUploadEvents } from "#src/intake/upload-events.js";

const parse = (message: unknown) => parseUploadEvents(JSON.stringify(message));
const bridge = (object: object) => ({ time: "T", detail: { bucket: { name: "b" }, object } });
const record = (object: object, eventName = "ObjectCreated:Put") => ({
  Records: [{ eventName, eventTime: "T", s3: { bucket: { name: "b" }, object } }],
});

describe("parseUploadEvents", () => {
  it("takes EventBridge's keys as they are, and S3's own URL-encoded", () => {
    expect(parse(bridge({ key: "a+b%41 c", "version-id": "v" }))).toMatchObject([{ key: "a+b%41 c", version: "v" }]);
    expect(parse(record({ key: "a%2Bb%2541+c/%C3%BC", versionId: "v" }))).toMatchObject([
      { kind: "object", bucket: "b", key: "a+b%41 c/ü", version: "v" },
    ]);
  });

  it("names a state of an unversioned object by eTag and sequencer", () => {
    expect(parse(bridge({ key: "k", etag: "e", sequencer: "1" }))).toMatchObject([{ version: "e 1" }]);
    expect(parse(record({ key: "k", eTag: "e", sequencer: "1" }))).toMatchObject([{ version: "e 1" }]);
  });

  it("sorts states by time, then by sequencer, of which the shorter is filled with zeros behind", () => {
    const order = (sequencer: string) => parse(bridge({ key: "k", sequencer }))[0];
    const orders = ["0055AED6DCD90281E5", "0055AED6DCD9", "0055AED6DCD90281E6", "0056"].map((sequencer) => {
      const event = order(sequencer);
      return event?.kind === "object" ? event.order : "";
    });
    expect(orders.toSorted()).toEqual([orders[1], orders[0], orders[2], orders[3]]);
  });

  it("reads its own checks", () => {
    const seriesId = `q-${"0".repeat(40)}`;
    expect(parseUploadEvents(checkMessage(seriesId, 5))).toEqual([{ kind: "check", seriesId, time: 5 }]);
  });

  it("has nothing to do for deletions and S3's test message, and refuses what it does not know", () => {
    expect(parse(record({ key: "k" }, "ObjectRemoved:Delete"))).toEqual([]);
    expect(parse({ Service: "Amazon S3", Event: "s3:TestEvent", Bucket: "b" })).toEqual([]);
    for (const body of ["{", "null", "{}", '{"kind":"check","seriesId":"x","time":1}']) {
      expect(() => parseUploadEvents(body)).toThrow(expect.objectContaining({ code: "ContractViolation" }));
    }
  });
});
