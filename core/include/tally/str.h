// tally/str.h: immutable text in UTF-8, with a cached hash.
//
// Indexes, lengths and slices count code points. Every function: NULL or -1 with TALLY_ERROR_TYPE when an argument is no
// str, TALLY_ERROR_THREAD; those that make something are run points and can fail with TALLY_ERROR_MEMORY and
// TALLY_ERROR_OVERFLOW (larger than a string can be).
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

// ---- parts ----
// The code point at `index` (from the end when negative), as a str of its own. NULL with TALLY_ERROR_INDEX.
TALLY_API tally_object *tally_str_get(tally_object *str, ptrdiff_t index);
// str[start:stop:step], as TALLY_SLICE_NONE (tally/base.h) says. NULL with TALLY_ERROR_VALUE when step is 0.
TALLY_API tally_object *tally_str_slice(tally_object *str, ptrdiff_t start, ptrdiff_t stop, ptrdiff_t step);
// Where `part` first begins at or after `from`, in *index: 1; 0 nowhere (*index is untouched). An empty part is found.
TALLY_API int tally_str_find(tally_object *str, tally_object *part, size_t from, size_t *index);
TALLY_API int tally_str_contains(tally_object *str, tally_object *part);
TALLY_API int tally_str_starts_with(tally_object *str, tally_object *part);
TALLY_API int tally_str_ends_with(tally_object *str, tally_object *part);
// How often `part` occurs without overlapping (an empty one: the length and one more), into *count.
TALLY_API int tally_str_count(tally_object *str, tally_object *part, size_t *count);

// ---- composition ----
TALLY_API tally_object *tally_str_concat(tally_object *a, tally_object *b);
TALLY_API tally_object *tally_str_repeat(tally_object *str, size_t times);
// The strings that `items` gives (anything tally_iter takes) with `separator` in between. NULL also with an error of the
// iteration; TALLY_ERROR_TYPE names the first item that is no str.
TALLY_API tally_object *tally_str_join(tally_object *separator, tally_object *items);
// The parts between the separators, as a list. TALLY_ERROR_VALUE: the separator is empty.
TALLY_API tally_object *tally_str_split(tally_object *str, tally_object *separator);
// Every `part` (not overlapping, from the start) replaced by `by`.
TALLY_API tally_object *tally_str_replace(tally_object *str, tally_object *part, tally_object *by);

// ---- numbers ----
// The number that the text is, white space around it allowed; digits and white space are ASCII's. tally_str_to_int: an optional
// sign and digits of `base`, 2 to 36, where 16, 8 and 2 allow 0x, 0o and 0b in front; or 0: these say what the base is, else it
// is 10, and then only zero begins with 0. tally_str_to_float: decimal, with an optional fraction and exponent, or inf,
// infinity, nan in any case; the nearest double, whatever the locale. Single underscores may stand between digits. NULL with
// TALLY_ERROR_VALUE (malformed text, or base), TALLY_ERROR_OVERFLOW (an int beyond 64 bits).
TALLY_API tally_object *tally_str_to_int(tally_object *str, int base);
TALLY_API tally_object *tally_str_to_float(tally_object *str);
// Any object as text: a str is returned itself, everything else as tally_repr gives it. From numbers: the shortest
// decimal text that reads back as the same number.
TALLY_API tally_object *tally_str_of(tally_object *object);

// ---- interning ----
// The one str with this text among those that were interned, so that equal names are the same object. The table holds a
// reference of its own until a full collection finds that nobody else has one. Nothing is interned unasked.
TALLY_API tally_object *tally_str_intern(tally_object *str);

// Attached thread, no point, cannot fail.
TALLY_API bool tally_is_str(const tally_object *object);

#ifdef __cplusplus
}
#endif

#endif
