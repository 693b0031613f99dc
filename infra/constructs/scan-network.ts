import {
  FlowLogDestination,
  FlowLogTrafficType,
  GatewayVpcEndpointAwsService,
  InterfaceVpcEndpointAwsService,
  type ISecurityGroup,
  type IVpc,
  Peer,
  Port,
  SecurityGroup,
  Subnet,
  type SubnetSelection,
  SubnetType,
  Vpc,
} from "aws-cdk-lib/aws-ec2";
import { Construct } from "constructs";
import type { InfraConfig } from "../config.js";
import { type LogKeeping, scanLog } from "./scan-log.js";

export interface ScanNetworkProps {
  readonly network: InfraConfig["network"];
  /** For the log of flows. */
  readonly logs: LogKeeping;
}

/**
 * Where instances run. Profile `minimal`: public subnets, nothing inbound, S3 and DynamoDB by gateway endpoints; costs
 * nothing while idle. Profile `isolated`: no route out; what jobs call has an interface endpoint in each zone, which
 * costs by the hour. Or a network that is there already.
 */
export class ScanNetwork extends Construct {
  readonly vpc: IVpc;
  readonly subnets: SubnetSelection;
  readonly securityGroup: ISecurityGroup;
  /** Whether a task without an instance needs an address of its own to reach AWS. */
  readonly publicAddress: boolean;

  constructor(scope: Construct, id: string, { network, logs }: ScanNetworkProps) {
    super(scope, id);
    const isolated = network.profile === "isolated";
    this.publicAddress = !isolated;
    if (network.vpc) {
      const { id: vpcId, availabilityZones, subnetIds } = network.vpc;
      this.vpc = Vpc.fromVpcAttributes(this, "Vpc", { vpcId, availabilityZones });
      this.subnets = { subnets: subnetIds.map((subnet, n) => Subnet.fromSubnetId(this, `Subnet${n}`, subnet)) };
    } else {
      const subnetType = isolated ? SubnetType.PRIVATE_ISOLATED : SubnetType.PUBLIC;
      this.vpc = this.#made(subnetType, logs);
      this.subnets = { subnetType };
    }
    this.securityGroup = new SecurityGroup(this, "Compute", {
      vpc: this.vpc,
      description: "GPU instances: nothing inbound; outbound to S3, ECR, ECS and CloudWatch Logs",
      // To AWS by TLS, and nothing else.
      allowAllOutbound: false,
    });
    this.securityGroup.addEgressRule(Peer.anyIpv4(), Port.tcp(443), "AWS by TLS");
    if (isolated && !network.vpc) this.#endpoints();
  }

  #made(subnetType: SubnetType, logs: LogKeeping): Vpc {
    const vpc = new Vpc(this, "Vpc", {
      maxAzs: 3,
      natGateways: 0,
      subnetConfiguration: [
        {
          name: "compute",
          subnetType,
          cidrMask: 20,
          ...(subnetType === SubnetType.PUBLIC ? { mapPublicIpOnLaunch: true } : {}),
        },
      ],
      // Its default group is used by nothing; emptying it would deploy a Lambda.
      restrictDefaultSecurityGroup: false,
      gatewayEndpoints: {
        S3: { service: GatewayVpcEndpointAwsService.S3 },
        DynamoDb: { service: GatewayVpcEndpointAwsService.DYNAMODB },
      },
    });
    const flows = scanLog(this, "Flows", logs);
    // What was refused: what went through is in the access logs of the buckets.
    vpc.addFlowLog("FlowLog", {
      destination: FlowLogDestination.toCloudWatchLogs(flows),
      trafficType: FlowLogTrafficType.REJECT,
    });
    return vpc;
  }

  #endpoints(): void {
    const services = {
      Ecs: InterfaceVpcEndpointAwsService.ECS,
      EcsAgent: InterfaceVpcEndpointAwsService.ECS_AGENT,
      EcsTelemetry: InterfaceVpcEndpointAwsService.ECS_TELEMETRY,
      EcrApi: InterfaceVpcEndpointAwsService.ECR,
      EcrImages: InterfaceVpcEndpointAwsService.ECR_DOCKER,
      Logs: InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
    };
    const endpoints = new SecurityGroup(this, "Endpoints", {
      vpc: this.vpc,
      description: "Endpoints of AWS services: TLS from the instances",
      allowAllOutbound: false,
    });
    endpoints.addIngressRule(this.securityGroup, Port.tcp(443), "instances");
    const common = { subnets: this.subnets, privateDnsEnabled: true, open: false, securityGroups: [endpoints] };
    for (const [name, service] of Object.entries(services)) {
      this.vpc.addInterfaceEndpoint(name, { ...common, service });
    }
  }
}
