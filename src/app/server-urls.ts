/** The fault of a server's URL, as the end of a sentence about its variable; undefined: none. */
type UrlProblem = string | undefined;

const databaseMax = 2 ** 31 - 1;

/** Of `REDIS_URL`: the driver would take no notice of some of this, and use database 0 or another server. */
export function redisUrlProblem(text: string, isCluster: boolean): UrlProblem {
  const urls: URL[] = [];
  for (const address of text.split(",").map((part) => part.trim())) {
    const url = parseServerUrl(address, ["redis", "rediss"]);
    if (typeof url === "string") return url;
    urls.push(url);
    if (url.hostname === "") return "must name a host";
    if (url.search !== "") return "must have no options after a `?`: none is supported";
    const database = /^\/?(\d*)$/.exec(url.pathname)?.[1];
    if (database === undefined || Number(database) > databaseMax) {
      return "must end with nothing or with the number of a database, as in redis://host:6379/2";
    }
    if (Number(database) > 0 && (isCluster || text.includes(","))) {
      return "must not name a database: a Redis Cluster has database 0 only";
    }
  }
  const isSameForAll = new Set(
    urls.map(({ protocol, username, password }) => [protocol, username, password].join(" ")),
  );
  if (isSameForAll.size > 1) {
    return "must have the same scheme, user and password in every address of a cluster";
  }
  return undefined;
}

/** Of `DATABASE_URL`; its options (`?sslmode=require`) are the driver's. */
export function databaseUrlProblem(text: string): UrlProblem {
  const url = parseServerUrl(text, ["postgres", "postgresql"]);
  return typeof url === "string" ? url : undefined;
}

/** Of `CLICKHOUSE_URL`: options would go before those that the event log depends on. */
export function clickhouseUrlProblem(text: string): UrlProblem {
  const url = parseServerUrl(text, ["http", "https"]);
  if (typeof url === "string") return url;
  if (url.search !== "") return "must have no options after a `?`: none is supported";
  if (!/^\/([A-Za-z_][A-Za-z0-9_]{0,63})?$/.test(url.pathname)) {
    return "must end with nothing or with the name of a database: letters, digits and _, at most 64";
  }
  return undefined;
}

/** The URL, or its fault that any server would have. */
function parseServerUrl(text: string, schemes: readonly string[]): URL | string {
  if (!schemes.some((scheme) => text.startsWith(`${scheme}://`))) {
    return `must start with ${schemes.map((scheme) => `${scheme}://`).join(" or ")}`;
  }
  const url = URL.parse(text);
  if (url === null || url.hash !== "" || !isDecodable(url)) {
    return (
      "cannot be read as a URL: in user and password write / ? # % @ : and spaces " +
      "percent-encoded, for example %2F for /"
    );
  }
  return url;
}

function isDecodable({ username, password, pathname }: URL): boolean {
  try {
    for (const part of [username, password, pathname]) decodeURIComponent(part);
    return true;
  } catch (error) {
    if (error instanceof URIError) return false;
    throw error;
  }
}
