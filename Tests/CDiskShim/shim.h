// What the functions that replace those of the C library share.
#ifndef SHIM_H
#define SHIM_H

#include "disk_shim.h"

#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

// An open file below the root.
struct shim_file {
    uint64_t number; // 0: not below the root
    int flags;       // of open
    char name[24];   // the end of its path when it was opened
};

struct shim_file shim_file(uint64_t number, int flags, const char *path);

// Everything below is to be called between these two. Between a write and its record nothing else is recorded.
void shim_lock(void);
void shim_unlock(void);

// Whether there is anything to do.
bool shim_is_active(void);

// The path below the root; null if it is not there.
const char *shim_below_root(const char *path);

struct shim_file shim_get(int descriptor);
void shim_set(int descriptor, struct shim_file file);
// The number of the file with this inode; a new one if it is `fresh` or was not seen before.
uint64_t shim_number(ino_t inode, bool fresh);

void shim_record(enum disk_record kind, uint64_t file, uint64_t offset, uint64_t begun, const struct iovec *, int count);
void shim_record_path(enum disk_record kind, uint64_t file, const char *path);
uint64_t shim_next_record(void);
int shim_flush_microseconds(void);

// The error that the operation must fail with; 0 if it may go on. -1: a write is to be short.
int shim_fault(enum disk_operation, const char *name);
// How many of `length` bytes more a file may take; uses them up.
int64_t shim_take_room(int64_t length);

#endif
