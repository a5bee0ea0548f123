/** Tokens of an answer, as a model writes them, by its stage. */
export const answerTokens = { 1: 3000, 2: 400, 3: 2500 } as const

/** A text as models count it. */
export const countedText = (text: string): number => Math.ceil(text.length / 4)

/** What a model says another time, so that what follows from an answer that is asked for again is asked for too. */
export const variedAnswer = (stage: 1 | 2 | 3, good: string): string => {
  const answer = JSON.parse(good)
  if (stage === 1) answer.high_level_goal = "Stack the cube and fill the glass in another way."
  if (stage === 2)
    for (const step of answer.steps) {
      step.start_frame_index += 1
      step.end_frame_index = Math.min(step.end_frame_index + 1, answer.steps.at(-1).end_frame_index)
    }
  return JSON.stringify(answer)
}

const [marker, startOfFrame] = [0xff, 0xc0]

/** Pixels of a JPEG: its width times its height. */
export const jpegPixels = (jpeg: Uint8Array): number => {
  const view = new DataView(jpeg.buffer, jpeg.byteOffset, jpeg.byteLength)
  for (let at = 2; at + 9 < jpeg.length; at += 2 + view.getUint16(at + 2)) {
    if (view.getUint8(at) !== marker) break
    if ([startOfFrame, startOfFrame + 1, startOfFrame + 2].includes(view.getUint8(at + 1)))
      return view.getUint16(at + 5) * view.getUint16(at + 7)
  }
  throw new Error("this is no JPEG")
}
