import { chmod, mkdir, mkdtemp, open, readdir, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateBucketCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { s3Store } from "#functions/runtime/s3-store.js";
import { folderStore } from "#src/storage/folder-store.js";
import { memoryStore } from "#src/storage/memory-store.js";
import { hasMoto, type MotoServer, startMoto } from "../support/moto-server.js";
import { describeScanStore, keysOf } from "./scan-store.suite.js";

const freshFolder = () => mkdtemp(join(tmpdir(), "scan-store-"));

describeScanStore("memory", async () => memoryStore());
describeScanStore("folder", async () => folderStore(await freshFolder()));
describeScanStore("folder that waits for no disk", async () => folderStore(await freshFolder(), { isSynced: false }));
describeScanStore("private folder", async () => folderStore(await freshFolder(), { isPrivate: true }));

describe("folder store", () => {
  it("is empty before its folder exists", async () => {
    const store = folderStore(join(await freshFolder(), "not", "yet"));
    for await (const { key } of store.list("")) expect.unreachable(key);
    expect(await store.head("a")).toBeNull();
    await store.put("a", Uint8Array.of(1));
    expect(await store.get("a")).toEqual(Uint8Array.of(1));
  });

  it("lists neither hidden files nor what a killed process left", async () => {
    const root = await freshFolder();
    await writeFile(join(root, ".DS_Store"), "x");
    await writeFile(join(root, "labels.nii.gz.123.partial"), "half");
    const keys: string[] = [];
    for await (const { key } of folderStore(root).list("")) keys.push(key);
    expect(keys).toEqual([]);
  });

  it("erases what a killed process left too, and folders with nothing in them", async () => {
    const root = await freshFolder();
    const store = folderStore(root);
    await store.put("s-1/a1/tasks/t0.json", Uint8Array.of(1));
    await store.put("s-2/source.json", Uint8Array.of(1));
    await writeFile(join(root, "s-1/labels.nii.gz.123.partial"), "half");
    const erased: string[] = [];
    for await (const key of store.erase("s-1/")) erased.push(key);
    expect(erased).toEqual(["s-1/a1/tasks/t0.json"]);
    expect(await readdir(root)).toEqual(["s-2"]);
  });

  it.each([true, false])("waits for the disk where it is to: %s", async (isSynced) => {
    const root = await freshFolder();
    const file = await open(join(root, "any"), "w");
    const sync = vi.spyOn(Object.getPrototypeOf(file), "sync");
    await file.close();
    await folderStore(root, { isSynced }).put("a", Uint8Array.of(1));
    expect(sync).toHaveBeenCalledTimes(isSynced ? 1 : 0);
    sync.mockRestore();
  });

  it("refuses a link that leads out of the folder", async () => {
    const [root, outside] = [await freshFolder(), await freshFolder()];
    await writeFile(join(outside, "secret"), "x");
    await symlink(join(outside, "secret"), join(root, "link"));
    await expect(folderStore(root).get("link")).rejects.toMatchObject({ code: "InputUnsafe" });
  });

  it("writes and lists nothing through a folder that is a link out of it", async () => {
    const [root, outside] = [await freshFolder(), await freshFolder()];
    await writeFile(join(outside, "secret"), "x");
    await symlink(outside, join(root, "way-out"));
    const store = folderStore(root);
    for (const key of ["way-out/new", "way-out/deep/new", "way-out/secret"]) {
      for (const ifAbsent of [true, false]) {
        await expect(store.put(key, Uint8Array.of(1), { ifAbsent })).rejects.toMatchObject({ code: "InputUnsafe" });
      }
      await expect(store.delete(key)).rejects.toMatchObject({ code: "InputUnsafe" });
    }
    expect(await readdir(outside)).toEqual(["secret"]);
    await expect(store.list("way-out/")[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: "InputUnsafe" });
    await expect(store.erase("way-out/")[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: "InputUnsafe" });
  });

  it("says in our words, without a path, what the file system refuses", async () => {
    const store = folderStore(await freshFolder());
    const tooLong = "x".repeat(300);
    const calls = [() => store.head(tooLong), () => store.get(tooLong), () => store.put(tooLong, Uint8Array.of(1))];
    for (const call of calls) {
      await expect(call()).rejects.toMatchObject({ code: "StoreBusy", message: expect.not.stringContaining("xxx") });
    }
  });
});

describe("private folder store", () => {
  const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);

  it("makes folders and files that this user alone may enter", async () => {
    const root = join(await freshFolder(), "new");
    const store = folderStore(root, { isPrivate: true });
    for (const ifAbsent of [true, false]) await store.put(`maps/${ifAbsent}`, Uint8Array.of(1), { ifAbsent });
    expect(await Promise.all([root, join(root, "maps")].map(modeOf))).toEqual(["700", "700"]);
    expect(await Promise.all(["true", "false"].map((name) => modeOf(join(root, "maps", name))))).toEqual([
      "600",
      "600",
    ]);
  });

  it("refuses a folder that others may enter, to read and to write", async () => {
    const root = join(await freshFolder(), "shared");
    await mkdir(root);
    await writeFile(join(root, "secret"), "x");
    for (const mode of [0o755, 0o710, 0o701]) {
      await chmod(root, mode);
      const store = folderStore(root, { isPrivate: true });
      for (const call of [
        () => store.get("secret"),
        () => store.head("secret"),
        () => store.put("a", Uint8Array.of(1)),
      ]) {
        await expect(call()).rejects.toMatchObject({ code: "StoreDenied", message: expect.stringContaining("0700") });
      }
    }
  });
});

