import type { DescEnum } from "@bufbuild/protobuf";

/** An enum value as people read and type it: `LEARNING` is `learning`. Unknown numbers are shown as such. */
export function enumLabel(schema: DescEnum, value: number): string {
  return schema.value[value]?.localName.toLowerCase() ?? String(value);
}
