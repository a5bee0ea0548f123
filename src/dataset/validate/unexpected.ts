import { dirname } from "node:path/posix"
import { isTemporary } from "../../files/whole.ts"
import { callFile } from "../layout.ts"
import { type Entry, isFileOf, isKeyframe, kindProblem, type Place, placeIn } from "../places.ts"
import { type Finding, finding, warning } from "./finding.ts"

/** What the records of a folder name, as far as they could be read. Paths are relative to the video's folder. */
export interface Named {
  /** Folders of pictures or clips, and of steps for their keyframes, with the paths that may be in them. */
  readonly byFolder: ReadonlyMap<string, ReadonlySet<string>>
  /** Folders of the plan's steps; undefined if there is no plan that can be read. */
  readonly steps: ReadonlySet<string> | undefined
  /** Folders of looks at borders and at steps, and of readings. */
  readonly looks: ReadonlySet<string>
  /** Folders of stages beyond the contract's. */
  readonly further: ReadonlySet<string>
}

/** Decisions of people; no stage reads or writes them. */
const reviewFolder = "review"

/** What is said of a file that has a name of ours, but is not named by the record that lists all of its kind. */
const unlisted: Readonly<Partial<Record<Place, string>>> = {
  frames: "is not in the manifest",
  clips: "belongs to no segment",
  step: "is not one of the step's keyframes",
}

/** What folders that hold one question each are of. */
const askedIn: Readonly<Partial<Record<Place, string>>> = {
  level: "look at a border",
  look: "look at a step",
  reading: "reading of borders",
}

const isUnlisted = (entry: Entry, { byFolder }: Named): boolean =>
  (entry.place !== "step" || isKeyframe(entry.name)) &&
  byFolder.get(dirname(entry.path))?.has(entry.path) === false

/** Whether a file has the name of an earlier attempt's reply, but no call is on record for it. */
const isUnrecorded = ({ path }: Entry, paths: ReadonlySet<string>): boolean =>
  /\.attempt\d+\.txt$/u.test(path) && !paths.has(callFile(path))

const look = (entry: Entry, named: Named, paths: ReadonlySet<string>): Finding | undefined => {
  const { kind, name, path, place } = entry
  const problem = kindProblem(entry)
  if (problem !== undefined) return finding(path, problem)
  const inner = placeIn(place, name)
  if (inner !== undefined && kind.kind === "folder") {
    if (inner === "step" && named.steps?.has(name) === false)
      return warning(path, "belongs to no step of the plan; what is in it stays")
    const asked = askedIn[inner]
    return asked !== undefined && !named.looks.has(path)
      ? warning(path, `is no ${asked} on record; what is in it stays`)
      : undefined
  }
  if (place === "video" && (name === reviewFolder || named.further.has(name))) return undefined
  if (isTemporary(name) && kind.kind === "file")
    return warning(path, "is left of a crash; the next run removes it")
  if (!isFileOf(place, name)) return warning(path, "is not part of the dataset; no run changes or removes it")
  if (isUnrecorded(entry, paths)) return warning(path, "is no reply on record; it stays")
  const remark = unlisted[place]
  return remark !== undefined && isUnlisted(entry, named) ? warning(path, `${remark}; it stays`) : undefined
}

/** Tells what is in a folder beside what its records name, and what is not what its name says. */
export const unexpectedFindings = (entries: ReadonlyArray<Entry>, named: Named): ReadonlyArray<Finding> => {
  const paths = new Set(entries.map(({ path }) => path))
  return entries.flatMap((entry) => look(entry, named, paths) ?? [])
}
