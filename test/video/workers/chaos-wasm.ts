import { serve } from "../../../src/threads/serve.ts"
import { chaotic } from "./chaos.ts"

serve(async () => chaotic((await import("../../../src/video/wasm/handle.ts")).makeHandler()))
