/** One annotated step of a finished video as a picture: its keyframes, what was said of it, and where it is in the video. */

import { xmlText } from "../text/markup.ts"

export interface CardKeyframe {
  readonly jpeg: Uint8Array
  readonly frameIndex: number
  readonly timestampSec: number
  readonly description: string
}

export interface Card {
  readonly stepId: number
  readonly goal: string
  /** `agent: action: patient`, or what else says who does what to what. */
  readonly action: string
  /** What must hold before, and what holds after, a phrase each. */
  readonly before: ReadonlyArray<string>
  readonly after: ReadonlyArray<string>
  readonly keyframes: ReadonlyArray<CardKeyframe>
  /** All steps of the video, `[startSec, endSec)`. */
  readonly steps: ReadonlyArray<{ readonly startSec: number; readonly endSec: number }>
  readonly durationSec: number
  /** Where the annotation comes from. */
  readonly note: string
}

const width = 1000
const margin = 24
const gap = 16
const pictureWidth = (width - 2 * margin - gap) / 2
const pictureHeight = (pictureWidth * 9) / 16
const lineHeight = 20
/** Letters that fit beside each other below a picture. */
const lettersInColumn = 62

/** A text in lines of at most so many letters, broken between words. */
const wrapped = (text: string, letters: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (const word of text.split(" ")) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + word.length < letters) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

const textAt = (x: number, y: number, text: string, style = ""): string =>
  `<text x="${x}" y="${y}"${style === "" ? "" : ` ${style}`}>${xmlText(text)}</text>`

const quiet = 'fill="#57606a"'
const bold = 'font-weight="600"'

/** Texts below each other. */
const column = (x: number, y: number, lines: ReadonlyArray<string>, style = ""): ReadonlyArray<string> =>
  lines.map((line, i) => textAt(x, y + i * lineHeight, line, style))

const picture = ({ jpeg }: CardKeyframe, x: number, y: number): string =>
  `<image x="${x}" y="${y}" width="${pictureWidth}" height="${pictureHeight}" href="data:image/jpeg;base64,${Buffer.from(jpeg).toString("base64")}"/>`

const timeline = ({ steps, durationSec, stepId, keyframes }: Card, y: number): ReadonlyArray<string> => {
  const at = (seconds: number) => margin + (seconds / durationSec) * (width - 2 * margin)
  return [
    `<rect x="${margin}" y="${y}" width="${width - 2 * margin}" height="18" rx="3" fill="#eaeef2"/>`,
    ...steps.map(({ startSec, endSec }, i) => {
      const isThis = i + 1 === stepId
      const fill = isThis ? "#0969da" : "#b6c2cf"
      const x = at(startSec)
      const wide = at(endSec) - x
      return `<rect x="${x.toFixed(1)}" y="${y}" width="${wide.toFixed(1)}" height="18" rx="3" fill="${fill}"/>${textAt(Math.round(x + wide / 2), y + 14, String(i + 1), `fill="${isThis ? "#fff" : "#24292f"}" text-anchor="middle" font-size="12"`)}`
    }),
    ...keyframes.map(
      ({ timestampSec }) => `<path d="M${at(timestampSec).toFixed(1)} ${y - 2}l-5 -8h10z" fill="#cf222e"/>`,
    ),
    textAt(margin, y + 38, "0 s", quiet),
    textAt(width - margin, y + 38, `${durationSec.toFixed(0)} s`, `${quiet} text-anchor="end"`),
  ]
}

/** The picture as SVG: self-contained, the keyframes are in it. */
export const cardSvg = (card: Card): string => {
  const right = margin + pictureWidth + gap
  const pictures = margin + 56
  const captions = pictures + pictureHeight + 24
  const descriptions = card.keyframes.map(({ description }) => wrapped(description, lettersInColumn))
  const facts = captions + (1 + Math.max(...descriptions.map(({ length }) => length))) * lineHeight + 14
  const bar = facts + (1 + Math.max(card.before.length, card.after.length)) * lineHeight + 16
  const height = bar + 78
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif" font-size="15" fill="#24292f">`,
    `<title>${xmlText(`Step ${card.stepId}. ${card.goal}`)}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    textAt(margin, margin + 14, `Step ${card.stepId}. ${card.goal}`, `${bold} font-size="19"`),
    textAt(margin, margin + 40, card.action, quiet),
    ...card.keyframes.flatMap((frame, i) => {
      const x = i === 0 ? margin : right
      const title = `Keyframe ${i + 1}: frame ${frame.frameIndex}, ${frame.timestampSec.toFixed(2)} s`
      return [
        picture(frame, x, pictures),
        textAt(x, captions, title, bold),
        ...column(x, captions + lineHeight, descriptions[i] ?? []),
      ]
    }),
    textAt(margin, facts, "Must hold before", bold),
    ...column(margin, facts + lineHeight, card.before),
    textAt(right, facts, "Holds after", bold),
    ...column(right, facts + lineHeight, card.after),
    ...timeline(card, bar),
    textAt(margin, height - 14, card.note, `${quiet} font-size="13"`),
    "</svg>",
    "",
  ].join("\n")
}
