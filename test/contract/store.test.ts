import { localStore } from "../../src/dataset/local-store.ts"
import { runFolder } from "../support/folders.ts"
import { memoryStore } from "../support/memory-store.ts"
import { storeContract } from "./store.contract.ts"

storeContract("the local disk", async () => {
  const root = runFolder()
  return { store: localStore(root), again: () => localStore(root) }
})

storeContract("memory", async () => {
  const store = memoryStore()
  return { store, again: () => store }
})
