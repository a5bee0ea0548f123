import { serve } from "../../../src/threads/serve.ts"
import { chaotic } from "./chaos.ts"

serve(async () => chaotic((await import("../../../src/video/libav/handle.ts")).handle))
