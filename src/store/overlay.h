/* A store over another one, which it only reads: what is put lies in a second store, what is
 * removed is only hidden. An operation upon it does all that it would do, and nothing happens to
 * the store below. */
#ifndef SILT_STORE_OVERLAY_H
#define SILT_STORE_OVERLAY_H

#include "store/store.h"

/* Over `below`, borrowed; `over`, empty, is the overlay's from now on, even where NULL is given
 * back: out of memory. Local paths are there where both have them: of objects, where they lie; of
 * what isn't there, in `over`; of the root, the one below. */
silt_store *silt_store_overlay_new(silt_store *below, silt_store *over);

#endif
