// Swift cannot tell the processor what will be read soon, hence this one function.
#ifndef VIGIL_PREFETCH_H
#define VIGIL_PREFETCH_H

/// Has the line of the cache that holds `address` fetched to be written, without waiting for it. Any address will do.
static inline void vigil_prefetch(const void *address) { __builtin_prefetch(address, 1); }

#endif
