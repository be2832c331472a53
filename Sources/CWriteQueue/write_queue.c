#include "write_queue.h"

#include <errno.h>

#if defined(__linux__)
#include <linux/aio_abi.h>
#include <sys/syscall.h>
#include <unistd.h>

unsigned long vigil_write_queue_make(void) {
    aio_context_t queue = 0;
    return syscall(SYS_io_setup, 1, &queue) == 0 ? queue : 0;
}

void vigil_write_queue_free(unsigned long queue) { syscall(SYS_io_destroy, queue); }

int vigil_write_begin(unsigned long queue, int descriptor, const void *bytes, size_t count, int64_t offset) {
    struct iocb write = {
        .aio_fildes = (uint32_t)descriptor,
        .aio_lio_opcode = IOCB_CMD_PWRITE,
        .aio_buf = (uint64_t)(uintptr_t)bytes,
        .aio_nbytes = count,
        .aio_offset = offset,
    };
    struct iocb *writes[] = {&write};
    return syscall(SYS_io_submit, queue, 1, writes) == 1 ? 0 : errno;
}

int64_t vigil_write_end(unsigned long queue) {
    struct io_event event;
    long count;
    do count = syscall(SYS_io_getevents, queue, 1, 1, &event, NULL);
    while (count == 0 || (count < 0 && errno == EINTR));
    return count < 0 ? -errno : event.res;
}
#else
unsigned long vigil_write_queue_make(void) { return 0; }
void vigil_write_queue_free(unsigned long queue) { (void)queue; }
int vigil_write_begin(unsigned long queue, int descriptor, const void *bytes, size_t count, int64_t offset) {
    (void)queue, (void)descriptor, (void)bytes, (void)count, (void)offset;
    return ENOSYS;
}
int64_t vigil_write_end(unsigned long queue) {
    (void)queue;
    return -ENOSYS;
}
#endif
