import type { DescField, DescMessage } from "@bufbuild/protobuf";

type ItemsField = DescField & { readonly fieldKind: "list"; readonly message: DescMessage };

/** The list of a batch's request, whose items are read and fail one by one; undefined: it is no batch. */
export function batchField(schema: DescMessage): ItemsField | undefined {
  if (!schema.name.startsWith("Batch")) return undefined;
  return schema.fields.find(
    (field): field is ItemsField => field.fieldKind === "list" && field.message !== undefined,
  );
}
