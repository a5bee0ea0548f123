import { existsSync } from "node:fs"

/** Whether `ffmpeg` and `ffprobe` are here. Other answers than ours come from them alone. */
export const hasPrograms = Bun.which("ffmpeg") !== null && Bun.which("ffprobe") !== null

const run = async (command: ReadonlyArray<string>): Promise<Uint8Array> => {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" })
  const [bytes, complaints] = await Promise.all([
    new Response(child.stdout).bytes(),
    new Response(child.stderr).text(),
  ])
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")}: ${complaints}`)
  return bytes
}

/** A picture stream, as `ffprobe` tells of it. */
export interface ToldStream {
  readonly index: number
  readonly codec_type: string
  readonly disposition: { readonly default: number; readonly attached_pic: number }
  readonly side_data_list?: ReadonlyArray<{ readonly rotation?: number }>
}

/** `ffprobe -show_streams`: every stream of a file. */
export const toldStreams = async (file: string): Promise<ReadonlyArray<ToldStream>> => {
  if (!existsSync(file)) throw new Error(`${file} is not there`)
  const json = await run(["ffprobe", "-v", "error", "-show_streams", "-of", "json", file])
  return JSON.parse(new TextDecoder().decode(json)).streams
}

/** `ffprobe -show_frames`: the times of all frames of a stream, in ticks of its time base, in order of presentation. */
export const toldTimes = async (file: string, streamIndex: number): Promise<ReadonlyArray<number>> => {
  const entries = ["-show_entries", "frame=best_effort_timestamp", "-of", "csv=p=0"]
  const text = await run(["ffprobe", "-v", "error", "-select_streams", String(streamIndex), ...entries, file])
  return new TextDecoder()
    .decode(text)
    .split("\n")
    .map((line) => line.replace(",", "").trim())
    .filter((line) => line !== "")
    .map(Number)
}

/** `ffmpeg -pix_fmt bgra`: the first picture of a stream as BGRA, upright, in the size in which it is coded. */
export const firstPicture = (file: string, streamIndex: number): Promise<Uint8Array> =>
  run([
    ...["ffmpeg", "-v", "error", "-i", file, "-map", `0:${streamIndex}`, "-frames:v", "1"],
    ...["-sws_flags", "accurate_rnd+full_chroma_int", "-pix_fmt", "bgra", "-f", "rawvideo", "-"],
  ])
