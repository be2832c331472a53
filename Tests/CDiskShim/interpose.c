// The functions of the C library that change files. Each does its system call, and records what it did.
#if defined(__linux__)
#define _GNU_SOURCE
#include "shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#pragma clang diagnostic ignored "-Wnonnull"

static int failed(int error) {
    errno = error;
    return -1;
}

// MARK: Opening and closing

static int open_file(int directory, const char *path, int flags, mode_t mode) {
    const char *below = shim_is_active() && path && path[0] == '/' ? shim_below_root(path) : NULL;
    if (!below) return (int)syscall(SYS_openat, directory, path, flags, mode);
    shim_lock();
    struct stat status;
    bool is_new = (flags & O_CREAT) && stat(path, &status) != 0;
    int error = is_new ? shim_fault(disk_entry, path) : 0;
    int descriptor = error > 0 ? failed(error) : (int)syscall(SYS_openat, directory, path, flags, mode);
    if (descriptor >= 0 && fstat(descriptor, &status) == 0) {
        struct shim_file file = shim_file(shim_number(status.st_ino, is_new), flags, below);
        shim_set(descriptor, file);
        shim_record_path(is_new ? disk_created : disk_opened, file.number, below);
        if (!is_new && (flags & O_TRUNC)) shim_record(disk_truncated, file.number, 0, 0, NULL, 0);
    }
    shim_unlock();
    return descriptor;
}

#define MODE_ARGUMENT(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) { \
        va_list arguments; \
        va_start(arguments, flags); \
        mode = va_arg(arguments, mode_t); \
        va_end(arguments); \
    }

