/* digest.h: SHA-256 and SHA-1 (FIPS 180-4), by which the hub names files. */
#ifndef HUB_DIGEST_H
#define HUB_DIGEST_H

#include <stddef.h>
#include <stdint.h>

typedef enum digest_kind { DIGEST_SHA1, DIGEST_SHA256 } digest_kind;

typedef struct digest {
	digest_kind kind;
	uint32_t state[8];
	uint64_t size; /* bytes so far */
	uint8_t block[64];
} digest;

enum { DIGEST_TEXT = 65 };

void digest_start(digest *d, digest_kind kind);
void digest_add(digest *d, const void *data, size_t n);
/* The sum in hexadecimal: 40 or 64 digits. */
void digest_end(digest *d, char text[DIGEST_TEXT]);

#endif
