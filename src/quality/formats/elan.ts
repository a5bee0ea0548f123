import { parseXml, XmlElement } from "@rgrove/parse-xml"
import { Either } from "effect"
import type { GoldError, RawSegment } from "../gold.ts"
import { type GoldDocument, type GoldFormat, invalid, parseEach, stem } from "./GoldFormat.ts"

const elements = (parent: XmlElement, name: string): ReadonlyArray<XmlElement> =>
  parent.children.filter((child): child is XmlElement => child instanceof XmlElement && child.name === name)

/** What ELAN counts in. Its schema allows frames of NTSC and PAL as well, of which the times would be other numbers. */
const milliseconds = "milliseconds"

const textOf = (annotation: XmlElement): string =>
  elements(annotation, "ANNOTATION_VALUE")
    .map(({ text }) => text.trim())
    .join(" ")

const rootOf = ({ path, text }: GoldDocument): Either.Either<XmlElement, GoldError> =>
  Either.flatMap(
    Either.try({
      try: () => parseXml(text),
      catch: (cause) =>
        invalid(
          path,
          `is not XML: ${cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : String(cause)}`,
        ),
    }),
    ({ root }) => {
      if (root?.name !== "ANNOTATION_DOCUMENT") return Either.left(invalid(path, "is not an ELAN document"))
      const unit = elements(root, "HEADER")[0]?.attributes.TIME_UNITS ?? milliseconds
      return unit === milliseconds
        ? Either.right(root)
        : Either.left(invalid(path, `counts time in ${unit}, not in milliseconds; export it from ELAN again`))
    },
  )

/** Milliseconds by id of the time slots that have a time; an unaligned slot has none. */
const timeSlots = (root: XmlElement): ReadonlyMap<string, number> =>
  new Map(
    elements(root, "TIME_ORDER")
      .flatMap((order) => elements(order, "TIME_SLOT"))
      .flatMap(({ attributes: { TIME_SLOT_ID: id = "", TIME_VALUE: value } }) =>
        value === undefined ? [] : [[id, Number(value)] as const],
      ),
  )

/**
 * ELAN: the aligned annotations of the first tier that has any; those of later tiers are deeper levels. Annotations that
 * point to another one have no times of their own, and those at an unaligned slot have none at all: neither is a segment.
 */
export const elan: GoldFormat = {
  name: "elan",
  title: "ELAN (.eaf); tiers are levels",
  unit: "seconds",
  extensions: [".eaf"],
  recognises: (documents) =>
    documents.length > 0 && documents.every(({ text }) => text.includes("<ANNOTATION_DOCUMENT")),
  parse: parseEach((document) =>
    Either.map(rootOf(document), (root) => {
      const slots = timeSlots(root)
      const tiers = elements(root, "TIER").map((tier) => ({
        name: tier.attributes.TIER_ID ?? "",
        annotations: elements(tier, "ANNOTATION").flatMap((each) => elements(each, "ALIGNABLE_ANNOTATION")),
      }))
      const segments = tiers
        .filter(({ annotations }) => annotations.length > 0)
        .flatMap(({ name, annotations }, depth) =>
          annotations.flatMap((annotation): ReadonlyArray<RawSegment> => {
            const start = slots.get(annotation.attributes.TIME_SLOT_REF1 ?? "")
            const end = slots.get(annotation.attributes.TIME_SLOT_REF2 ?? "")
            if (start === undefined || end === undefined) return []
            return [
              {
                start: start / 1000,
                end: end / 1000,
                label: textOf(annotation),
                level: depth + 1,
                attributes: { tier: name },
              },
            ]
          }),
        )
      return [{ videoId: stem(document.path), segments }]
    }),
  ),
}
