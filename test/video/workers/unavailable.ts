import { serve } from "../../../src/video/serve.ts"

serve(() => Promise.reject(new Error("the library is not installed")))
