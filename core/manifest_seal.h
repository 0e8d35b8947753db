/* manifest_seal.h - the last line of a manifest; shared by those who write and read it, nobody else. */
#ifndef KIST_CORE_MANIFEST_SEAL_H
#define KIST_CORE_MANIFEST_SEAL_H

#include "manifest.h"

/* Around the SHA-256 of every byte before it. */
#define KIST_SEAL_START "  \"checksum\": \"sha256:"
#define KIST_SEAL_END "\"\n}\n"

#endif
