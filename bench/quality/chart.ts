import type { Figures } from "../case.ts"

const shownFigures = [
  { name: "f1_iou_50", title: "segment F1 at IoU 0.5", colour: "#2f6fb3" },
  { name: "f1_iou_75", title: "segment F1 at IoU 0.75", colour: "#e08a1e" },
  { name: "border_recall_1s", title: "borders found within 1 s", colour: "#4b9a5a" },
] as const

const [left, right, top, bottom] = [60, 560, 60, 300]
const prefix = "quality: "

/** Figures by length of the video as SVG: one line each, 0 to 1; undefined where the results have no case of quality. */
export const qualityChart = (results: Readonly<Record<string, Figures>>): string | undefined => {
  const cases = Object.entries(results).filter(([name]) => name.startsWith(prefix))
  if (cases.length === 0) return undefined
  const x = (i: number) => left + 30 + (i * (right - left - 60)) / Math.max(1, cases.length - 1)
  const y = (share: number) => bottom - share * (bottom - top)
  const grid = [0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
    `<line x1="${left}" x2="${right}" y1="${y(share)}" y2="${y(share)}" stroke="#e3e7eb"/>`,
    `<text x="${left - 8}" y="${y(share) + 4}" text-anchor="end" fill="#5b6875">${share}</text>`,
  ])
  const lengths = cases.map(
    ([name], i) =>
      `<text x="${x(i)}" y="${bottom + 20}" text-anchor="middle">${name.slice(prefix.length)}</text>`,
  )
  const lines = shownFigures.flatMap(({ name, title, colour }, line) => {
    const points = cases.map(([, figures], i) => ({ x: x(i), y: y(Number(figures[name])) }))
    return [
      `<polyline points="${points.map((point) => `${point.x},${point.y.toFixed(1)}`).join(" ")}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      ...points.map(
        (point) => `<circle cx="${point.x}" cy="${point.y.toFixed(1)}" r="3.5" fill="${colour}"/>`,
      ),
      `<rect x="${right + 20}" y="${top + 24 * line}" width="12" height="12" fill="${colour}"/>`,
      `<text x="${right + 40}" y="${top + 11 + 24 * line}">${title}</text>`,
    ]
  })
  const title = "How right the steps are on drawn videos, by length of the video"
  return [
    '<svg xmlns="http://www.w3.org/2000/svg" width="800" height="340" viewBox="0 0 800 340" font-family="system-ui, sans-serif" font-size="13" fill="#1d2733">',
    `<title>${title}</title>`,
    '<rect width="800" height="340" fill="#ffffff"/>',
    `<text x="20" y="28" font-size="16" font-weight="600">${title}</text>`,
    ...grid,
    ...lengths,
    ...lines,
    "</svg>",
    "",
  ].join("\n")
}
