/* The cases of arena.c over the chunks that builds without sanitizers use, in a build with them. */
#define ARENA_CHUNKS
#define ONE_BLOCK_A_CHUNK false
#include "../../src/base/arena.c"

#include "arena.c"
