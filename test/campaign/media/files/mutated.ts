import { readFile, writeFile } from "node:fs/promises"
import { extname } from "node:path"
import { mediaCases } from "../../../contract/media-cases.ts"
import { choicesFor } from "../../../support/random.ts"
import { aviMutators } from "../mutators/avi.ts"
import { genericMutators } from "../mutators/generic.ts"
import { matroskaMutators } from "../mutators/matroska.ts"
import { mp4Mutators } from "../mutators/mp4.ts"
import { mpegtsMutators } from "../mutators/mpegts.ts"
import type { Mutator } from "../mutators/mutator.ts"
import { type Base, bases } from "./bases.ts"
import type { CampaignFile } from "./file.ts"

const mutators = [...genericMutators, ...mp4Mutators, ...matroskaMutators, ...aviMutators, ...mpegtsMutators]

/** The ways in which a base can be damaged. */
export const mutatorsFor = (base: string): ReadonlyArray<Mutator> =>
  mutators.filter((mutator) => mutator.bases?.test(base) ?? true)

/** A file of the contract suite under a name for use in file names. */
export const contractFiles: ReadonlyArray<CampaignFile> = Object.entries(mediaCases).map(
  ([name, { make }]): CampaignFile => ({
    id: `contract-${name.toLowerCase().replaceAll(/[^a-z0-9]+/gu, "-")}`,
    kind: "contract",
    name: "video.mp4",
    make: async (path) => {
      await writeFile(path, await readFile(await make()))
    },
  }),
)

/** How often a mutator may leave a file as it is before it is given up. */
const tries = 8

const mutatedBytes = (whole: Buffer, { mutate }: Mutator, seed: string): Buffer => {
  for (let i = 0; i < tries; i++) {
    const changed = mutate(Buffer.from(whole), choicesFor(`${seed}-${i}`))
    if (!changed.equals(whole)) return changed
  }
  throw new Error(`${seed}: the mutator leaves the file as it is`)
}

const mutated = (mutator: Mutator, base: Base, round: number): CampaignFile => {
  const id = `${mutator.key}-${base.key}-${round}`
  return {
    id,
    kind: "mutated",
    name: `video${extname(base.key)}`,
    make: async (path) => {
      await base.make(path)
      await writeFile(path, mutatedBytes(await readFile(path), mutator, id))
    },
  }
}

/**
 * Damaged files without end: each round goes through all mutators, and each mutator through the bases that it understands, by
 * chance.
 */
export const mutatedFiles = (seed: string, count: number): ReadonlyArray<CampaignFile> =>
  Array.from({ length: count }, (_, i) => {
    const round = Math.floor(i / mutators.length)
    const [mutator] = mutators.slice(i % mutators.length)
    if (mutator === undefined) throw new Error("there are no mutators")
    const fitting = bases.filter(({ key }) => mutator.bases?.test(key) ?? true)
    const { oneOf } = choicesFor(`${seed}-${mutator.key}-${round}`)
    return mutated(mutator, oneOf(fitting), round)
  })
