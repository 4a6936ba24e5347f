// core/text.h: a text that grows: what tally_repr and the composition of strings write into.
//
// It lives on the caller's stack and has a raw buffer of the heap, which whoever began it ends. UTF-8 is the writers' business:
// they add whole, well-formed pieces.
//
// I1  size <= capacity; `bytes` is NULL exactly when capacity is 0.
// One thread's; no lock, no point.
#ifndef TALLY_CORE_TEXT_H
#define TALLY_CORE_TEXT_H

#include "header.h"

struct tally_text {
	const char *operation; // named by errors
	char *bytes;           // raw buffer
	size_t size, capacity;
};

static inline struct tally_text tally_text_begin(const char *operation) { return (struct tally_text){.operation = operation}; }
// Frees the buffer.
void tally_text_end(struct tally_text *text);

// Each: 0, or -1 with the error set (memory; or a text larger than a string can be), and then nothing has been added.
int tally_text_add(struct tally_text *text, const char *bytes, size_t size);
int tally_text_add_string(struct tally_text *text, const char *string);
// At most 255 bytes of result.
int tally_text_format(struct tally_text *text, const char *format, ...) TALLY_PRINTF(2, 3);

// A str of what has been written, which must be well-formed UTF-8; the text is ended either way. NULL with the error set.
struct tally_object *tally_text_to_str(struct tally_text *text);

#endif
