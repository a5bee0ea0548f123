import type { AnnotationSchema } from "./annotation.ts"
import { numbered } from "./numbered.ts"
import { structured } from "./structured.ts"

/** The annotation schemas by name; `--annotation-schema` chooses among them. */
export const annotationSchemas = { structured, numbered } as const satisfies Record<string, AnnotationSchema>

export type AnnotationSchemaName = keyof typeof annotationSchemas

export const annotationSchemaNames = [
  "structured",
  "numbered",
] as const satisfies ReadonlyArray<AnnotationSchemaName>
