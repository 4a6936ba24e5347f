// core/error.h: setting the calling thread's error from inside the library, in one wording.
//
// Each function returns what a failing caller returns, so that an error path is one line: -1 for int functions,
// NULL through tally_error_null. A message names the operation, what was given and what was expected.
#ifndef TALLY_CORE_ERROR_H
#define TALLY_CORE_ERROR_H

#include "header.h"
#include <tally/error.h>

// "OPERATION: " and the formatted rest. Returns -1.
int tally_error_raise(enum tally_error_code code, const char *operation, const char *format, ...) TALLY_PRINTF(3, 4);

// "OPERATION: expected WHAT, got a 'TYPE'" ("got NULL" for NULL). Returns -1.
int tally_error_type(const char *operation, const char *what, const struct tally_object *got);

// "OPERATION: out of memory for N bytes (limit L, in use U)". Returns -1.
int tally_error_memory(const char *operation, size_t bytes);

// "OPERATION: index I out of range for N element(s)". Returns -1.
int tally_error_index(const char *operation, ptrdiff_t index, size_t size);

// "OPERATION: the thread is not attached" and the like, by the thread's state. Returns -1.
int tally_error_thread(const char *operation);

// tally_error_null(tally_error_type(...)): the same for functions that return a pointer.
static inline void *tally_error_null(int raised)
{
	(void)raised;
	return NULL;
}

// What a destructor must not disturb.
struct tally_error_saved {
	enum tally_error_code code;
	uint32_t failures;
	char message[256];
};
void tally_error_save(struct tally_error_saved *saved);
void tally_error_restore(const struct tally_error_saved *saved);

// Whether host code that failed has said why: has the error been set since tally_self.failures was `mark`, and not been forgotten
// again?
bool tally_error_is_set_since(uint32_t mark);

#endif
