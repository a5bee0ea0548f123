import { readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import * as v from "valibot"
import { picturesIn } from "./likeness.ts"
import { comparedSize, type Truth } from "./truth.ts"

const entry = join(import.meta.dir, "in-process-decode.ts")
const Times = v.pipe(v.string(), v.parseJson(), v.array(v.number()))
const patienceMs = 60_000

/**
 * The same truth, with what the in-process libav gives beside it: versions of FFmpeg conceal damage in different ways, and
 * neither is wrong. Without it if libav gives nothing.
 */
export const withSecondOpinion = async (file: string, truth: Truth, folder: string): Promise<Truth> => {
  const { streamIndex, shownSize, codedSize, orientation } = truth
  const codedCompared = comparedSize(codedSize)
  const child = Bun.spawn(
    [
      ...[process.execPath, entry, file, String(streamIndex), shownSize.join("x"), codedCompared.join("x")],
      ...[String(orientation.degrees), String(orientation.mirrored), folder],
    ],
    { stdin: "ignore", stdout: "pipe", stderr: "ignore", timeout: patienceMs, killSignal: "SIGKILL" },
  )
  const [stdout, code] = [await new Response(child.stdout).text(), await child.exited]
  const times = v.safeParse(Times, stdout)
  if (code !== 0 || !times.success) return truth
  const framesIn = (name: string, size: Truth["shownSize"]) => {
    const path = join(folder, name)
    const frames = picturesIn(readFileSync(path), size)
    rmSync(path)
    return frames
  }
  const [shown, coded] = [framesIn("shown.rgb", shownSize), framesIn("coded.rgb", codedCompared)]
  return { ...truth, secondOpinion: { ...truth, framePts: times.output, shown, coded } }
}
