/** Sum of a metric on a page of Prometheus over its labels that contain `label`; undefined when it is not there. */
export function sumOfMetric(page: string, name: string, label = ""): number | undefined {
  const values = page
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => line.includes(label))
    .map((line) => Number(line.slice(line.lastIndexOf(" "))));
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
}

/** The same on the page /metrics of a service. */
export async function metricOn(httpUrl: string, name: string): Promise<number | undefined> {
  return sumOfMetric(await (await fetch(`${httpUrl}/metrics`)).text(), name);
}
