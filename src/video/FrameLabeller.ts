import { Context, Effect } from "effect"
import { drawLabels, type LabelCall, type LabelledPicture } from "../picture/labelling.ts"

/** A label could not be drawn. `message` names the picture. */
export interface LabelFailure {
  readonly message: string
}

/** Draws labels on copies of pictures: by default here, elsewhere in threads of their own. The bytes are the same. */
export class FrameLabeller extends Context.Reference<FrameLabeller>()("triptych/FrameLabeller", {
  defaultValue: (): {
    readonly draw: (call: LabelCall) => Effect.Effect<ReadonlyArray<LabelledPicture>, LabelFailure>
  } => ({
    draw: (call) =>
      Effect.tryPromise({
        try: () => drawLabels(call, () => {}),
        catch: (cause) => ({ message: cause instanceof Error ? cause.message : String(cause) }),
      }),
  }),
}) {}
