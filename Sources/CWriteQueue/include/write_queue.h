// Linux's asynchronous I/O (io_submit(2)), for one write at a time. The C library has no functions for it, and Swift none
// for system calls.
#ifndef VIGIL_WRITE_QUEUE_H
#define VIGIL_WRITE_QUEUE_H

#include <stddef.h>
#include <stdint.h>

/// Makes a queue; 0 if there can be none here.
unsigned long vigil_write_queue_make(void);

/// Waits for the write that is under way, if any, and frees the queue.
void vigil_write_queue_free(unsigned long queue);

/// Begins to write `count` bytes at `offset` of the file. They must stay as they are until the end. Returns 0, or the
/// error that kept it from beginning.
int vigil_write_begin(unsigned long queue, int descriptor, const void *bytes, size_t count, int64_t offset);

/// Waits for the write that was begun. Returns how many bytes were written, or minus the error.
int64_t vigil_write_end(unsigned long queue);

#endif
