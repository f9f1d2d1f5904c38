import type { DescField, DescMessage } from "@bufbuild/protobuf";

type ItemsField = DescField & { readonly fieldKind: "list"; readonly message: DescMessage };

/** The contract's own bound: a batch with more is refused whole, so its items need not be looked at one by one. */
export const batchItemsMax = 1_000;

/** The list of a batch's request, whose items are read and fail one by one; undefined: it is no batch. */
export function batchField(schema: DescMessage): ItemsField | undefined {
  if (!schema.name.startsWith("Batch")) return undefined;
  return schema.fields.find(
    (field): field is ItemsField => field.fieldKind === "list" && field.message !== undefined,
  );
}
