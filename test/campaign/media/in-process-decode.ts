// Decodes a whole stream with libav in process, in a process of its own, because a damaged file may end it. Writes the frames as
// `shown.rgb` and `coded.rgb` to a folder and prints their PTS as JSON.
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { decodeInOrder } from "../../support/truth.ts"
import { withoutAlpha } from "./pictures.ts"

const [file = "", streamIndex, shown = "", coded = "", degrees, mirrored, folder = ""] = process.argv.slice(2)

const quarter = ([0, 90, 180, 270] as const).find((turn) => turn === Number(degrees)) ?? 0

const decoded = async (name: string, size: string, isUpright: boolean): Promise<ReadonlyArray<number>> => {
  const [displayWidth = 1, displayHeight = 1] = size.split("x").map(Number)
  const frames = await decodeInOrder(
    {
      file,
      streamIndex: Number(streamIndex),
      displayWidth,
      displayHeight,
      rotationDegrees: isUpright ? quarter : 0,
      mirrored: isUpright && mirrored === "true",
    },
    "RGBA",
  )
  await writeFile(join(folder, name), Buffer.concat(frames.map(({ data }) => withoutAlpha(data))))
  return frames.map(({ pts }) => pts)
}

const framePts = await decoded("shown.rgb", shown, true)
await decoded("coded.rgb", coded, false)
console.log(JSON.stringify(framePts))
