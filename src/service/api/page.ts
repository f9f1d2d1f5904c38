import { invalidField } from "../../domain/errors.ts";

export interface PageRequest {
  /** 1 to 1000. */
  readonly pageSize: number;
  /** Empty: the first page. */
  readonly pageToken: string;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  /** Empty: no more. */
  readonly nextPageToken: string;
}

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
  const after = keyBeforePage(request.pageToken);
  const rest = after === undefined ? items : items.filter((item) => keyOf(item) > after);
  const page = rest.slice(0, request.pageSize);
  const last = page.at(-1);
  return {
    items: page,
    nextPageToken:
      rest.length > page.length && last !== undefined ? tokenOfPageAfter(keyOf(last)) : "",
  };
}

/** The token of the page that comes after the item with this key. */
export function tokenOfPageAfter(key: string): string {
  return Buffer.from(`1:${key}`).toString("base64url");
}

/** The key a token was made of; undefined for the first page. @throws BanditError invalid_argument */
export function keyBeforePage(token: string): string | undefined {
  if (token === "") return undefined;
  const text = Buffer.from(token, "base64url").toString();
  if (!text.startsWith("1:")) {
    throw invalidField("page_token", "is not a token that an earlier page returned");
  }
  return text.slice(2);
}
