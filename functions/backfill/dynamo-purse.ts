import { type DynamoDBClient, GetItemCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import type { Purse } from "#src/backfill/settle-scan.js";

/** A purse in a DynamoDB table of one item a backfill, in whole millionths of a dollar: sums stay exact. */
export function dynamoPurse(client: DynamoDBClient, table: string): Purse {
  const keyOf = (backfillId: string) => ({ TableName: table, Key: { pk: { S: backfillId } } });
  return {
    async spent(backfillId) {
      const { Item } = await client.send(new GetItemCommand({ ...keyOf(backfillId), ConsistentRead: true }));
      return { usd: Number(Item?.microUsd?.N ?? 0) / 1e6, unpriced: Number(Item?.unpriced?.N ?? 0) };
    },
    async add(backfillId, usd, unpriced) {
      await client.send(
        new UpdateItemCommand({
          ...keyOf(backfillId),
          UpdateExpression: "ADD microUsd :usd, unpriced :unpriced",
          ExpressionAttributeValues: {
            ":usd": { N: String(Math.ceil(usd * 1e6)) },
            ":unpriced": { N: String(unpriced) },
          },
        }),
      );
    },
  };
}
