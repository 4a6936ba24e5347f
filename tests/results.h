// tests/results.h: what the tests of operations share: results are checked and given up at once, errors too, and each allocation
// of an operation is failed in its turn.
#ifndef TALLY_TESTS_RESULTS_H
#define TALLY_TESTS_RESULTS_H

#include "fixture.h"

// A literal with its size, NULs included.
#define BYTES(literal) (literal), sizeof(literal) - 1

static inline tally_object *text_of(const char *bytes, size_t size) { return must(tally_str_new(bytes, size)); }

// ---- each takes over the reference ----

#define CHECK_TEXT(object, literal) check_text((object), BYTES(literal), __LINE__)
static inline void check_text(tally_object *object, const char *expected, size_t size, int line)
{
	size_t found = 0, points = 0, counted_points = 0;
	const char *utf8 = object ? tally_str_utf8(object, &found) : NULL;
	bool good = CHECK(utf8) && CHECK_EQ(found, size) && CHECK(memcmp(utf8, expected, size) == 0);
	if (!good) tap_note("line %d: expected %s, got %s", line, expected, utf8 ? utf8 : tally_error_message());
	for (size_t i = 0; utf8 && i < found; i++) counted_points += ((unsigned char)utf8[i] & 0xC0) != 0x80;
	if (utf8) CHECK_EQ(tally_str_length(object, &points), 0), CHECK_EQ(points, counted_points);
	tally_decref(object);
}

// As tally_repr shows it.
#define CHECK_SHOWN(object, shown) check_shown((object), (shown), __LINE__)
static inline void check_shown(tally_object *object, const char *expected, int line)
{
	tally_object *shown = object ? tally_repr(object) : NULL;
	const char *utf8 = shown ? tally_str_utf8(shown, NULL) : tally_error_message();
	if (!CHECK_STR(utf8, expected)) tap_note("line %d", line);
	tally_decref(shown);
	tally_decref(object);
}

// ---- errors: of an expression that gives NULL, or -1 ----

#define CHECK_NULL(expression, code, message) (CHECK(!(expression)), CHECK_ERROR((code), (message)))
#define CHECK_MINUS(expression, code, message) (CHECK_EQ((expression), -1), CHECK_ERROR((code), (message)))

// ---- failing allocations ----

// Whether this build has faults on demand; without them check_each_failure cannot be used.
static inline bool has_faults(void)
{
	bool has = tally_heap_fail(0, false) == 0;
	tally_error_clear();
	return has;
}

// Calls `make` with its first, second, ... allocation failing, until none is left to fail: each time it must give NULL and an
// error for want of memory, and leave nothing behind; at last it must succeed. Returns how many failed; the last result is dropped.
static inline int check_each_failure(tally_object *(*make)(void *context), void *context)
{
	uint64_t objects = fixture_live_objects(), buffers = fixture_raw_buffers();
	for (int n = 1;; n++) {
		CHECK_EQ(tally_heap_fail((uint64_t)n, false), 0);
		tally_object *made = make(context);
		bool came = tally_heap_attempts() >= (uint64_t)n;
		CHECK_EQ(tally_heap_fail(0, false), 0);
		CHECK_EQ(!made, came);
		if (came) CHECK_EQ(tally_error_code(), TALLY_ERROR_MEMORY);
		else CHECK_NO_ERROR();
		tally_error_clear();
		tally_decref(made);
		CHECK_EQ(fixture_live_objects(), objects);
		CHECK_EQ(fixture_raw_buffers(), buffers);
		if (!came || n > 1000) return n - 1;
	}
}

#endif
