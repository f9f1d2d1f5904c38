import { describe, expect, it } from "vitest";
import { pageOf } from "../../../../src/service/api/page.ts";

const items = ["a", "b", "c", "d", "e"];
const own = (item: string) => item;

describe("page", () => {
  it("gives every item once, in order, over all pages", () => {
    const seen: string[] = [];
    let pageToken = "";
    do {
      const page = pageOf(items, own, { pageSize: 2, pageToken });
      seen.push(...page.items);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(seen).toEqual(items);
  });

  it("goes on at the right place when the last item of a page has gone", () => {
    const first = pageOf(items, own, { pageSize: 2, pageToken: "" });
    const rest = pageOf(["a", "c", "d"], own, { pageSize: 9, pageToken: first.nextPageToken });
    expect(rest.items).toEqual(["c", "d"]);
    expect(rest.nextPageToken).toBe("");
  });

  it("refuses a token of somebody else's making", () => {
    expect(() => pageOf(items, own, { pageSize: 2, pageToken: "bogus" })).toThrow(/page_token/);
  });
});
