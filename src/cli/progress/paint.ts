import { printableLines } from "../../text/printable.ts"
import { rowsOf } from "./text.ts"

/** What stands on the terminal: the lines last painted, and how wide it was then. The cursor is on the row below them. */
export interface Painted {
  readonly lines: ReadonlyArray<string>
  readonly columns: number
}

export const nothingPainted: Painted = { lines: [], columns: 0 }

const csi = "\u001b["
/** Terminals that know it show what is between the two at once; others ignore it. */
const beginUpdate = `${csi}?2026h`
const endUpdate = `${csi}?2026l`
/** A line that is wider than thought is cut off at the edge and not continued on the next row. */
const noWrap = `${csi}?7l`
const wrap = `${csi}?7h`
const clearRight = `${csi}K`
const clearBelow = `${csi}J`

export const hideCursor = `${csi}?25l`
/** Ends whatever painting may have been broken off in the middle. */
export const restore = `${endUpdate}${wrap}${csi}?25h`

const up = (rows: number): string => (rows > 0 ? `${csi}${rows}A` : "")

/**
 * What to write so that `next` stands where `before` stood, with `texts` printed above it for good. Undefined if nothing
 * changes. Lines that are the same are passed over.
 *
 * @param reflows whether the terminal breaks lines anew when it becomes narrower, as most do
 */
export const repaint = (
  before: Painted,
  next: Painted,
  texts: ReadonlyArray<string>,
  reflows: boolean,
): string | undefined => {
  const isResized = before.columns !== next.columns && before.lines.length > 0
  const isSame =
    before.lines.length === next.lines.length && next.lines.every((line, i) => line === before.lines[i])
  if (isSame && !isResized && texts.length === 0) return undefined
  const rows = before.lines.reduce(
    (sum, line) => sum + (reflows && isResized ? rowsOf(line, next.columns) : 1),
    0,
  )
  const isFresh = isResized || texts.length > 0
  const lines = next.lines.map((line, i) =>
    !isFresh && line === before.lines[i] ? "\n" : `${line}${clearRight}\n`,
  )
  return [
    beginUpdate,
    "\r",
    up(rows),
    // Not cleared first: some terminals would keep what is cleared in their history.
    ...texts.map((text) => `${printableLines(text).replaceAll("\n", `${clearRight}\n`)}${clearRight}\n`),
    noWrap,
    ...lines,
    clearBelow,
    wrap,
    endUpdate,
  ].join("")
}
