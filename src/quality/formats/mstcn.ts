import { Either } from "effect"
import { labelRuns } from "../segmental.ts"
import { type GoldDocument, type GoldFormat, stem } from "./GoldFormat.ts"

const mapping = /(?:^|\/)mapping\.txt$/u
const labelFile = /(?:^|\/)groundTruth\/[^/]+\.txt$/u

const linesOf = ({ text }: GoldDocument): ReadonlyArray<string> => {
  const lines = text.split(/\r?\n/u)
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines
}

/** The usual name of the class that means that nothing happens. */
export const backgroundName = "background"

/** All names of such classes. */
export const background: ReadonlySet<string> = new Set([
  backgroundName,
  "SIL",
  "BG",
  "action_start",
  "action_end",
])

/** MS-TCN's folders (Breakfast, GTEA, 50Salads): `groundTruth/<video>.txt`, one label a frame. The rate is not in the files. */
export const msTcn: GoldFormat = {
  name: "mstcn",
  title: "MS-TCN folder (mapping.txt, groundTruth/*.txt)",
  unit: "frames",
  extensions: [".txt"],
  recognises: (documents) =>
    documents.some(({ path }) => mapping.test(path)) && documents.some(({ path }) => labelFile.test(path)),
  parse: (documents) =>
    Either.right(
      documents
        .filter(({ path }) => labelFile.test(path))
        .map((document) => ({
          videoId: stem(document.path),
          segments: labelRuns(linesOf(document), background),
        })),
    ),
}
