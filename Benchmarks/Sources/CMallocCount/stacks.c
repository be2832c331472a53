// Who allocates: a fixed table of call stacks, found by a hash of their addresses.
#define _GNU_SOURCE
#include "counts.h"
#include "stacks.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

// The first frames are those of this target.
enum { depth = 24, skipped = 2, capacity = 4096 };

struct stack {
    int64_t count;
    int frames;
    void *addresses[depth];
};

static struct stack stacks[capacity];
static int64_t lost;
static atomic_bool is_tracing;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
// Whether this thread is recording: what finding the stack itself allocates is not recorded.
static _Thread_local bool is_recording;

void counts_trace(void) {
    // The first call loads a library, which allocates.
    void *first[1];
    backtrace(first, 1);
    atomic_store(&is_tracing, true);
}

static void keep(void **addresses, int frames) {
    uint64_t hash = 14695981039346656037u;
    for (int index = 0; index < frames; index++) hash = (hash ^ (uint64_t)addresses[index]) * 1099511628211u;
    for (int step = 0; step < capacity; step++) {
        struct stack *stack = &stacks[(hash + step) % capacity];
        if (stack->count == 0) {
            stack->frames = frames;
            memcpy(stack->addresses, addresses, frames * sizeof(void *));
        }
        if (stack->frames == frames && memcmp(stack->addresses, addresses, frames * sizeof(void *)) == 0) {
            stack->count++;
            return;
        }
    }
    lost++;
}

void stacks_record(void) {
    if (!atomic_load_explicit(&is_tracing, memory_order_relaxed) || is_recording) return;
    is_recording = true;
    void *addresses[depth + skipped];
    int frames = backtrace(addresses, depth + skipped) - skipped;
    if (frames > 0) {
        pthread_mutex_lock(&lock);
        keep(addresses + skipped, frames);
        pthread_mutex_unlock(&lock);
    }
    is_recording = false;
}

// In the form that llvm-symbolizer reads: the file, and the address in it of the call, which ends before the return
// address.
static void print(int file, const struct stack *stack) {
    for (int index = 0; index < stack->frames; index++) {
        char *address = stack->addresses[index];
        Dl_info info;
        if (!dladdr(address, &info)) continue;
        dprintf(file, "%s 0x%tx\n", info.dli_fname, address - (char *)info.dli_fbase - 1);
    }
}

void counts_print_stacks(int file, int limit) {
    atomic_store(&is_tracing, false);
    pthread_mutex_lock(&lock);
    for (int printed = 0; printed < limit; printed++) {
        struct stack *most = &stacks[0];
        for (int index = 1; index < capacity; index++) {
            if (stacks[index].count > most->count) most = &stacks[index];
        }
        if (most->count == 0) break;
        dprintf(file, "\n# allocated %lld times by\n", (long long)most->count);
        print(file, most);
        most->count = 0;
    }
    if (lost > 0) dprintf(file, "\n# not kept, for lack of room: %lld\n", (long long)lost);
    memset(stacks, 0, sizeof stacks);
    lost = 0;
    pthread_mutex_unlock(&lock);
}
