/** The part of jstat that is used. The package ships no types. */
declare module "jstat" {
  const jstat: {
    readonly normal: { pdf(x: number, mean: number, standardDeviation: number): number };
  };
  export = jstat;
}
