// tests/weakrefs.h: what the tests of weak references share: callbacks that keep a record, and questions to a weak reference.
//
// Automatic collection is off unless a test switches it on. After a test everything is collected, and nothing may be left.
#ifndef TALLY_TESTS_WEAKREFS_H
#define TALLY_TESTS_WEAKREFS_H

#include "classes.h"

// ---- callbacks ----

enum { CALLS_KEPT = 16 };
struct calls {
	atomic_uint count;
	const tally_object *with[CALLS_KEPT]; // the first of the weak references with which it was called; addresses only
};

static inline tally_object *callable(tally_function_call call, void *context, tally_object *captured)
{
	tally_function_spec spec = {
		.size = sizeof spec,
		.name = "callback",
		.call = call,
		.context = context,
		.most = SIZE_MAX,
		.captured = &captured,
		.captures = captured != NULL,
	};
	return must(tally_function_new(&spec));
}

static inline tally_object *weakref(tally_object *object, tally_object *callback)
{
	return must(tally_weakref_new(object, callback));
}

// Whether the upgrade gives that object; NULL: whether it says that the object is dead.
static inline bool leads_to(tally_object *ref, const tally_object *object)
{
	tally_object *found = NULL;
	int status = tally_weakref_get(ref, &found);
	bool right = found == object && status == (object != NULL);
	tally_decref(found);
	return right;
}

#define CHECK_DEAD(ref) CHECK(leads_to((ref), NULL))

static inline bool has_callback(tally_object *ref, const tally_object *callback)
{
	tally_object *found = NULL;
	int status = tally_weakref_callback(ref, &found);
	bool right = found == callback && status == (callback != NULL);
	tally_decref(found);
	return right;
}

// What holds whenever a callback is called.
static inline void check_call(tally_object *const *arguments, size_t count)
{
	if (!CHECK_EQ(count, 1) || !CHECK(tally_is_weakref(arguments[0]))) return;
	CHECK_DEAD(arguments[0]);
	CHECK(has_callback(arguments[0], NULL));
	CHECK_NO_ERROR();
}

static inline tally_object *record_call(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	struct calls *calls = context;
	unsigned place = atomic_fetch_add(&calls->count, 1);
	(void)captured;
	check_call(arguments, count);
	if (place < CALLS_KEPT) calls->with[place] = arguments[0];
	return tally_none();
}

// A callback that writes down what it was called with.
static inline tally_object *recorder(struct calls *calls)
{
	memset(calls, 0, sizeof *calls);
	return callable(record_call, calls, NULL);
}

static inline unsigned count_of(struct calls *calls) { return atomic_load(&calls->count); }

// ---- what the host is told of failures ----

static struct {
	unsigned count;
	enum tally_error_code code;
	char message[256], operation[64];
	const tally_object *source;
} reports;

static inline void note_report(enum tally_error_code code, const char *message, const char *operation, tally_object *source, void *context)
{
	CHECK_PTR(context, &reports);
	CHECK_NO_ERROR();
	reports.count++;
	reports.code = code;
	snprintf(reports.message, sizeof reports.message, "%s", message);
	snprintf(reports.operation, sizeof reports.operation, "%s", operation);
	reports.source = source;
}

static inline void listen_to_failures(void)
{
	memset(&reports, 0, sizeof reports);
	tally_unraisable_set(note_report, &reports);
}

static inline tally_object *fail_always(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	struct calls *calls = context;
	(void)captured;
	check_call(arguments, count);
	if (calls) atomic_fetch_add(&calls->count, 1);
	tally_error_set(TALLY_ERROR_VALUE, "the callback fails");
	return NULL;
}

// ---- objects ----

// How many weak references there are to the object.
static inline size_t weakrefs_of(tally_object *object)
{
	size_t count = SIZE_MAX;
	CHECK_EQ(tally_weakref_count(object, &count), 0);
	return count;
}

// A function does nothing, needs nobody else, and can be referred to weakly.
static inline tally_object *thing(void) { return packer(); }

static inline size_t length_of(tally_object *object)
{
	size_t length = SIZE_MAX;
	CHECK_EQ(tally_len(object, &length), 0);
	return length;
}

#define DROP(...)                                                                                                      \
	do {                                                                                                           \
		tally_object *dropped_[] = {__VA_ARGS__};                                                              \
		for (size_t i_ = 0; i_ < sizeof dropped_ / sizeof dropped_[0]; i_++) tally_decref(dropped_[i_]);       \
	} while (0)

// ---- faults ----

static inline bool faults_are_offered(void)
{
	bool offered = tally_heap_fail(0, false) == 0;
	if (!offered) tally_error_clear();
	return offered;
}

// No more memory for this thread; false: this build cannot.
static inline bool take_all_memory(void)
{
	bool offered = tally_heap_fail(1, true) == 0;
	if (!offered) tally_error_clear();
	return offered;
}

static inline void give_memory_back(void)
{
	if (tally_heap_fail(0, false)) tally_error_clear();
}

#endif