int open(const char *path, int flags, ...) {
    MODE_ARGUMENT(flags)
    return open_file(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    MODE_ARGUMENT(flags)
    return open_file(AT_FDCWD, path, flags, mode);
}

int openat(int directory, const char *path, int flags, ...) {
    MODE_ARGUMENT(flags)
    return open_file(directory, path, flags, mode);
}

int openat64(int directory, const char *path, int flags, ...) {
    MODE_ARGUMENT(flags)
    return open_file(directory, path, flags, mode);
}

int creat(const char *path, mode_t mode) { return open_file(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode); }

int close(int descriptor) {
    if (!shim_is_active()) return (int)syscall(SYS_close, descriptor);
    shim_lock();
    shim_set(descriptor, (struct shim_file){0});
    int result = (int)syscall(SYS_close, descriptor);
    shim_unlock();
    return result;
}

int dup(int descriptor) {
    if (!shim_is_active()) return (int)syscall(SYS_dup, descriptor);
    shim_lock();
    int copy = (int)syscall(SYS_dup, descriptor);
    if (copy >= 0) shim_set(copy, shim_get(descriptor));
    shim_unlock();
    return copy;
}

// MARK: Writing

enum { sector_bytes = 512 };

static ssize_t system_write(int descriptor, const struct iovec *parts, int count, off_t offset) {
    if (offset < 0) return syscall(SYS_writev, descriptor, parts, count);
    return syscall(SYS_pwritev, descriptor, parts, count, offset, 0);
}

// Copies of the first `length` bytes, aligned as O_DIRECT wants them; the caller frees the base.
static struct iovec gather(const struct iovec *parts, int count, size_t length) {
    char *bytes = aligned_alloc(sector_bytes, (length + sector_bytes) / sector_bytes * sector_bytes);
    size_t done = 0;
    for (int index = 0; index < count && done < length; index++) {
        size_t part = parts[index].iov_len < length - done ? parts[index].iov_len : length - done;
        memcpy(bytes + done, parts[index].iov_base, part);
        done += part;
    }
    return (struct iovec){bytes, length};
}

// How many bytes the write may have, by the faults and by the room there is; or minus the error.
static ssize_t permitted(int descriptor, struct shim_file file, size_t length, off_t offset) {
    int error = shim_fault(disk_write, file.name);
    if (error > 0) return -error;
    size_t unit = file.flags & O_DIRECT ? sector_bytes : 1;
    if (error < 0) length = length > unit ? length / 2 / unit * unit : length;
    struct stat status;
    if (fstat(descriptor, &status) != 0) return -errno;
    off_t end = offset + (off_t)length, growth = end - (status.st_size > offset ? status.st_size : offset);
    if (growth <= 0) return (ssize_t)length;
    off_t taken = shim_take_room(growth);
    length -= (size_t)(growth - taken);
    return length == 0 ? -ENOSPC : (ssize_t)length;
}

// At the file's own position if `offset` is negative.
static ssize_t write_file(int descriptor, const struct iovec *parts, int count, off_t offset) {
    if (!shim_is_active()) return system_write(descriptor, parts, count, offset);
    shim_lock();
    struct shim_file file = shim_get(descriptor);
    if (file.number == 0) {
        shim_unlock();
        return system_write(descriptor, parts, count, offset);
    }
    off_t place = offset >= 0 ? offset : (off_t)syscall(SYS_lseek, descriptor, 0, SEEK_CUR);
    size_t length = 0;
    for (int index = 0; index < count; index++) length += parts[index].iov_len;
    ssize_t result = permitted(descriptor, file, length, place);
    if (result < 0) {
        result = failed((int)-result);
    } else {
        struct iovec whole = gather(parts, count, (size_t)result);
        result = system_write(descriptor, &whole, 1, offset);
        if (result > 0) {
            whole.iov_len = (size_t)result;
            shim_record(disk_written, file.number, (uint64_t)place, 0, &whole, 1);
        }
        free(whole.iov_base);
        if (result > 0 && (file.flags & O_DSYNC)) {
            int error = shim_fault(disk_flush, file.name);
            shim_record(error > 0 ? disk_flush_failed : disk_flushed, file.number, 0, shim_next_record(), NULL, 0);
            if (error > 0) result = failed(error);
        }
    }
    shim_unlock();
    return result;
}

ssize_t write(int descriptor, const void *bytes, size_t length) {
    struct iovec part = {(void *)bytes, length};
    return shim_is_active() ? write_file(descriptor, &part, 1, -1) : syscall(SYS_write, descriptor, bytes, length);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t length, off_t offset) {
    struct iovec part = {(void *)bytes, length};
    return offset < 0 ? failed(EINVAL) : write_file(descriptor, &part, 1, offset);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t length, off64_t offset) {
    struct iovec part = {(void *)bytes, length};
    return offset < 0 ? failed(EINVAL) : write_file(descriptor, &part, 1, offset);
}

ssize_t writev(int descriptor, const struct iovec *parts, int count) { return write_file(descriptor, parts, count, -1); }

ssize_t pwritev(int descriptor, const struct iovec *parts, int count, off_t offset) {
    return offset < 0 ? failed(EINVAL) : write_file(descriptor, parts, count, offset);
}

ssize_t pwritev64(int descriptor, const struct iovec *parts, int count, off64_t offset) {
    return offset < 0 ? failed(EINVAL) : write_file(descriptor, parts, count, offset);
}

// MARK: Asynchronous writing

// What became of the write that was submitted last: it is made at once, and its end is told when it is asked for. There is
// one at a time.
static struct {
    bool is_done;
    struct io_event event;
} submitted;

static bool submit(struct iocb *write) {
    if (!shim_is_active() || !shim_get((int)write->aio_fildes).number) return false;
    struct iovec part = {(void *)(uintptr_t)write->aio_buf, write->aio_nbytes};
    ssize_t result = write_file((int)write->aio_fildes, &part, 1, write->aio_offset);
    submitted.is_done = true;
    submitted.event = (struct io_event){.data = write->aio_data, .res = result < 0 ? -errno : result};
    return true;
}

static long (*system_call)(long, ...);

// The C library has no functions for it, so it is found among all system calls that go through this one. A thread that ends
// makes some when ThreadSanitizer has let go of it already.
__attribute__((disable_sanitizer_instrumentation)) long syscall(long number, ...) {
    va_list list;
    va_start(list, number);
    long arguments[6];
    for (int index = 0; index < 6; index++) arguments[index] = va_arg(list, long);
    va_end(list);
    if (number == SYS_io_submit && arguments[1] == 1 && submit(*(struct iocb **)arguments[2])) return 1;
    if (number == SYS_io_getevents && submitted.is_done) {
        submitted.is_done = false;
        *(struct io_event *)arguments[3] = submitted.event;
        return 1;
    }
    if (!system_call) system_call = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    return system_call(
        number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}

static int resize(int descriptor, off_t size) {
    if (!shim_is_active()) return (int)syscall(SYS_ftruncate, descriptor, size);
    shim_lock();
    struct shim_file file = shim_get(descriptor);
    int error = file.number ? shim_fault(disk_entry, file.name) : 0;
    int result = error > 0 ? failed(error) : (int)syscall(SYS_ftruncate, descriptor, size);
    if (file.number && result == 0) shim_record(disk_truncated, file.number, (uint64_t)size, 0, NULL, 0);
    shim_unlock();
    return result;
}

int ftruncate(int descriptor, off_t size) { return resize(descriptor, size); }
int ftruncate64(int descriptor, off64_t size) { return resize(descriptor, size); }

// MARK: Flushing

static int flush(long number, int descriptor) {
    if (!shim_is_active()) return (int)syscall(number, descriptor);
    shim_lock();
    struct shim_file file = shim_get(descriptor);
    uint64_t begun = shim_next_record();
    int error = file.number ? shim_fault(disk_flush, file.name) : 0;
    shim_unlock();
    // Not under the lock: a real flush takes its time too, and others write meanwhile.
    if (file.number && shim_flush_microseconds() > 0) {
        struct timespec pause = {0, shim_flush_microseconds() * 1000L};
        nanosleep(&pause, NULL);
    }
    int result = error > 0 ? failed(error) : (int)syscall(number, descriptor);
    if (file.number) {
        shim_lock();
        shim_record(result == 0 ? disk_flushed : disk_flush_failed, file.number, 0, begun, NULL, 0);
        shim_unlock();
        if (error > 0) errno = error;
    }
    return result;
}

int fsync(int descriptor) { return flush(SYS_fsync, descriptor); }
int fdatasync(int descriptor) { return flush(SYS_fdatasync, descriptor); }

// MARK: Names

int rename(const char *old, const char *new) {
    const char *from = shim_is_active() ? shim_below_root(old) : NULL, *to = from ? shim_below_root(new) : NULL;
    if (!to) return (int)syscall(SYS_renameat2, AT_FDCWD, old, AT_FDCWD, new, 0);
    shim_lock();
    struct stat status;
    bool is_known = stat(old, &status) == 0;
    int error = shim_fault(disk_entry, old);
    int result = error > 0 ? failed(error) : (int)syscall(SYS_renameat2, AT_FDCWD, old, AT_FDCWD, new, 0);
    if (result == 0 && is_known) {
        struct iovec parts[2] = {{(void *)from, strlen(from) + 1}, {(void *)to, strlen(to)}};
        shim_record(disk_renamed, shim_number(status.st_ino, false), 0, 0, parts, 2);
    }
    shim_unlock();
    return result;
}

static int remove_name(const char *path, int flags) {
    const char *below = shim_is_active() ? shim_below_root(path) : NULL;
    if (!below) return (int)syscall(SYS_unlinkat, AT_FDCWD, path, flags);
    shim_lock();
    struct stat status;
    bool is_known = stat(path, &status) == 0;
    int error = is_known ? shim_fault(disk_entry, path) : 0;
    int result = error > 0 ? failed(error) : (int)syscall(SYS_unlinkat, AT_FDCWD, path, flags);
    if (result == 0 && is_known) shim_record_path(disk_removed, shim_number(status.st_ino, false), below);
    shim_unlock();
    return result;
}

int unlink(const char *path) { return remove_name(path, 0); }
int rmdir(const char *path) { return remove_name(path, AT_REMOVEDIR); }

int mkdir(const char *path, mode_t mode) {
    const char *below = shim_is_active() ? shim_below_root(path) : NULL;
    if (!below) return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    shim_lock();
    struct stat status;
    int error = stat(path, &status) != 0 ? shim_fault(disk_entry, path) : 0;
    int result = error > 0 ? failed(error) : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    if (result == 0 && stat(path, &status) == 0) {
        shim_record_path(disk_made, shim_number(status.st_ino, true), below);
    }
    shim_unlock();
    return result;
}

// MARK: What the store does not do

// Ends the program loudly if it comes to do it after all, since the trace would be wrong.
static int unsupported(const char *name) {
    fprintf(stderr, "the disk shim: %s is not recorded; teach it\n", name);
    abort();
}

int fallocate(int descriptor, int mode, off_t offset, off_t length) {
    if (shim_is_active() && shim_get(descriptor).number) return unsupported("fallocate");
    return (int)syscall(SYS_fallocate, descriptor, mode, offset, length);
}

int posix_fallocate(int descriptor, off_t offset, off_t length) {
    if (shim_is_active() && shim_get(descriptor).number) return unsupported("posix_fallocate");
    return syscall(SYS_fallocate, descriptor, 0, offset, length) == 0 ? 0 : errno;
}

int link(const char *old, const char *new) {
    if (shim_is_active() && shim_below_root(new)) return unsupported("link");
    return (int)syscall(SYS_linkat, AT_FDCWD, old, AT_FDCWD, new, 0);
}

int msync(void *address, size_t length, int flags) {
    if (shim_is_active()) return unsupported("msync");
    return (int)syscall(SYS_msync, address, length, flags);
}
#endif
