// Counts what the process asks of the C library: allocations, releases, and flushes of files.
//
// The functions of the C library are replaced in every program that links this target, for all libraries of it, the
// Swift runtime included. Nothing is counted, and next to nothing is spent, until `counts_start`.
#ifndef COUNTS_H
#define COUNTS_H

#include <stdint.h>

struct counts {
    // Calls that returned new memory. A realloc counts as one.
    int64_t allocations;
    // Calls that gave memory back.
    int64_t releases;
    // Bytes allocated less bytes released, each block with what the allocator adds to it.
    int64_t bytes;
    // fdatasync and fsync.
    int64_t flushes;
};

// Counts from 0, in all threads, until `counts_stop`.
void counts_start(void);
// Ends the counting and says what was counted.
struct counts counts_stop(void);

// From now on while counting, keeps the call stack of every allocation, up to a fixed number of different ones.
void counts_trace(void);
// Prints the stacks kept since, the most frequent first, as llvm-symbolizer reads them, and forgets them.
void counts_print_stacks(int file, int limit);

#endif
