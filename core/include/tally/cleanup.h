// tally/cleanup.h: what is undone when a scope ends, by whatever way it is left: for C hosts, in place of finalizers.
//
// A finalizer runs when the last reference goes, and who knows when that is; a file, a lock or a transaction should be closed where
// its use ends. These macros use the compiler's cleanup attribute (GCC manual, "Common Variable Attributes"; gcc and clang, C
// and C++). Cleanups run in the opposite order of the declarations, when the value that a `return` gives is known already. longjmp and
// the end of the thread pass them by. None of them changes the thread's error unless it fails.
//
//     static void release(struct resource **resource) { if (*resource) resource_close(*resource); }
//
//     TALLY_AUTO(release) struct resource *resource = resource_open("name"); // Python: with Resource("name") as resource:
//
// The macros that declare something stand where a declaration may, at most one of a kind in a line. A variable with a cleanup is
// to be initialized where it is declared (NULL will do), and no goto or switch may jump past that: gcc does not refuse it.
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

// return TALLY_KEEP(list): the value of the variable, which is NULL then: the reference goes to the caller, or wherever the value goes.
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

// TALLY_AUTO_CRITICAL_AS(section, object); a critical section over the object until the scope ends (tally_critical_begin). `section`
// is NULL when it could not begin: the thread's error is set, the scope is no section, and its end does nothing.
#define TALLY_AUTO_CRITICAL_AS(section, object)                                                                          \
	tally_critical TALLY_CLEANUP_NAME(tally_critical_, __LINE__);                                                    \
	TALLY_AUTO(tally_cleanup_critical_end)                                                                           \
	__attribute__((unused)) tally_critical *const section =                                                          \
		tally_cleanup_critical_begin(&TALLY_CLEANUP_NAME(tally_critical_, __LINE__), (object))
// TALLY_AUTO_CRITICAL(object); the same for who knows that it begins: the thread is attached, the object is not NULL.
#define TALLY_AUTO_CRITICAL(object) TALLY_AUTO_CRITICAL_AS(TALLY_CLEANUP_NAME(tally_section_, __LINE__), object)
static inline tally_critical *tally_cleanup_critical_begin(tally_critical *section, tally_object *object)
{
	return tally_critical_begin(section, object) == 0 ? section : NULL;
}
static inline void tally_cleanup_critical_end(tally_critical *const *section)
{
	if (*section) tally_critical_end(*section);
}

// TALLY_AUTO_ATTACHED_AS(token); the thread is attached until the scope ends (tally_thread_attach). `token` is NULL when it could
// not be: the thread's error is set, and the end of the scope does nothing.
#define TALLY_AUTO_ATTACHED_AS(token)                                                                                    \
	tally_token TALLY_CLEANUP_NAME(tally_token_, __LINE__);                                                          \
	TALLY_AUTO(tally_cleanup_detach)                                                                                 \
	__attribute__((unused)) tally_token *const token = tally_cleanup_attach(&TALLY_CLEANUP_NAME(tally_token_, __LINE__))
static inline tally_token *tally_cleanup_attach(tally_token *token)
{
	return tally_thread_attach(token) == 0 ? token : NULL;
}
static inline void tally_cleanup_detach(tally_token *const *token)
{
	if (*token) tally_thread_detach(**token);
}

// TALLY_AUTO_BLOCKING; a blocking region until the scope ends (tally_blocking_begin), if the thread is attached; else nothing.
#define TALLY_AUTO_BLOCKING                                                                                              \
	TALLY_AUTO(tally_cleanup_blocking_end)                                                                           \
	__attribute__((unused)) const bool TALLY_CLEANUP_NAME(tally_blocking_, __LINE__) = tally_cleanup_blocking_begin()
static inline bool tally_cleanup_blocking_begin(void) { return tally_thread_is_attached() && tally_blocking_begin() == 0; }
static inline void tally_cleanup_blocking_end(const bool *has_begun)
{
	if (*has_begun) tally_blocking_end();
}

#endif
