import { describe, expect, it } from "vitest";
import type { InfraConfigInput } from "../../infra/config.js";
import { configFields } from "../../infra/config-fields.js";
import { synthesize } from "./synthesize.js";

// biome-ignore lint/suspicious/noExplicitAny: a template is JSON without a type
type Properties = any;

/** A synthesized template, by types of resources. */
class Made {
  readonly #resources: Record<string, { Type: string; Properties: Properties }>;

  constructor(config: InfraConfigInput) {
    this.#resources = synthesize(config).toJSON().Resources;
  }

  all(type: string, name = ""): Properties[] {
    return Object.entries(this.#resources)
      .filter(([id, { Type }]) => Type === `AWS::${type}` && id.startsWith(name))
      .map(([, { Properties }]) => Properties);
  }

  one(type: string, name = ""): Properties {
    return this.all(type, name)[0];
  }

  /** The environment of a function. */
  told(name: string, variable: string): Properties {
    return this.one("Lambda::Function", `Functions${name}`).Environment.Variables[variable];
  }

  /** The same where it is JSON. */
  toldJson(name: string, variable: string): Properties {
    return JSON.parse(this.told(name, variable) ?? "null");
  }

  rules(bucket: string): Properties[] {
    return this.one("S3::Bucket", `Buckets${bucket}`)?.LifecycleConfiguration.Rules ?? [];
  }
}

const SCANS_KEY = "arn:aws:kms:eu-central-1:123456789012:key/0b1c";
const RESULTS_KEY = "arn:aws:kms:eu-central-1:123456789012:key/5d6e";
const MAPS_KEY = "arn:aws:kms:eu-central-1:123456789012:key/7f80";
const VPC = { id: "vpc-0a1b2c3d", availabilityZones: ["eu-central-1a"], subnetIds: ["subnet-0b1c2d3e"] };

/** Few templates for many fields: each takes seconds. */
const CONFIGS = {
  nothing: {},
  changed: {
    stage: "prod",
    compute: { instanceTypes: ["g6.xlarge"], maxVcpus: 8, postprocessGpu: true },
    models: ["nuclei-ens4b-unet-w0.25", "brain-mask-unet2d"],
    routes: [
      {
        modality: "MR",
        bodyPart: "HEAD",
        imageType: "ORIGINAL",
        format: "dicom",
        dimensions: 3,
        model: "brain-mask-unet2d",
        irregular: "resample",
        deidentify: "basic",
      },
    ],
    uploads: {
      share: "bulk",
      models: ["brain-mask-unet2d"],
      outputs: ["sr"],
      runsPerDay: 7,
      prefixes: [
        {
          prefix: "er/",
          share: "stat",
          model: "brain-mask-unet2d",
          models: "any",
          outputs: ["rtstruct"],
          runsPerDay: 5,
        },
      ],
    },
    limits: { imagesPerUpload: 3, voxelsPerImage: 1000, uploadMiB: 2000 },
    intake: { quietSeconds: 90, maxWaitHours: 2, ledgerDays: 60 },
    retention: {
      uploadArchiveDays: 45,
      uploadDays: 200,
      workDays: 3,
      resultDays: 100,
      resultLockDays: 30,
      quarantineDays: 40,
      logDays: 365,
      accessLogDays: 700,
    },
    notifications: {
      alarmEmails: ["a@example.org"],
      eventBusArn: "arn:aws:events:eu-central-1:123456789012:event-bus/hospital",
    },
    alarms: { dailyBudgetUsd: 12.5, queueMinutes: 30, quarantinePercent: 7 },
    deidentification: true,
    dataEvents: true,
  },
  cpu: { compute: { kind: "cpu" }, network: { profile: "isolated" } },
  imported: {
    buckets: {
      scans: { name: "their-scans", keyArn: SCANS_KEY },
      results: { name: "their-results", keyArn: RESULTS_KEY },
      deidentification: { name: "their-maps", keyArn: MAPS_KEY },
    },
    deidentification: true,
    network: { vpc: VPC },
    notifications: {
      alarmTopicArn: "arn:aws:sns:eu-central-1:123456789012:their-alarms",
      endedTopicArn: "arn:aws:sns:eu-central-1:123456789012:their-notices",
    },
  },
} satisfies Record<string, InfraConfigInput>;

const made = Object.fromEntries(Object.entries(CONFIGS).map(([name, config]) => [name, new Made(config)]));

/** Where the effect of a field is seen: in which template, by what, and what it is there. */
interface Effect {
  readonly of: keyof typeof CONFIGS;
  readonly seen: (made: Made) => unknown;
  readonly is: unknown;
}

const changed = (seen: Effect["seen"], is: unknown): Effect => ({ of: "changed", seen, is });
const imported = (seen: Effect["seen"], is: unknown): Effect => ({ of: "imported", seen, is });
const inspect = (variable: string, is: unknown) => changed((one) => one.told("Inspect", variable), is);
const intake = (variable: string, is: unknown) => changed((one) => one.told("Intake", variable), is);
const uploads = (field: string, is: unknown) => changed((one) => one.toldJson("Intake", "UPLOAD_RULES")[field], is);
const prefix = (field: string, is: unknown) =>
  changed((one) => one.toldJson("Intake", "UPLOAD_RULES").prefixes[0]?.[field], is);
const route = (field: string, is: unknown) =>
  changed((one) => one.toldJson("Inspect", "ROUTES")?.routes[0]?.[field], is);
const removed = (bucket: string, prefix: string | undefined, is: number) =>
  changed(
    (one) =>
      one.rules(bucket).find((rule) => rule.Prefix === prefix && rule.ExpirationInDays !== undefined)?.ExpirationInDays,
    is,
  );
const environments = (one: Made) =>
  one.all("Batch::ComputeEnvironment").map(({ ComputeResources }) => ComputeResources);
const mayUseKey = (one: Made, keyArn: string) => JSON.stringify(one.all("IAM::Policy")).includes(keyArn);

const EFFECTS: Record<string, Effect> = {
  stage: changed((one) => one.one("S3::Bucket").Tags.find(({ Key }: Properties) => Key === "stage").Value, "prod"),
  "buckets.scans.name": imported(
    (one) => one.one("Events::Rule", "IntakeObjectCreated").EventPattern.detail.bucket.name,
    ["their-scans"],
  ),
  "buckets.scans.keyArn": imported((one) => mayUseKey(one, SCANS_KEY), true),
  "buckets.results.name": imported((one) => one.told("Publish", "RESULT_BUCKET"), "their-results"),
  "buckets.results.keyArn": imported((one) => mayUseKey(one, RESULTS_KEY), true),
  "buckets.deidentification.name": imported((one) => one.told("Publish", "DEID_BUCKET"), "their-maps"),
  "buckets.deidentification.keyArn": imported((one) => mayUseKey(one, MAPS_KEY), true),
  "network.profile": { of: "cpu", seen: (one) => one.all("EC2::InternetGateway").length, is: 0 },
  "network.vpc.id": imported((one) => one.one("EC2::SecurityGroup", "NetworkCompute").VpcId, VPC.id),
  "network.vpc.availabilityZones": imported((one) => one.all("EC2::VPC").length, 0),
  "network.vpc.subnetIds": imported((one) => environments(one)[0].Subnets, VPC.subnetIds),
  "compute.kind": {
    of: "cpu",
    seen: (one) => environments(one).map(({ Type }) => Type),
    is: ["FARGATE_SPOT", "FARGATE"],
  },
  "compute.instanceTypes": changed((one) => environments(one)[0].InstanceTypes, ["g6.xlarge"]),
  "compute.maxVcpus": changed((one) => environments(one).map(({ MaxvCpus }) => MaxvCpus), [8, 8]),
  "compute.postprocessGpu": changed((one) => one.told("Publish", "STEP_PROVIDER"), "cuda"),
  models: changed(
    (one) => one.toldJson("Preprocess", "MODELS")?.slice(0, 2),
    ["brain-mask-unet2d", "nuclei-ens4b-unet-w0.25"],
  ),
  routes: changed((one) => one.toldJson("Inspect", "ROUTES")?.schemaVersion, 1),
  "routes[].modality": route("modality", "MR"),
  "routes[].bodyPart": route("bodyPart", "HEAD"),
  "routes[].imageType": route("imageType", "ORIGINAL"),
  "routes[].format": route("format", "dicom"),
  "routes[].dimensions": route("dimensions", 3),
  "routes[].model": route("model", "brain-mask-unet2d"),
  "routes[].irregular": route("irregular", "resample"),
  "routes[].deidentify": route("deidentify", "basic"),
  "uploads.share": uploads("share", "bulk"),
  "uploads.models": uploads("models", ["brain-mask-unet2d"]),
  "uploads.outputs": uploads("outputs", ["sr"]),
  "uploads.runsPerDay": uploads("runsPerDay", 7),
  "uploads.prefixes": changed((one) => one.toldJson("Intake", "UPLOAD_RULES").prefixes.length, 1),
  "uploads.prefixes[].prefix": prefix("prefix", "er/"),
  "uploads.prefixes[].model": prefix("model", "brain-mask-unet2d"),
  "uploads.prefixes[].share": prefix("share", "stat"),
  "uploads.prefixes[].models": prefix("models", "any"),
  "uploads.prefixes[].outputs": prefix("outputs", ["rtstruct"]),
  "uploads.prefixes[].runsPerDay": prefix("runsPerDay", 5),
  "limits.imagesPerUpload": inspect("MAX_IMAGES", "3"),
  "limits.voxelsPerImage": inspect("MAX_VOXELS", "1000"),
  "limits.uploadMiB": inspect("MAX_UPLOAD_BYTES", String(2000 * 2 ** 20)),
  "intake.quietSeconds": intake("QUIET_SECONDS", "90"),
  "intake.maxWaitHours": intake("MAX_WAIT_SECONDS", "7200"),
  "intake.ledgerDays": intake("LEDGER_DAYS", "60"),
  "retention.uploadArchiveDays": changed(
    (one) => one.rules("Scans")[0].Transitions,
    [{ StorageClass: "INTELLIGENT_TIERING", TransitionInDays: 45 }],
  ),
  "retention.uploadDays": removed("Scans", undefined, 200),
  "retention.workDays": removed("Work", undefined, 3),
  "retention.resultDays": removed("Results", "r-", 100),
  "retention.resultLockDays": changed(
    (one) => one.one("S3::Bucket", "BucketsResults").ObjectLockConfiguration?.Rule.DefaultRetention,
    { Days: 30, Mode: "GOVERNANCE" },
  ),
  "retention.quarantineDays": removed("Results", "quarantine/", 40),
  "retention.logDays": changed(
    (one) => [...new Set(one.all("Logs::LogGroup").map(({ RetentionInDays }) => RetentionInDays))],
    [365],
  ),
  "retention.accessLogDays": removed("AccessLogs", undefined, 700),
  "notifications.alarmEmails": changed(
    (one) => one.all("SNS::Subscription").map(({ Protocol, Endpoint }) => `${Protocol} ${Endpoint}`),
    ["email a@example.org"],
  ),
  "notifications.alarmTopicArn": imported(
    (one) => one.one("CloudWatch::Alarm").AlarmActions,
    ["arn:aws:sns:eu-central-1:123456789012:their-alarms"],
  ),
  "notifications.endedTopicArn": imported(
    (one) => one.told("Announce", "ENDED_TOPIC_ARN"),
    "arn:aws:sns:eu-central-1:123456789012:their-notices",
  ),
  "notifications.eventBusArn": changed(
    (one) => one.told("Announce", "EVENT_BUS_ARN"),
    "arn:aws:events:eu-central-1:123456789012:event-bus/hospital",
  ),
  "alarms.dailyBudgetUsd": changed((one) => one.one("CloudWatch::Alarm", "AlarmsCostOfTheDay").Threshold, 12.5),
  "alarms.queueMinutes": changed((one) => one.one("CloudWatch::Alarm", "AlarmsQueueHead").Threshold, 1800),
  "alarms.quarantinePercent": changed((one) => one.one("CloudWatch::Alarm", "AlarmsQuarantineRate").Threshold, 7),
  deidentification: changed((one) => one.all("S3::Bucket", "Deid").length, 1),
  dataEvents: changed((one) => one.all("CloudTrail::Trail").length, 1),
};

describe("every field of the configuration", () => {
  const paths = configFields().map(({ path }) => path);

  it("has a row here, and every row a field", () => {
    expect(Object.keys(EFFECTS).sort()).toEqual(paths.toSorted());
  });

  it.each(Object.entries(EFFECTS))("%s changes the template", (_, { of, seen, is }) => {
    expect(seen(made[of] as Made)).toEqual(is);
    expect(seen(made.nothing as Made)).not.toEqual(is);
  });
});

describe("more of what fields do", () => {
  const [plain, other, theirs] = [made.nothing, made.changed, made.imported] as [Made, Made, Made];

  it("models: functions, jobs and image are told the same", () => {
    const models = other.toldJson("Inspect", "MODELS");
    const image = ({ ContainerProperties }: Properties) => JSON.stringify(ContainerProperties.Image);
    expect(image(other.one("Batch::JobDefinition"))).not.toBe(image(plain.one("Batch::JobDefinition")));
    for (const { ContainerProperties } of other.all("Batch::JobDefinition")) {
      const told = ContainerProperties.Environment.find(({ Name }: Properties) => Name === "MODELS");
      expect(JSON.parse(told.Value)).toEqual(models);
    }
  });

  it("routes: Quarantine is told them too, or it would name uploads of which nothing may tell whose they are", () => {
    expect(other.toldJson("Quarantine", "ROUTES")?.routes[0]?.deidentify).toBe("basic");
    expect(other.toldJson("Quarantine", "ROUTES")).toEqual(other.toldJson("Inspect", "ROUTES"));
    expect(plain.told("Quarantine", "ROUTES")).toBeUndefined();
  });

  it("buckets: none is made in place of those that are there", () => {
    // Work, and the access logs; and no key but the one that these are under.
    expect(theirs.all("S3::Bucket")).toHaveLength(2);
    expect(theirs.all("KMS::Key")).toHaveLength(1);
  });

  it("buckets: a lock of results changes nothing that CloudFormation replaces a bucket for", () => {
    const results = (one: Made) => one.one("S3::Bucket", "BucketsResults");
    expect([plain, other].map((one) => results(one).ObjectLockEnabled)).toEqual([true, true]);
    expect(results(plain).ObjectLockConfiguration?.Rule).toBeUndefined();
  });

  it("buckets: what was overwritten or removed is gone after 30 days, whether anything is removed by days or not", () => {
    for (const one of [plain, other]) {
      for (const bucket of ["Scans", "Results"]) {
        const everywhere = one.rules(bucket).filter(({ Prefix }) => Prefix === undefined);
        expect(everywhere.filter((rule) => rule.NoncurrentVersionExpiration?.NoncurrentDays === 30)).toHaveLength(1);
        // Its mark too, whose key may be a name.
        expect(everywhere.filter((rule) => rule.ExpiredObjectDeleteMarker)).toHaveLength(1);
      }
    }
    expect(plain.rules("Scans").filter((rule) => rule.ExpirationInDays !== undefined)).toEqual([]);
  });

  it("compute: environments and queue of the other kind are others, as Batch does not make one of the other", () => {
    const names = (kind: "gpu" | "cpu") => {
      const resources = synthesize({ compute: { kind } }).toJSON().Resources;
      return Object.entries<{ Type: string }>(resources)
        .filter(([, { Type }]) => /^AWS::Batch::(ComputeEnvironment|JobQueue)$/.test(Type))
        .map(([name]) => name);
    };
    const [gpu, cpu] = [names("gpu"), names("cpu")];
    expect([gpu.length, cpu.length]).toEqual([3, 3]);
    expect(gpu.filter((name) => cpu.includes(name))).toEqual([]);
  });

  it("buckets: the backfill may write its results manifest under the key of a bucket that was there", () => {
    const policies = (one: Made) => JSON.stringify(one.all("IAM::Policy", "BackfillStateMachine"));
    expect(policies(theirs)).toContain(RESULTS_KEY);
    expect(policies(theirs)).not.toContain(SCANS_KEY);
  });

  it("notifications: no topic is made in place of those that are there", () => {
    expect(theirs.all("SNS::Topic")).toHaveLength(1);
    expect(theirs.all("SNS::Topic", "NoticesEvents")).toHaveLength(1);
  });

  it("notifications: the function that tells events may publish to the topic, and to the bus, that are there", () => {
    const policy = (one: Made) => JSON.stringify(one.one("IAM::Policy", "FunctionsAnnounce").PolicyDocument);
    expect(policy(theirs)).toContain("arn:aws:sns:eu-central-1:123456789012:their-notices");
    expect(policy(other)).toContain("arn:aws:events:eu-central-1:123456789012:event-bus/hospital");
  });

  it("compute and network: tasks without an instance have an address of their own in public subnets alone", () => {
    const [cpu] = [made.cpu] as [Made];
    expect(cpu.all("EC2::LaunchTemplate")).toEqual([]);
    expect(cpu.all("EC2::NatGateway")).toEqual([]);
    expect(cpu.all("EC2::VPCEndpoint").filter(({ VpcEndpointType }) => VpcEndpointType === "Interface")).toHaveLength(
      6,
    );
    for (const { ContainerProperties, PlatformCapabilities } of cpu.all("Batch::JobDefinition")) {
      expect(PlatformCapabilities).toEqual(["FARGATE"]);
      expect(ContainerProperties.ReadonlyRootFilesystem).toBe(true);
      expect(ContainerProperties.NetworkConfiguration).toEqual({ AssignPublicIp: "DISABLED" });
    }
    for (const { MapPublicIpOnLaunch } of cpu.all("EC2::Subnet")) expect(MapPublicIpOnLaunch).toBe(false);
  });
});
