// core/error.c: the calling thread's error (core/error.h, tally/error.h).
//
// The text lives in the thread's own record, so that reporting needs no memory and works in any state, attached or not.
#include "error.h"
#include "page.h"
#include "thread.h"
#include "type.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static_assert(sizeof((struct tally_error_saved *)0)->message == TALLY_MESSAGE, "a saved error holds a whole message");

enum tally_error_code tally_error_code(void) { return tally_self.error; }

const char *tally_error_message(void) { return tally_self.error ? tally_self.message : ""; }

void tally_error_clear(void) { tally_self.error = TALLY_ERROR_NONE; }

void tally_error_set(enum tally_error_code code, const char *format, ...)
{
	char message[TALLY_MESSAGE]; // first: the old message may be among the arguments
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(message, sizeof message, format, arguments);
	va_end(arguments);
	tally_self.error = code;
	tally_self.failures++;
	memcpy(tally_self.message, message, sizeof message);
}

int tally_error_raise(enum tally_error_code code, const char *operation, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	tally_self.error = code;
	tally_self.failures++;
	int used = snprintf(tally_self.message, TALLY_MESSAGE, "%s: ", operation);
	if (used >= 0 && used < TALLY_MESSAGE)
		vsnprintf(tally_self.message + used, (size_t)(TALLY_MESSAGE - used), format, arguments);
	va_end(arguments);
	return -1;
}

int tally_error_type(const char *operation, const char *what, const struct tally_object *got)
{
	if (!got) return tally_error_raise(TALLY_ERROR_TYPE, operation, "expected %s, got NULL", what);
	return tally_error_raise(TALLY_ERROR_TYPE, operation, "expected %s, got a '%s'", what, tally_type(got)->name);
}

int tally_error_memory(const char *operation, size_t bytes)
{
	uint64_t used, arenas, number;
	size_t limit = tally_pages_limit();
	tally_pages_stats(&used, &arenas, &number);
	if (!limit)
		return tally_error_raise(TALLY_ERROR_MEMORY, operation, "out of memory for %zu bytes (%llu in use, no limit)",
		                         bytes, (unsigned long long)used);
	return tally_error_raise(TALLY_ERROR_MEMORY, operation, "out of memory for %zu bytes (%llu in use, limit %zu)", bytes,
	                         (unsigned long long)used, limit);
}

int tally_error_index(const char *operation, ptrdiff_t index, size_t size)
{
	return tally_error_raise(TALLY_ERROR_INDEX, operation, "index %td out of range for %zu element%s", index, size,
	                         size == 1 ? "" : "s");
}

int tally_error_thread(const char *operation)
{
	if (tally_self.state == TALLY_BLOCKING)
		return tally_error_raise(TALLY_ERROR_THREAD, operation, "the thread is in a blocking region, expected attached");
	if (tally_self.state == TALLY_ATTACHED)
		return tally_error_raise(TALLY_ERROR_THREAD, operation, "the thread is attached, expected in a blocking region");
	return tally_error_raise(TALLY_ERROR_THREAD, operation, "the thread is not attached");
}

void tally_error_save(struct tally_error_saved *saved)
{
	saved->code = tally_self.error;
	saved->failures = tally_self.failures;
	if (saved->code) memcpy(saved->message, tally_self.message, TALLY_MESSAGE);
}

void tally_error_restore(const struct tally_error_saved *saved)
{
	tally_self.error = saved->code;
	tally_self.failures = saved->failures;
	if (saved->code) memcpy(tally_self.message, saved->message, TALLY_MESSAGE);
}

bool tally_error_is_set_since(uint32_t mark) { return tally_self.error && tally_self.failures != mark; }
