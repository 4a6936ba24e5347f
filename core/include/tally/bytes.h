// tally/bytes.h: immutable sequences of bytes.
//
// Every function: NULL or -1 with TALLY_ERROR_TYPE when an argument is no bytes object, TALLY_ERROR_THREAD; those that make
// something are run points and can fail with TALLY_ERROR_MEMORY and TALLY_ERROR_OVERFLOW.
#ifndef TALLY_BYTES_H
#define TALLY_BYTES_H

#include <tally/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// A copy of `size` bytes (NULL allowed when size is 0; else TALLY_ERROR_VALUE).
TALLY_API tally_object *tally_bytes_new(const void *bytes, size_t size);

// The bytes, followed by a NUL that *size (if not NULL) does not count. Valid as long as the object lives.
TALLY_API const char *tally_bytes_data(tally_object *bytes, size_t *size);

// The byte at `index` (from the end when negative), into *byte. -1 also with TALLY_ERROR_INDEX.
TALLY_API int tally_bytes_get(tally_object *bytes, ptrdiff_t index, uint8_t *byte);
// bytes[start:stop:step], as TALLY_SLICE_NONE (tally/base.h) says. NULL with TALLY_ERROR_VALUE when step is 0.
TALLY_API tally_object *tally_bytes_slice(tally_object *bytes, ptrdiff_t start, ptrdiff_t stop, ptrdiff_t step);
TALLY_API tally_object *tally_bytes_concat(tally_object *a, tally_object *b);
TALLY_API tally_object *tally_bytes_repeat(tally_object *bytes, size_t times);
// Where `part` first begins at or after `from`, in *index: 1; 0 nowhere (*index is untouched).
TALLY_API int tally_bytes_find(tally_object *bytes, tally_object *part, size_t from, size_t *index);

// The text that the bytes are in UTF-8. NULL also with TALLY_ERROR_VALUE, which names the offset of the first bad byte.
TALLY_API tally_object *tally_bytes_decode(tally_object *bytes);
// The UTF-8 of a str.
TALLY_API tally_object *tally_bytes_encode(tally_object *str);

// Attached thread, no point, cannot fail.
TALLY_API bool tally_is_bytes(const tally_object *object);

#ifdef __cplusplus
}
#endif

#endif