describe.skipIf(!hasMoto)("on a real S3 server (needs moto_server)", () => {
  let moto: MotoServer;
  let client: S3Client;
  let buckets = 0;

  beforeAll(async () => {
    moto = await startMoto();
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    client = new S3Client({ endpoint: moto.endpoint, region: "us-east-1", forcePathStyle: true, credentials });
  }, 30_000);
  afterAll(() => {
    client?.destroy();
    moto?.close();
  });

  async function freshBucket(): Promise<string> {
    const bucket = `bucket-${++buckets}`;
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
    return bucket;
  }

  describeScanStore("s3", async () => s3Store({ client, bucket: await freshBucket() }));

  it("sends a large object in parts, as one object or not at all", async () => {
    const bucket = await freshBucket();
    const store = s3Store({ client, bucket });
    const large = new Uint8Array(40 * 2 ** 20).map((_, i) => i % 251);
    expect(await store.put("large", large)).toBe("written");
    expect(await store.head("large")).toEqual({ key: "large", size: large.length });
    expect(Buffer.compare(await store.get("large"), large)).toBe(0);
    expect(await store.put("large", large.subarray(1), { ifAbsent: true })).toBe("exists");
    expect(await store.head("large")).toEqual({ key: "large", size: large.length });

    async function* broken() {
      yield large;
      throw new TypeError("source broke off");
    }
    await expect(store.put("other", broken())).rejects.toThrow("source broke off");
    expect(await store.head("other")).toBeNull();
    const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
    expect(Uploads ?? []).toEqual([]);
  }, 60_000);

  /** What is there of a bucket, of whatever age. */
  async function versionsIn(Bucket: string): Promise<string[]> {
    const { Versions = [], DeleteMarkers = [] } = await client.send(new ListObjectVersionsCommand({ Bucket }));
    return [...Versions, ...DeleteMarkers].map(({ Key = "" }) => Key).sort();
  }

  it("erases every version, those of deleted objects too, beyond a page of them", async () => {
    const bucket = await freshBucket();
    const VersioningConfiguration = { Status: "Enabled" } as const;
    await client.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration }));
    const store = s3Store({ client, bucket });
    for (const key of ["a/1", "a/1", "a/2", "b"]) await store.put(key, Uint8Array.of(1));
    await store.delete("a/2");
    expect(await keysOf(store, "a/")).toEqual(["a/1"]);
    expect(await versionsIn(bucket)).toEqual(["a/1", "a/1", "a/2", "a/2", "b"]);
    const erased: string[] = [];
    for await (const key of store.erase("a/")) erased.push(key);
    expect(erased).toEqual(["a/1", "a/2"]);
    expect(await versionsIn(bucket)).toEqual(["b"]);

    // 1100 versions of 700 keys: two pages, of which the border lies among the versions of one key.
    const keys = Array.from({ length: 700 }, (_, n) => `many/${String(n).padStart(3, "0")}`);
    for (let at = 0; at < keys.length; at += 50) {
      const some = keys.slice(at, at + 50);
      await Promise.all(some.map((key) => store.put(key, Uint8Array.of(1))));
      await Promise.all(some.filter((_, n) => n < 29).map((key) => store.put(key, Uint8Array.of(2))));
    }
    const all: string[] = [];
    for await (const key of store.erase("many/")) all.push(key);
    expect(all).toEqual(keys);
    expect(await versionsIn(bucket)).toEqual(["b"]);
  }, 60_000);

  it("says StoreLocked for what S3 Object Lock holds, and lifts a lock in governance mode where told to", async () => {
    const bucket = `bucket-${++buckets}`;
    await client.send(new CreateBucketCommand({ Bucket: bucket, ObjectLockEnabledForBucket: true }));
    const until = new Date(Date.now() + 3_600_000);
    const lock = (Key: string, ObjectLockMode: "GOVERNANCE" | "COMPLIANCE") =>
      client.send(
        new PutObjectCommand({ Bucket: bucket, Key, Body: "x", ObjectLockMode, ObjectLockRetainUntilDate: until }),
      );
    await lock("r-1/result.json", "GOVERNANCE");
    await lock("r-2/result.json", "COMPLIANCE");
    const erase = async (prefix: string, liftLocks: boolean) => {
      for await (const _ of s3Store({ client, bucket, liftLocks }).erase(prefix));
    };
    await expect(erase("r-1/", false)).rejects.toMatchObject({
      code: "StoreLocked",
      message: expect.stringMatching(/^S3 Object Lock holds 1 of 1 versions \(GOVERNANCE until 20/),
    });
    expect(await versionsIn(bucket)).toEqual(["r-1/result.json", "r-2/result.json"]);
    await erase("r-1/", true);
    await expect(erase("r-2/", true)).rejects.toMatchObject({ code: "StoreLocked" });
    expect(await versionsIn(bucket)).toEqual(["r-2/result.json"]);
  });

  it("says StoreDenied for a bucket that is not there: trying again cannot help", async () => {
    const store = s3Store({ client, bucket: "no-such-bucket" });
    await expect(store.put("k", Uint8Array.of(1))).rejects.toMatchObject({ code: "StoreDenied" });
    await expect(store.get("k")).rejects.toMatchObject({ code: "StoreDenied" });
  });

  it("says StoreBusy when the server cannot be reached", async () => {
    const unreachable = new S3Client({
      endpoint: "http://localhost:1",
      region: "us-east-1",
      maxAttempts: 1,
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
    });
    await expect(s3Store({ client: unreachable, bucket: "b" }).get("k")).rejects.toMatchObject({
      code: "StoreBusy",
      message: "S3 could not be reached (ECONNREFUSED), expected success",
    });
  });
});
