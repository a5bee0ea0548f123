import { serve } from "../../../src/video/serve.ts"
import { chaotic } from "./chaos.ts"

serve(async () => chaotic((await import("../../../src/video/backends/libav/handle.ts")).handle))
