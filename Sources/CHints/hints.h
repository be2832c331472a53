// What Swift cannot tell the processor. Any address will do.
#ifndef VIGIL_HINTS_H
#define VIGIL_HINTS_H

/// Has the line of the cache that holds `address` fetched to be read, without waiting for it.
static inline void vigil_prefetch(const void *address) { __builtin_prefetch(address, 0); }

/// The same to be written: it is taken from the other processors too.
static inline void vigil_prefetch_to_write(const void *address) {
#if defined(__x86_64__)
    // Told so explicitly, since the compiler makes a hint to read of it unless it may assume a newer processor. Older ones
    // take it for nothing.
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *)address));
#else
    __builtin_prefetch(address, 1);
#endif
}

/// Says that the loop it is in waits for another processor.
static inline void vigil_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
