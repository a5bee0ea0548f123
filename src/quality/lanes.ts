import { xmlText } from "../text/markup.ts"
import type { ComparedVideo } from "./score.ts"

/** Text in SVG, on one line. */
const escaped = (text: string): string => xmlText(text.replaceAll(/\p{Cc}/gu, ""))

const left = 90
const width = 1000
const laneHeight = 22
const rowHeight = 104
const top = 30
/** Width in pixels of one letter of the labels, about. */
const letterWidth = 6.2

const palette = ["#4e79a7", "#f28e2b", "#59a14f", "#b07aa1", "#edc948", "#76b7b2", "#e15759", "#9c755f"]

const clock = (seconds: number): string => {
  const whole = Math.round(seconds)
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  return (parts[0] === 0 ? parts.slice(1) : parts)
    .map((part, i) => (i === 0 ? String(part) : String(part).padStart(2, "0")))
    .join(":")
}

const lane = (segments: ComparedVideo["gold"], y: number, perSecond: number): ReadonlyArray<string> =>
  segments.map(({ startSec, endSec, label }, i) => {
    const x = left + startSec * perSecond
    const wide = Math.max(1, (endSec - startSec) * perSecond)
    const letters = Math.floor((wide - 8) / letterWidth)
    const shown = label.length <= letters ? label : letters >= 3 ? `${label.slice(0, letters - 1)}…` : ""
    return [
      `<g><title>${escaped(`${label} (${startSec.toFixed(2)}-${endSec.toFixed(2)} s)`)}</title>`,
      `<rect x="${x.toFixed(2)}" y="${y}" width="${wide.toFixed(2)}" height="${laneHeight}" rx="2" fill="${palette[i % palette.length]}" stroke="#fff"/>`,
      shown === ""
        ? ""
        : `<text x="${(x + 4).toFixed(2)}" y="${y + 15}" fill="#fff" font-size="11">${escaped(shown)}</text>`,
      "</g>",
    ].join("")
  })

/** A video's gold above what was predicted, on one time axis. */
const row = ({ videoId, durationSec, gold, predicted }: ComparedVideo, at: number): string => {
  const y = top + at * rowHeight
  const endSec = Math.max(durationSec ?? 0, 1e-9, ...[...gold, ...predicted].map((segment) => segment.endSec))
  const perSecond = width / endSec
  return [
    `<text x="${left}" y="${y - 8}" font-weight="600">${escaped(videoId)}</text>`,
    `<text x="${left - 8}" y="${y + 15}" text-anchor="end" fill="#555">gold</text>`,
    `<text x="${left - 8}" y="${y + laneHeight + 19}" text-anchor="end" fill="#555">predicted</text>`,
    ...lane(gold, y, perSecond),
    ...lane(predicted, y + laneHeight + 4, perSecond),
    `<line x1="${left}" x2="${left + width}" y1="${y + 2 * laneHeight + 8}" y2="${y + 2 * laneHeight + 8}" stroke="#bbb"/>`,
    `<text x="${left}" y="${y + 2 * laneHeight + 21}" fill="#555">0:00</text>`,
    `<text x="${left + width}" y="${y + 2 * laneHeight + 21}" text-anchor="end" fill="#555">${clock(endSec)}</text>`,
  ].join("\n")
}

/** An SVG with two lanes a video, gold and predicted, on one time axis each; the whole label is the segment's tooltip. */
export const lanesSvg = (videos: ReadonlyArray<ComparedVideo>): string => {
  const height = top + videos.length * rowHeight
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${left + width + 20}" height="${height}" viewBox="0 0 ${left + width + 20} ${height}" font-family="system-ui, sans-serif" font-size="12">`,
    "<title>Gold and predicted steps on one time axis</title>",
    `<rect width="100%" height="100%" fill="#fff"/>`,
    ...videos.map(row),
    "</svg>",
    "",
  ].join("\n")
}
