// tally/str.h: immutable text in UTF-8, with a cached hash.
#ifndef TALLY_STR_H
#define TALLY_STR_H

#include <tally/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// A string of `size` bytes of UTF-8 (NUL bytes included). NULL with TALLY_ERROR_VALUE, which names the offset of the
// first bad byte, TALLY_ERROR_MEMORY, TALLY_ERROR_OVERFLOW, TALLY_ERROR_THREAD. A run point.
TALLY_API tally_object *tally_str_new(const char *utf8, size_t size);

// The same from a C string.
TALLY_API tally_object *tally_str_from(const char *utf8);

// The same from any bytes: each maximal ill-formed part becomes U+FFFD (Unicode 15, section 3.9, "substitution of
// maximal subparts"); *replaced, if not NULL, receives how many did.
TALLY_API tally_object *tally_str_from_bytes(const char *bytes, size_t size, size_t *replaced);

// Its bytes, followed by a NUL that *size (if not NULL) does not count. Valid as long as the string lives: immutable,
// so no lock is needed. NULL with TALLY_ERROR_TYPE, TALLY_ERROR_THREAD.
TALLY_API const char *tally_str_utf8(tally_object *str, size_t *size);

// Its length in code points into *length. 0; -1 with TALLY_ERROR_TYPE, TALLY_ERROR_THREAD.
TALLY_API int tally_str_length(tally_object *str, size_t *length);

// Attached thread, no point, cannot fail.
TALLY_API bool tally_is_str(const tally_object *object);

#ifdef __cplusplus
}
#endif

#endif
