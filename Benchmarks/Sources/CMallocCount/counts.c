#define _GNU_SOURCE
#include "counts.h"
#include "stacks.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

// What the allocator keeps beside each block: glibc's chunk header.
enum { header = sizeof(size_t) };

static atomic_bool is_counting;
static atomic_int_least64_t allocations, releases, bytes, flushes;

void counts_start(void) {
    atomic_store(&allocations, 0);
    atomic_store(&releases, 0);
    atomic_store(&bytes, 0);
    atomic_store(&flushes, 0);
    atomic_store(&is_counting, true);
}

struct counts counts_stop(void) {
    atomic_store(&is_counting, false);
    return (struct counts){
        .allocations = atomic_load(&allocations),
        .releases = atomic_load(&releases),
        .bytes = atomic_load(&bytes),
        .flushes = atomic_load(&flushes),
    };
}

static inline bool counts(void) { return atomic_load_explicit(&is_counting, memory_order_relaxed); }

static inline void add(atomic_int_least64_t *counter, int64_t value) {
    atomic_fetch_add_explicit(counter, value, memory_order_relaxed);
}

static void *allocated(void *block) {
    if (counts() && block) {
        add(&allocations, 1);
        add(&bytes, (int64_t)malloc_usable_size(block) + header);
        stacks_record();
    }
    return block;
}

static void released(void *block) {
    if (counts() && block) {
        add(&releases, 1);
        add(&bytes, -(int64_t)malloc_usable_size(block) - header);
    }
}

// The allocator itself, under the names by which glibc lets replacements reach it.
#if defined(__GLIBC__)

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

void *malloc(size_t size) { return allocated(__libc_malloc(size)); }

void *calloc(size_t count, size_t size) { return allocated(__libc_calloc(count, size)); }

void *realloc(void *block, size_t size) {
    released(block);
    return allocated(__libc_realloc(block, size));
}

void free(void *block) {
    released(block);
    __libc_free(block);
}

void *memalign(size_t alignment, size_t size) { return allocated(__libc_memalign(alignment, size)); }

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **result, size_t alignment, size_t size) {
    if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0) return EINVAL;
    void *block = memalign(alignment, size);
    if (!block) return ENOMEM;
    *result = block;
    return 0;
}

int fdatasync(int file) {
    if (counts()) add(&flushes, 1);
    return (int)syscall(SYS_fdatasync, file);
}

// A write that is durable when it returns flushes.
ssize_t pwrite(int file, const void *bytes, size_t length, off_t offset) {
    if (counts() && (fcntl(file, F_GETFL) & O_DSYNC)) add(&flushes, 1);
    return syscall(SYS_pwrite64, file, bytes, length, offset);
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t offset) {
    return pwrite(file, bytes, length, offset);
}

int fsync(int file) {
    if (counts()) add(&flushes, 1);
    return (int)syscall(SYS_fsync, file);
}

#endif
