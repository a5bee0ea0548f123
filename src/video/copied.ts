/** Why a clip is re-encoded that was to be copied. */
export const COPIED_OTHERWISE = "its copied pictures would not decode as in the source"

/** Where packets tell which frames they are, a copy that begins well goes on well: so many of its frames are compared. */
export const COMPARED_FRAMES = 32

/** How far the time of a copied frame may be from the source's, in seconds: less than most containers can tell. */
export const MOST_APART_SEC = 5e-4
