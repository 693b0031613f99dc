import { RemovalPolicy } from "aws-cdk-lib";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";

/** How logs are kept. */
export interface LogKeeping {
  readonly key: IKey;
  readonly retention: RetentionDays;
}

/** A group of logs under the customer's key: ids, codes and numbers, which go with the stack. */
export function scanLog(scope: Construct, id: string, { key, retention }: LogKeeping): LogGroup {
  return new LogGroup(scope, id, { retention, encryptionKey: key, removalPolicy: RemovalPolicy.DESTROY });
}
