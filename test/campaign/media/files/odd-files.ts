import { open } from "node:fs/promises"
import { patternInput } from "../pattern.ts"
import { encode } from "../tools.ts"
import { drawn, h264 } from "./bases.ts"
import type { CampaignFile } from "./file.ts"
import { odd } from "./odd-pictures.ts"

const holding = (content: string | Uint8Array) => async (path: string) => {
  await Bun.write(path, content)
}

/** A file without content of its own, as long as a video. */
const sparse = (bytes: number) => async (path: string) => {
  const file = await open(path, "w")
  await file.truncate(bytes)
  await file.close()
}

const noise = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => Math.imul(i + 1, 2_654_435_761) >>> 24)

const noVideos: ReadonlyArray<CampaignFile> = [
  odd("empty.mp4", holding("")),
  odd("one-byte.mp4", holding("x")),
  odd("text.mp4", holding("These are my notes on pancakes.\n".repeat(200))),
  odd("html.webm", holding("<!doctype html><title>404</title><p>Not found</p>".repeat(20))),
  odd("json.mkv", holding(JSON.stringify({ error: "no such video" }))),
  odd("noise.mp4", holding(noise(50_000))),
  odd("noise.avi", holding(noise(3000))),
  odd("zeros.mkv", sparse(100_000)),
  odd("zeros-large.mp4", sparse(2e9)),
  odd(
    "playlist.mp4",
    holding("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n"),
  ),
  odd("concat.mp4", holding("ffconcat version 1.0\nfile '/etc/hostname'\n")),
  odd("svg.mov", holding('<svg xmlns="http://www.w3.org/2000/svg" width="99999" height="99999"/>')),
  odd("picture.mp4", (path) => encode([...patternInput({ frames: 1 }), "-f", "image2", "-c:v", "png"], path)),
  odd("jpeg.avi", (path) => encode([...patternInput({ frames: 1 }), "-f", "image2", "-c:v", "mjpeg"], path)),
  odd("webp.webm", (path) => encode([...patternInput({ frames: 8 }), "-f", "webp"], path)),
  odd("sound.mkv", (path) => encode(["-f", "lavfi", "-i", "sine=d=1", "-f", "wav"], path)),
  odd("only-ftyp.mp4", holding(Buffer.from("0000001866747970697369736f000000016d70343269736f", "hex"))),
  odd("only-riff.avi", holding("RIFF\u0010\u0000\u0000\u0000AVI LIST")),
  odd("only-ebml.mkv", holding(Buffer.from("1a45dfa3a342868101", "hex"))),
  odd("huge-box.mp4", holding(Buffer.from("0000000166747970ffffffffffffffff69736f6d", "hex"))),
]

const names: ReadonlyArray<readonly [key: string, name: string]> = [
  ["long", `${"long-".repeat(48)}.mp4`],
  ["long-in-bytes", `${"把杯子".repeat(27)}.mp4`],
  ["longest", `${"n".repeat(251)}.mp4`],
  ["blanks", "  my video  .mp4"],
  ["percent", "take%03d.mp4"],
  ["colon", "http:clip.mp4"],
  ["concat", "concat:a|b.mp4"],
  ["dash", "-v.mp4"],
  ["quotes", 'it\'s "mine" \\ yours.mp4'],
  ["line-break", "one\ntwo.mp4"],
  ["control", "red\u001b[31m.mp4"],
  ["emoji", "🧽 wipe 🍳.mp4"],
  ["dots", "a..b...mp4"],
  ["no-ending", "video"],
  ["right-to-left", "\u202egnp.mp4"],
  ["glob", "take[1]{a,b}*.mp4"],
]

const named = names.map(([key, name]) => odd(`name-${key}.mp4`, drawn([...h264, "-f", "mp4"]), name))

/** Files that are no videos, and videos with names that tools misread. */
export const oddFiles = [...noVideos, ...named]
