import { invalidField } from "../domain/errors.ts";
import type { Page, PageRequest } from "./bandit-service.ts";

/**
 * One page of `items`, which are sorted by `keyOf`. A token is the key of the last item of the page
 * before it, so a page is right also when items were added or removed in between.
 * @throws BanditError invalid_argument for a token that no page gave out.
 */
export function pageOf<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
  request: PageRequest,
): Page<Item> {
  const after = decodeToken(request.pageToken);
  const rest = after === undefined ? items : items.filter((item) => keyOf(item) > after);
  const page = rest.slice(0, request.pageSize);
  const last = page.at(-1);
  return {
    items: page,
    nextPageToken:
      rest.length > page.length && last !== undefined
        ? Buffer.from(`1:${keyOf(last)}`).toString("base64url")
        : "",
  };
}

function decodeToken(token: string): string | undefined {
  if (token === "") return undefined;
  const text = Buffer.from(token, "base64url").toString();
  if (!text.startsWith("1:")) {
    throw invalidField("page_token", "is not a token that an earlier page returned");
  }
  return text.slice(2);
}
