#define _GNU_SOURCE
#include "shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { descriptors = 4096, inodes = 4096 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool is_active;
static char root[4096];
static size_t root_length;
static int trace = -1, flush_microseconds;
static uint64_t records, numbers;
static struct shim_file open_files[descriptors];
static struct { ino_t inode; uint64_t number; } known[inodes];
static size_t known_count;

static struct { int operations; int64_t nth, seen; int error; bool lasting; char name[24]; } fault;
static int64_t failures, room = -1;

static void give_up(const char *what) {
    fprintf(stderr, "the disk shim: %s: %s\n", what, strerror(errno));
    abort();
}

void shim_lock(void) { pthread_mutex_lock(&mutex); }
void shim_unlock(void) { pthread_mutex_unlock(&mutex); }
bool shim_is_active(void) { return atomic_load_explicit(&is_active, memory_order_acquire); }
uint64_t shim_next_record(void) { return records; }
int shim_flush_microseconds(void) { return flush_microseconds; }

const char *shim_below_root(const char *path) {
    if (strncmp(path, root, root_length) != 0) return NULL;
    if (path[root_length] == 0) return "";
    return path[root_length] == '/' ? path + root_length + 1 : NULL;
}

struct shim_file shim_get(int descriptor) {
    if (descriptor < 0 || descriptor >= descriptors) return (struct shim_file){0};
    return open_files[descriptor];
}

void shim_set(int descriptor, struct shim_file file) {
    if (descriptor >= 0 && descriptor < descriptors) {
        open_files[descriptor] = file;
    } else if (file.number != 0) {
        errno = EMFILE;
        give_up("a descriptor is too large to follow");
    }
}

uint64_t shim_number(ino_t inode, bool fresh) {
    size_t index = 0;
    while (index < known_count && known[index].inode != inode) index++;
    if (index == inodes) give_up("too many files to follow");
    if (index == known_count) known_count++;
    else if (!fresh) return known[index].number;
    known[index].inode = inode;
    return known[index].number = ++numbers;
}

static void put(const void *bytes, size_t length) {
    while (length > 0) {
        ssize_t count = syscall(SYS_write, trace, bytes, length);
        if (count < 0 && errno != EINTR) give_up("write the trace");
        if (count > 0) bytes = (const char *)bytes + count, length -= (size_t)count;
    }
}

void shim_record(
    enum disk_record kind, uint64_t file, uint64_t offset, uint64_t begun, const struct iovec *parts, int count) {
    if (trace < 0) return;
    size_t length = 0;
    for (int index = 0; index < count; index++) length += parts[index].iov_len;
    struct { uint32_t kind, length; uint64_t file, offset, begun; } header = {kind, (uint32_t)length, file, offset, begun};
    put(&header, sizeof header);
    for (int index = 0; index < count; index++) put(parts[index].iov_base, parts[index].iov_len);
    records++;
}

void shim_record_path(enum disk_record kind, uint64_t file, const char *path) {
    struct iovec part = {(void *)path, strlen(path)};
    shim_record(kind, file, 0, 0, &part, 1);
}

static bool ends_with(const char *path, const char *end) {
    size_t length = strlen(path), end_length = strlen(end);
    return length >= end_length && strcmp(path + length - end_length, end) == 0;
}

struct shim_file shim_file(uint64_t number, int flags, const char *path) {
    struct shim_file file = {.number = number, .flags = flags};
    size_t length = strlen(path), most = sizeof file.name - 1;
    strcpy(file.name, path + (length > most ? length - most : 0));
    return file;
}

int shim_fault(enum disk_operation operation, const char *name) {
    if (!(fault.operations & operation) || !ends_with(name, fault.name)) return 0;
    fault.seen++;
    if (fault.nth == 0 || fault.seen < fault.nth || (fault.seen > fault.nth && !fault.lasting)) return 0;
    failures++;
    return fault.error == 0 ? -1 : fault.error;
}

int64_t shim_take_room(int64_t length) {
    if (room < 0) return length;
    int64_t taken = length < room ? length : room;
    if (taken < length) failures++;
    room -= taken;
    return taken;
}

void disk_fail(int operations, int64_t nth, int error, bool lasting, const char *name) {
    shim_lock();
    snprintf(fault.name, sizeof fault.name, "%s", name ? name : "");
    fault.operations = operations;
    fault.nth = nth;
    fault.seen = 0;
    fault.error = error;
    fault.lasting = lasting;
    shim_unlock();
}

void disk_set_room(int64_t bytes) {
    shim_lock();
    room = bytes;
    shim_unlock();
}

int64_t disk_operations(void) {
    shim_lock();
    int64_t seen = fault.seen;
    shim_unlock();
    return seen;
}

int64_t disk_failures(void) {
    shim_lock();
    int64_t count = failures;
    shim_unlock();
    return count;
}

void disk_say(const char *text) {
    if (!shim_is_active()) return;
    shim_lock();
    shim_record_path(disk_mark, 0, text);
    shim_unlock();
}

// What LMDB and the Swift half find under a name must be what is here.
static void check_replaced(const char *name, void *ours) {
    if (dlsym(RTLD_DEFAULT, name) != ours) {
        fprintf(stderr, "the disk shim: %s of this program is not its own: nothing could be recorded\n", name);
        abort();
    }
}

void disk_start(const char *path, const char *trace_path, int microseconds) {
    check_replaced("open", (void *)open);
    check_replaced("write", (void *)write);
    check_replaced("pwrite", (void *)pwrite);
    check_replaced("writev", (void *)writev);
    check_replaced("fsync", (void *)fsync);
    check_replaced("fdatasync", (void *)fdatasync);
    check_replaced("ftruncate", (void *)ftruncate);
    check_replaced("rename", (void *)rename);
    check_replaced("close", (void *)close);
    shim_lock();
    struct stat status;
    if (strlen(path) >= sizeof root || path[0] != '/' || stat(path, &status) != 0) give_up(path);
    strcpy(root, path);
    root_length = strlen(root);
    flush_microseconds = microseconds;
    if (trace_path) {
        trace = (int)syscall(SYS_openat, AT_FDCWD, trace_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (trace < 0) give_up(trace_path);
        shim_record_path(disk_made, shim_number(status.st_ino, true), "");
    }
    atomic_store(&is_active, true);
    shim_unlock();
}
