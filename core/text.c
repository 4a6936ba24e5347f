// core/text.c: a text that grows (core/text.h).
//
// The buffer grows by half of itself, so that a long text is copied a few times only; it is replaced, never grown in place, so that
// a growth that finds no memory leaves the text as it was. Nothing here stops the world: a text is written in the middle of
// other people's work.
#include "text.h"
#include "error.h"
#include "heap.h"
#include "str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	PIECE = 256,                // what a formatted piece has at most, with its NUL
	GROWTH = TALLY_TUNED(2, 64) // a full buffer grows by its size divided by this
};

void tally_text_end(struct tally_text *text)
{
	tally_raw_free(text->bytes);
	*text = (struct tally_text){.operation = text->operation};
}

static int move(struct tally_text *text, size_t capacity)
{
	char *bytes = tally_raw_new(capacity);
	if (!bytes) return tally_error_memory(text->operation, capacity);
	if (text->size) memcpy(bytes, text->bytes, text->size);
	tally_raw_free(text->bytes);
	text->bytes = bytes;
	text->capacity = tally_page_of(bytes)->block_size;
	return 0;
}

static int make_room_slow(struct tally_text *text, size_t more)
{
	if (more > TALLY_STR_LIMIT - text->size)
		return tally_error_raise(TALLY_ERROR_OVERFLOW, text->operation, "the text is larger than a string can be");
	size_t wanted = text->size + more;
	return move(text, wanted + wanted / GROWTH);
}

int tally_text_add(struct tally_text *text, const char *bytes, size_t size)
{
	if (!size) return 0;
	if (tally_unlikely(size > text->capacity - text->size) && make_room_slow(text, size)) return -1;
	memcpy(text->bytes + text->size, bytes, size);
	text->size += size;
	return 0;
}

int tally_text_add_string(struct tally_text *text, const char *string) { return tally_text_add(text, string, strlen(string)); }

int tally_text_format(struct tally_text *text, const char *format, ...)
{
	char piece[PIECE];
	va_list arguments;
	va_start(arguments, format);
	int size = vsnprintf(piece, sizeof piece, format, arguments);
	va_end(arguments);
	TALLY_ASSERT(size >= 0 && size < PIECE);
	return tally_text_add(text, piece, size < PIECE ? (size_t)size : PIECE - 1);
}

struct tally_object *tally_text_to_str(struct tally_text *text)
{
	struct tally_object *made = tally_str_copy(text->operation, text->bytes, text->size);
	tally_text_end(text);
	return made;
}
