import { FargateComputeEnvironment, type JobQueue } from "aws-cdk-lib/aws-batch";
import { Construct } from "constructs";
import { fairQueue } from "./fair-queue.js";
import type { ScanNetwork } from "./scan-network.js";

export interface CpuComputeProps {
  readonly network: ScanNetwork;
  readonly maxVcpus: number;
}

/** Fargate for jobs without a GPU: Spot first, On-Demand behind it, none while nothing is to do. */
export class CpuCompute extends Construct {
  readonly queue: JobQueue;

  constructor(scope: Construct, id: string, { network, maxVcpus }: CpuComputeProps) {
    super(scope, id);
    const environment = (name: string, spot: boolean) =>
      new FargateComputeEnvironment(this, name, {
        vpc: network.vpc,
        vpcSubnets: network.subnets,
        securityGroups: [network.securityGroup],
        spot,
        maxvCpus: maxVcpus,
        replaceComputeEnvironment: false,
      });
    this.queue = fairQueue(this, [environment("Spot", true), environment("OnDemand", false)]);
  }
}
