import { serve } from "../../../src/threads/serve.ts"

serve(() => Promise.reject(new Error("the library is not installed")))
