/** Time. The only source of it outside `adapters/system`. */
export interface Clock {
  /** Milliseconds since the Unix epoch; may go back when the machine's clock is set. */
  nowMs(): number;
  /** Milliseconds since an arbitrary moment; never goes back. For durations. */
  monotonicMs(): number;
}
