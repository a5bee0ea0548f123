import { shuffled } from "../../../support/random.ts"
import type { CampaignFile } from "./file.ts"
import { contractFiles, mutatedFiles } from "./mutated.ts"
import { oddFiles } from "./odd-files.ts"
import { oddPictures } from "./odd-pictures.ts"
import { oddTimes } from "./odd-times.ts"

/** Files that are used as they are written. */
export const writtenFiles: ReadonlyArray<CampaignFile> = [
  ...contractFiles,
  ...oddPictures,
  ...oddTimes,
  ...oddFiles,
]

/** Written files out of a hundred, as long as there are any. */
const writtenShare = 58

/**
 * The files of a campaign: in turns those that are written as they are and damaged ones, each in an order by chance. The first so
 * many are the same, however many there are.
 */
export const campaignFiles = (seed: string, count: number): ReadonlyArray<CampaignFile> => {
  const written = shuffled(writtenFiles, Bun.hash.crc32(seed)).values()
  const damaged = mutatedFiles(seed, count).values()
  return Array.from({ length: count }, (_, i) => {
    const isWritten = Math.floor(((i + 1) * writtenShare) / 100) > Math.floor((i * writtenShare) / 100)
    const next = isWritten ? (written.next().value ?? damaged.next().value) : damaged.next().value
    if (next === undefined) throw new Error("there are no more files")
    return next
  })
}
