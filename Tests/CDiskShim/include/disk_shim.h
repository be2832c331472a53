// Stands between this program and its disk: records what it does to the files of one directory, and makes the disk fail.
//
// The functions of the C library that change files are replaced in every program that links this target, for all
// libraries of it, LMDB included. They do nothing but the system call until `disk_start`. Linux only.
//
// The trace is a sequence of records: 32 bytes of header, then `length` bytes of payload. Numbers are little-endian; the
// number of a record is its place in the trace, from 0.
//
//     offset  size
//      0      4     kind, see below
//      4      4     length of the payload
//      8      8     file: what it concerns, by a number that stays the same when it is renamed, and is never used again
//     16      8     offset in the file, or its new size
//     24      8     for a flush: the number that the next record had when it began
//
// What a flush makes durable was recorded before it began; what another thread writes meanwhile is not part of it.
#ifndef DISK_SHIM_H
#define DISK_SHIM_H

#include <stdbool.h>
#include <stdint.h>

enum disk_record {
    disk_opened = 1,       // a file or directory that was there; payload: its path below the root
    disk_created = 2,      // payload: its path
    disk_made = 3,         // a directory, the first of all being the root; payload: its path
    disk_written = 4,      // payload: the bytes
    disk_truncated = 5,    // to the size `offset`, also upwards
    disk_renamed = 6,      // payload: the old path, a zero byte, the new path
    disk_removed = 7,      // payload: its path
    disk_flushed = 8,      // a file or a directory
    disk_flush_failed = 9, // the same, but with an error: what it should have flushed may never get there
    disk_mark = 10,        // payload: what the program said
};

// Kinds of operations, to be failed and counted.
enum disk_operation {
    disk_write = 1,
    // fsync and fdatasync, and the second half of a write to a file that was opened with O_DSYNC.
    disk_flush = 2,
    // Creating, renaming, removing and truncating.
    disk_entry = 4,
};

// Begins, with everything below the directory `root`, which must be absolute; into the file `trace` unless that is null.
// Each flush takes `flush_microseconds` longer. Prints why and ends the program if it cannot.
void disk_start(const char *root, const char *trace, int flush_microseconds);

// Puts a mark into the trace: everything that the program did before is recorded before it.
void disk_say(const char *text);

// Lets the `nth` operation from now on that is of one of `operations` (counted from 1; 0 for none) fail with `error`; and
// all after it, if `lasting`. A write that fails with error 0 is short instead. Only operations on files whose names end
// with `name` count, if it is not null.
void disk_fail(int operations, int64_t nth, int error, bool lasting, const char *name);

// Lets writes make files longer by `bytes` in all, before they fail with ENOSPC. Negative: by as much as they like.
void disk_set_room(int64_t bytes);

// Operations since `disk_fail` that were of its kind, and how many of all failed since `disk_start`.
int64_t disk_operations(void);
int64_t disk_failures(void);

#endif
