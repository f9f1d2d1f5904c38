import { expect, it } from "vitest";
import { decoded } from "../../../../src/cli/input/utf8-text.ts";

const bytes = new Uint8Array([
  ...Buffer.from("\uFEFFé\r\n😀 – \n", "utf8"),
  ...Buffer.from("caf\xE9, th\xE9\n", "latin1"),
]);

async function read(pieces: readonly Uint8Array[]): Promise<string> {
  let text = "";
  const source = async function* () {
    yield* pieces;
  };
  for await (const piece of decoded(source(), "f")) text += piece;
  return text;
}

it("text is the same, and a fault is at the same byte, wherever the bytes are cut", async () => {
  const sound = bytes.subarray(0, 17);
  for (let first = 4; first < bytes.length; first += 1) {
    for (let second = first; second < bytes.length; second += 1) {
      const cut = (all: Uint8Array) => [
        all.subarray(0, first),
        all.subarray(first, second),
        all.subarray(second),
      ];
      expect(await read(cut(sound))).toBe("é\r\n😀 – \n");
      await expect(read(cut(bytes))).rejects.toThrow("f line 3, byte 20 (from 0): 0xE9");
    }
  }
});
