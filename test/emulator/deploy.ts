import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { zipOf } from "../support/zip-builder.js";
import { type Account, awsCli } from "./account.js";
import type { Synthesized } from "./synthesized.js";

/** Names as `cdk bootstrap` gives them. */
const ASSETS = "cdk-hnb659fds-assets-123456789012-us-east-1";
const VERSION_PARAMETER = "/cdk-bootstrap/hnb659fds/version";

/** A stack that was made. */
export interface Deployed {
  readonly outputs: Readonly<Record<string, string>>;
  /** Folder of the code of each function, by the function's name. */
  readonly functions: ReadonlyMap<string, string>;
  /** Types of the resources that were made, sorted. */
  readonly types: readonly string[];
}

/** What `cdk bootstrap` and `cdk deploy` do, without the container image: assets, then the stack of the template. */
export async function deploy(account: Account, stack: string, made: Synthesized): Promise<Deployed> {
  const s3 = new S3Client({ endpoint: account.endpoint, forcePathStyle: true, region: "us-east-1", credentials });
  try {
    await s3.send(new CreateBucketCommand({ Bucket: ASSETS }));
    awsCli(account, "ssm", "put-parameter", "--name", VERSION_PARAMETER, "--type", "String", "--value", "30");
    for (const [Key, folder] of made.code) {
      await s3.send(new PutObjectCommand({ Bucket: ASSETS, Key, Body: await zipOf(await filesOf(folder)) }));
    }
    await s3.send(new PutObjectCommand({ Bucket: ASSETS, Key: "template.json", Body: made.templateBytes }));
  } finally {
    s3.destroy();
  }
  const url = `${account.endpoint}/${ASSETS}/template.json`;
  const create = ["create-stack", "--stack-name", stack, "--template-url", url, "--capabilities", "CAPABILITY_IAM"];
  awsCli(account, "cloudformation", ...create);
  const { Stacks } = JSON.parse(awsCli(account, "cloudformation", "describe-stacks", "--stack-name", stack));
  const [{ StackStatus, Outputs = [] }] = Stacks;
  if (StackStatus !== "CREATE_COMPLETE") throw new Error(`stack is ${StackStatus}`);
  const outputs = Object.fromEntries(
    Outputs.map((o: { OutputKey: string; OutputValue: string }) => [o.OutputKey, o.OutputValue]),
  );
  const listed: readonly { LogicalResourceId: string; PhysicalResourceId: string; ResourceType?: string }[] =
    JSON.parse(awsCli(account, "cloudformation", "describe-stack-resources", "--stack-name", stack)).StackResources;
  const functions = new Map(
    listed.flatMap(({ LogicalResourceId, PhysicalResourceId, ResourceType }) => {
      if (ResourceType !== "AWS::Lambda::Function") return [];
      const key = made.template.Resources[LogicalResourceId]?.Properties?.Code?.S3Key ?? "";
      return [[PhysicalResourceId, made.code.get(key) ?? ""] as const];
    }),
  );
  return { outputs, functions, types: listed.flatMap(({ ResourceType }) => ResourceType ?? []).sort() };
}

const credentials = { accessKeyId: "test", secretAccessKey: "test" };

function filesOf(folder: string): Promise<{ name: string; bytes: Uint8Array }[]> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Promise.all(
    entries.map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      return { name: relative(folder, path), bytes: await readFile(path) };
    }),
  );
}
