import { isArrowFunction, isBlock, type Node, type SourceFile } from "typescript/unstable/ast"

/** A stretch of code that reports when it is run. */
interface Probe {
  /** Unique in its file. The probe of the whole file, 0, is hit when the module is loaded. */
  readonly id: number
  readonly start: number
  readonly end: number
  /** An expression, not a block. */
  readonly isExpression: boolean
}

/** Probes of every block, and of every arrow function that is one expression; the whole file comes first. */
export const probesOf = (file: SourceFile): ReadonlyArray<Probe> => {
  const probes: Array<Probe> = [{ id: 0, start: 0, end: file.text.length, isExpression: false }]
  const add = (node: Node, isExpression: boolean): void => {
    probes.push({ id: probes.length, start: node.getStart(file), end: node.end, isExpression })
  }
  const visit = (node: Node): void => {
    if (isBlock(node)) add(node, false)
    else if (isArrowFunction(node) && !isBlock(node.body)) add(node.body, true)
    node.forEachChild((child) => {
      visit(child)
      return undefined
    })
  }
  visit(file)
  return probes
}

/** The innermost probe around a stretch of code. */
export const probeAround = (probes: ReadonlyArray<Probe>, start: number, end: number): number =>
  probes
    .filter((probe) => probe.start <= start && end <= probe.end)
    .reduce((inner, probe) => (probe.end - probe.start <= inner.end - inner.start ? probe : inner)).id

/** The module that instrumented files import: it appends `file id` to `hits`, once for each test. */
export const probeModule = (hits: string): string => `
import { openSync, writeSync } from "node:fs"
const output = openSync(${JSON.stringify(hits)}, "a")
const seen = new Set()
globalThis.startTest = () => {
  seen.clear()
  writeSync(output, "test\\n")
}
globalThis.endTest = () => {
  seen.clear()
  writeSync(output, "end\\n")
}
// A worker does not hear which test is running: what it reports counts for all of the file.
const prefix = Bun.isMainThread ? "" : "worker "
export const probe = (place) => {
  if (seen.has(place)) return
  seen.add(place)
  writeSync(output, prefix + place + "\\n")
}
`

/** To be preloaded by \`bun test\`: marks in the list of hits where each test begins and ends. */
export const markerModule = (probeModulePath: string): string => `
import { afterEach, beforeEach } from "bun:test"
import ${JSON.stringify(probeModulePath)}
beforeEach(() => globalThis.startTest())
afterEach(() => globalThis.endTest())
`

/** The text of a file with its probes; lines keep their numbers. */
export const instrumented = (path: string, file: SourceFile, probeModulePath: string): string => {
  const call = (id: number): string => `mutantsProbe(${JSON.stringify(`${path} ${id}`)})`
  const inserts = probesOf(file).flatMap(({ id, start, end, isExpression }) => {
    if (id === 0)
      return [
        {
          at: 0,
          text: `import { probe as mutantsProbe } from ${JSON.stringify(probeModulePath)}; ${call(0)};`,
        },
      ]
    if (!isExpression) return [{ at: start + 1, text: `${call(id)};` }]
    return [
      { at: start, text: `(${call(id)}, ` },
      { at: end, text: ")" },
    ]
  })
  let text = ""
  let from = 0
  for (const { at, text: insert } of inserts.toSorted((a, b) => a.at - b.at)) {
    text += file.text.slice(from, at) + insert
    from = at
  }
  return text + file.text.slice(from)
}
