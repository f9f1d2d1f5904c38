import { setFlagsFromString } from "node:v8";

/**
 * Tells V8 to keep compiled WebAssembly code until its module goes; to be called before a thread runs PGlite.
 *
 * V8 13.6 (Node 24) frees single functions while other threads look them up, and can free one twice: the whole
 * process then dies with "Check failed: jit_page_->allocations_.erase(addr) == 1". It happened once in this project's
 * tests. What is kept is small: the code of one module as it was before it was optimised.
 */
export function keepWasmCode(): void {
  setFlagsFromString("--no-wasm-code-gc");
}
