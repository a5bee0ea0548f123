import { PictureError } from "../src/picture/jpeg.ts"
import { drawLabels, type LabelCall } from "../src/picture/labelling.ts"
import { serve } from "../src/threads/serve.ts"
import { VideoFailure } from "../src/video/VideoFailure.ts"

// A thread that draws labels on pictures. Only our own pool sends requests, so their shape is known.
serve(async () => async (request, { poll }) => {
  try {
    return await drawLabels(request as LabelCall, poll)
  } catch (error) {
    throw error instanceof PictureError ? new VideoFailure("DecodeFailed", error.message) : error
  }
})
