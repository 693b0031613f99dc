import { GatewayVpcEndpointAwsService, SecurityGroup, SubnetType, Vpc } from "aws-cdk-lib/aws-ec2";
import { Construct } from "constructs";

/**
 * Network profile `minimal`: public subnets for the GPU instances, nothing inbound, S3 and DynamoDB by gateway
 * endpoints. Costs nothing while idle: there is no NAT gateway and no interface endpoint.
 */
export class ScanNetwork extends Construct {
  readonly vpc: Vpc;
  readonly securityGroup: SecurityGroup;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.vpc = new Vpc(this, "Vpc", {
      maxAzs: 3,
      natGateways: 0,
      subnetConfiguration: [
        { name: "compute", subnetType: SubnetType.PUBLIC, mapPublicIpOnLaunch: true, cidrMask: 20 },
      ],
      // Its default group is used by nothing; emptying it would deploy a Lambda.
      restrictDefaultSecurityGroup: false,
      gatewayEndpoints: {
        S3: { service: GatewayVpcEndpointAwsService.S3 },
        DynamoDb: { service: GatewayVpcEndpointAwsService.DYNAMODB },
      },
    });
    this.securityGroup = new SecurityGroup(this, "Compute", {
      vpc: this.vpc,
      description: "GPU instances: nothing inbound; outbound to S3, ECR, ECS and CloudWatch Logs",
      allowAllOutbound: true,
    });
  }
}
