import { Duration } from "aws-cdk-lib";
import {
  AllocationStrategy,
  CfnComputeEnvironment,
  EcsMachineImageType,
  type JobQueue,
  ManagedEc2EcsComputeEnvironment,
} from "aws-cdk-lib/aws-batch";
import {
  BlockDeviceVolume,
  EbsDeviceVolumeType,
  InstanceType,
  LaunchTemplate,
  LaunchTemplateHttpTokens,
} from "aws-cdk-lib/aws-ec2";
import { Construct } from "constructs";
import { fairQueue } from "./fair-queue.js";
import type { ScanNetwork } from "./scan-network.js";

export interface GpuComputeProps {
  readonly network: ScanNetwork;
  readonly instanceTypes: readonly string[];
  readonly maxVcpus: number;
}

/** Root volume of an instance: 12 GB of image, the rest scratch for volumes on their way. */
const ROOT_VOLUME_GIB = 200;

/** GPU instances for jobs: Spot first, On-Demand behind it, none while nothing is to do. */
export class GpuCompute extends Construct {
  readonly queue: JobQueue;

  constructor(scope: Construct, id: string, props: GpuComputeProps) {
    super(scope, id);
    const { network } = props;
    const launchTemplate = new LaunchTemplate(this, "LaunchTemplate", {
      httpTokens: LaunchTemplateHttpTokens.REQUIRED,
      httpPutResponseHopLimit: 1,
      blockDevices: [
        {
          deviceName: "/dev/xvda",
          volume: BlockDeviceVolume.ebs(ROOT_VOLUME_GIB, { encrypted: true, volumeType: EbsDeviceVolumeType.GP3 }),
        },
      ],
    });
    const environment = (name: string, spot: boolean) => {
      const made = new ManagedEc2EcsComputeEnvironment(this, name, {
        vpc: network.vpc,
        vpcSubnets: network.subnets,
        securityGroups: [network.securityGroup],
        instanceTypes: props.instanceTypes.map((type) => new InstanceType(type)),
        useOptimalInstanceClasses: false,
        spot,
        allocationStrategy: spot
          ? AllocationStrategy.SPOT_PRICE_CAPACITY_OPTIMIZED
          : AllocationStrategy.BEST_FIT_PROGRESSIVE,
        minvCpus: 0,
        maxvCpus: props.maxVcpus,
        images: [{ imageType: EcsMachineImageType.ECS_AL2023_NVIDIA }],
        launchTemplate,
        updateToLatestImageVersion: true,
        // A job that runs is finished on the old instances before they go.
        terminateOnUpdate: false,
        updateTimeout: Duration.hours(2),
        replaceComputeEnvironment: false,
      });
      // The construct names the template alone, which would be its first version for ever.
      const resource = made.node.defaultChild;
      if (!(resource instanceof CfnComputeEnvironment))
        throw new TypeError("environment has no CloudFormation resource");
      resource.addPropertyOverride("ComputeResources.LaunchTemplate.Version", launchTemplate.latestVersionNumber);
      return made;
    };

    this.queue = fairQueue(this, [environment("Spot", true), environment("OnDemand", false)]);
  }
}
