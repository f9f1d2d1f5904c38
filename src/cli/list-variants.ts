import type { BanditClient, Variant, VariantStatus } from "../client/index.ts";

const pageSize = 500;

/** Every variant that fits, on however many pages they come. Without statuses: with any. */
export async function listAllVariants(
  client: BanditClient,
  filter: { agentType?: string; statuses: VariantStatus[] },
): Promise<Variant[]> {
  const all: Variant[] = [];
  let pageToken = "";
  do {
    const page = await client.listVariants({ ...filter, pageSize, pageToken });
    all.push(...page.variants);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return all;
}
