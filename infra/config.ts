import { z } from "zod";

/** What a deployment can choose. Read from the CDK context `scanlane` (`cdk.json`, or `-c scanlane='{…}'`). */
export const InfraConfig = z.strictObject({
  /** Part of the stack's name, so that several can live in one account. */
  stage: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,19}$/)
    .default("dev"),
  /** Instance families of the GPU queue, first choice first. */
  gpuInstanceTypes: z
    .array(z.string().regex(/^[a-z0-9]+\.[a-z0-9]+$/))
    .min(1)
    .default(["g4dn.xlarge", "g5.xlarge", "g4dn.2xlarge"]),
  /** Most vCPUs that run at once; 0 run when nothing is to do. */
  maxVcpus: z.int().min(4).default(64),
  /** Days after which intermediate files are removed. */
  workRetentionDays: z.int().min(1).default(14),
  /** Days after which uploads become cheaper storage; they are never removed by the stack. */
  scanArchiveDays: z.int().min(30).default(90),
  /** How long a series of loose DICOM files must be quiet where nothing better says that it is complete. */
  quietSeconds: z.int().min(60).max(86_400).default(300),
  /** How long is waited for files that are known to be missing before the series is set aside. */
  maxWaitHours: z.int().min(1).max(720).default(24),
  /** Days after which intake forgets an upload that nothing more was heard of; a late event then runs it again. */
  ledgerDays: z.int().min(30).default(400),
  /** Whether Postprocess gets a GPU too: of use only to steps with a GPU kernel. */
  postprocessGpu: z.boolean().default(false),
});
export type InfraConfig = z.infer<typeof InfraConfig>;
