import type { PageRequest } from "../../service/api/page.ts";

/** Items of a page when the request does not say. */
const pageSizeDefault = 100;

/** A size that is absent, or 0, is the default. */
export function parsePageRequest(request: {
  readonly pageSize?: number | undefined;
  readonly pageToken: string;
}): PageRequest {
  return { pageSize: request.pageSize || pageSizeDefault, pageToken: request.pageToken };
}
