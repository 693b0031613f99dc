import { Duration, Size } from "aws-cdk-lib";
import {
  AllocationStrategy,
  CfnComputeEnvironment,
  EcsMachineImageType,
  FairshareSchedulingPolicy,
  JobQueue,
  JobStateTimeLimitActionsAction,
  JobStateTimeLimitActionsReason,
  JobStateTimeLimitActionsState,
  ManagedEc2EcsComputeEnvironment,
} from "aws-cdk-lib/aws-batch";
import {
  BlockDeviceVolume,
  EbsDeviceVolumeType,
  InstanceType,
  LaunchTemplate,
  LaunchTemplateHttpTokens,
  SubnetType,
} from "aws-cdk-lib/aws-ec2";
import { Construct } from "constructs";
import type { ScanNetwork } from "./scan-network.js";

export interface GpuComputeProps {
  readonly network: ScanNetwork;
  readonly instanceTypes: readonly string[];
  readonly maxVcpus: number;
}

/** Root volume of an instance: 12 GB of image, the rest scratch for volumes on their way. */
const ROOT_VOLUME_GIB = 200;
/** How long a job may wait at the head of the queue for a reason that does not heal by itself. */
const LONGEST_WAIT = Duration.hours(4);

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
        vpcSubnets: { subnetType: SubnetType.PUBLIC },
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

    this.queue = new JobQueue(this, "Queue", {
      computeEnvironments: [
        { computeEnvironment: environment("Spot", true), order: 1 },
        { computeEnvironment: environment("OnDemand", false), order: 2 },
      ],
      // STAT gets four times the share of bulk (a smaller factor is a larger share), and bulk never starves.
      schedulingPolicy: new FairshareSchedulingPolicy(this, "Fairshare", {
        computeReservation: 10,
        shareDecay: Duration.hours(1),
        shares: [
          { shareIdentifier: "stat", weightFactor: 0.25 },
          { shareIdentifier: "bulk", weightFactor: 1 },
        ],
      }),
      jobStateTimeLimitActions: Object.values(JobStateTimeLimitActionsReason).map((reason) => ({
        action: JobStateTimeLimitActionsAction.CANCEL,
        maxTime: LONGEST_WAIT,
        reason,
        state: JobStateTimeLimitActionsState.RUNNABLE,
      })),
    });
  }
}

/** Memory that ECS keeps of a g4dn.xlarge's 16 GiB is about 1 GiB: a job that asks for all 16 never starts. */
export const JOB_MEMORY = Size.mebibytes(14_500);
