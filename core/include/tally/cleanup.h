// tally/cleanup.h: what is undone when a scope ends, by whatever way it is left: for C hosts, in place of finalizers.
//
// A finalizer runs when the last reference goes, and who knows when that is; a file, a lock or a transaction should be closed where
// its use ends. These macros use the compiler's cleanup attribute (GCC manual, "Common Variable Attributes"; gcc and clang, C
// and C++). Cleanups run in the opposite order of the declarations. longjmp and the end of the thread pass them by.
#ifndef TALLY_CLEANUP_H
#define TALLY_CLEANUP_H

#include <tally/gc.h>
#include <tally/object.h>
#include <tally/thread.h>

// TALLY_AUTO(function) type name = ...: `function` gets the variable's address when the scope ends.
#define TALLY_AUTO(function) __attribute__((cleanup(function)))

// TALLY_AUTO_DECREF tally_object *list = tally_list_new(): the reference is dropped at the end of the scope; NULL: nothing is. The
// thread is attached then.
#define TALLY_AUTO_DECREF TALLY_AUTO(tally_cleanup_decref)
static inline void tally_cleanup_decref(tally_object **object)
{
	if (*object) tally_decref(*object);
}

// return TALLY_KEEP(list): the value, and the variable is NULL: the reference is the caller's.
#define TALLY_KEEP(object) tally_cleanup_keep(&(object))
static inline tally_object *tally_cleanup_keep(tally_object **object)
{
	tally_object *kept = *object;
	*object = NULL;
	return kept;
}

#define TALLY_CLEANUP_PASTE(a, b) a##b
#define TALLY_CLEANUP_NAME(a, line) TALLY_CLEANUP_PASTE(a, line)

// TALLY_AUTO_GC_SUSPENDED; no automatic collection begins until the scope ends (tally_gc_suspend).
#define TALLY_AUTO_GC_SUSPENDED                                                                                          \
	TALLY_AUTO(tally_cleanup_gc_resume)                                                                              \
	__attribute__((unused)) const int TALLY_CLEANUP_NAME(tally_gc_suspended_, __LINE__) = (tally_gc_suspend(), 1)
static inline void tally_cleanup_gc_resume(const int *unused)
{
	(void)unused;
	tally_gc_resume();
}

#endif
