/** A row of cells; a wide character is followed by an empty cell. */
interface Row {
  cells: Array<string>
  /** The next row goes on where this one is full. */
  wrapped: boolean
}

const esc = "\u001b"
const pattern = new RegExp(`${esc}\\[([?\\d;]*)([A-Za-z])|[\\r\\n]|[^${esc}\\r\\n]+|${esc}`, "gu")

const blank = (): Row => ({ cells: [], wrapped: false })

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" })

/**
 * What a terminal shows of the bytes it gets, as far as this program uses one: text, line breaks, the cursor's moves,
 * clearing, line wrapping. A narrower window breaks lines anew, as most terminals do.
 */
export class VirtualTerminal {
  private rows: Array<Row> = [blank()]
  private top = 0
  private row = 0
  private column = 0
  private wraps = true
  isCursorVisible = true
  isUpdating = false

  constructor(
    public columns: number,
    public height: number,
  ) {}

  private at(index: number): Row {
    while (this.rows.length <= index) this.rows.push(blank())
    return this.rows[index] ?? blank()
  }

  private lineFeed(): void {
    this.row++
    this.at(this.row)
    this.top = Math.max(this.top, this.row - this.height + 1)
  }

  private put(character: string): void {
    const width = Bun.stringWidth(character)
    if (this.column + width > this.columns) {
      if (!this.wraps) return
      this.at(this.row).wrapped = true
      this.lineFeed()
      this.column = 0
    }
    const { cells } = this.at(this.row)
    while (cells.length < this.column) cells.push(" ")
    cells.splice(this.column, width, character, ...Array.from({ length: width - 1 }, () => ""))
    this.column += width
  }

  private control(parameter: string, final: string): void {
    const count = Math.max(1, Number(parameter) || 1)
    if (final === "A") this.row = Math.max(this.top, this.row - count)
    else if (final === "K") this.at(this.row).cells.splice(this.column)
    else if (final === "J") {
      this.at(this.row).cells.splice(this.column)
      this.rows.splice(this.row + 1)
    } else if (parameter === "?7") this.wraps = final === "h"
    else if (parameter === "?25") this.isCursorVisible = final === "h"
    else if (parameter === "?2026") this.isUpdating = final === "h"
    // Colours.
    else if (final !== "m") throw new Error(`not a sequence of this terminal: ${parameter}${final}`)
  }

  /** Takes what a program writes, line breaks as the program wrote them or as the kernel hands them on. */
  write(text: string): void {
    for (const [piece, parameter = "", final] of text.matchAll(pattern)) {
      if (final !== undefined) this.control(parameter, final)
      else if (piece === "\r") this.column = 0
      else if (piece === "\n") {
        this.column = 0
        this.lineFeed()
      } else for (const { segment } of segmenter.segment(piece)) this.put(segment)
    }
  }

  resize(columns: number, height: number): void {
    const broken: Array<Row> = []
    let cursor = 0
    for (let index = 0; index < this.rows.length; ) {
      const cells: Array<string> = []
      let isCursorHere = false
      let isOpen = true
      while (isOpen) {
        const row = this.at(index)
        isCursorHere ||= index === this.row
        cells.push(...row.cells)
        isOpen = row.wrapped
        index++
      }
      const begin = broken.length
      broken.push(blank())
      for (const cell of cells) {
        const last = broken.at(-1)
        const needed = cell === "" ? 0 : Bun.stringWidth(cell)
        if (last !== undefined && last.cells.length + needed > columns) {
          last.wrapped = true
          broken.push(blank())
        }
        broken.at(-1)?.cells.push(cell)
      }
      if (isCursorHere) cursor = begin
    }
    this.rows = broken
    this.row = cursor
    this.columns = columns
    this.height = height
    this.top = Math.max(0, this.rows.length - height)
  }

  /** All that was ever written and not cleared, without trailing blanks. */
  lines(): ReadonlyArray<string> {
    const lines = this.rows.map(({ cells }) => cells.join("").trimEnd())
    return lines.slice(0, lines.findLastIndex((line) => line !== "") + 1)
  }

  /** What is in the window. */
  screen(): ReadonlyArray<string> {
    return this.lines().slice(this.top)
  }
}
