#include "crc32c.h"

#include <string.h>

// The table holds, for each byte value, the remainder of that byte followed by four zero bytes.
static uint32_t table[256];

__attribute__((constructor)) static void fill_table(void) {
    for (uint32_t value = 0; value < 256; value++) {
        uint32_t remainder = value;
        for (int bit = 0; bit < 8; bit++) {
            remainder = (remainder >> 1) ^ (0x82F63B78u & (0u - (remainder & 1u)));
        }
        table[value] = remainder;
    }
}

uint32_t vigil_crc32c_portable(uint32_t crc, const void *bytes, size_t length) {
    const uint8_t *next = bytes;
    crc = ~crc;
    while (length-- > 0) crc = (crc >> 8) ^ table[(crc ^ *next++) & 0xFF];
    return ~crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t hardware(uint32_t crc, const void *bytes, size_t length) {
    const uint8_t *next = bytes;
    uint64_t state = ~crc & 0xFFFFFFFFu;
    for (; length >= 8; length -= 8, next += 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        state = _mm_crc32_u64(state, word);
    }
    while (length-- > 0) state = _mm_crc32_u8((uint32_t)state, *next++);
    return ~(uint32_t)state;
}

static int has_hardware(void) { return __builtin_cpu_supports("sse4.2"); }
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>

static uint32_t hardware(uint32_t crc, const void *bytes, size_t length) {
    const uint8_t *next = bytes;
    uint32_t state = ~crc;
    for (; length >= 8; length -= 8, next += 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        state = __crc32cd(state, word);
    }
    while (length-- > 0) state = __crc32cb(state, *next++);
    return ~state;
}

static int has_hardware(void) { return 1; }
#else
static uint32_t hardware(uint32_t crc, const void *bytes, size_t length) {
    return vigil_crc32c_portable(crc, bytes, length);
}

static int has_hardware(void) { return 0; }
#endif

uint32_t vigil_crc32c(uint32_t crc, const void *bytes, size_t length) {
    return has_hardware() ? hardware(crc, bytes, length) : vigil_crc32c_portable(crc, bytes, length);
}
