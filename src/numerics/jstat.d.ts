/** The part of jstat that is used. The package ships no types. */
declare module "jstat" {
  const jstat: { readonly beta: { inv(probability: number, alpha: number, beta: number): number } };
  export = jstat;
}
