// CRC-32C (Castagnoli polynomial 0x1EDC6F41, reflected), as iSCSI and ext4 use it.
// Swift has no access to the processor's CRC instructions, hence this one C file.
#ifndef VIGIL_CRC32C_H
#define VIGIL_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/// Extends `crc`, the checksum of the bytes before, by `length` bytes. Start with 0.
uint32_t vigil_crc32c(uint32_t crc, const void *bytes, size_t length);

/// The same, computed without special instructions. For tests.
uint32_t vigil_crc32c_portable(uint32_t crc, const void *bytes, size_t length);

#endif
