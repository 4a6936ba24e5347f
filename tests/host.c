// tests/host.c: types of the host: their payloads, their destructors, what a description must be.
#include "fixture.h"

#include <errno.h>
#include <tally/gc.h>

static tally_object *type_of_size(size_t payload_size)
{
	tally_host_type description = {.size = sizeof description, .name = "gadget", .payload_size = payload_size};
	return must(tally_host_type_new(&description));
}

static void a_new_type_is_immortal_and_named(void)
{
	char name[8] = "gadget";
	tally_host_type description = {.size = sizeof description, .name = name, .payload_size = 8};
	tally_object *type = must(tally_host_type_new(&description));
	memset(name, 'x', sizeof name - 1); // the name was copied
	tally_object *object = must(tally_host_new(type));
	CHECK_STR(tally_type_name(type), "type");
	CHECK_STR(tally_type_name(object), "gadget");
	CHECK_PTR(tally_type_of(object), type);
	CHECK_EQ(tally_refcount(type), UINT32_MAX);
	CHECK_EQ(tally_refcount(object), 1);
	tally_decref(object);
}

// Recycled blocks hold old data: each payload is filled before its object dies.
static void a_payload_is_zeroed_and_aligned_at_sixteen(void)
{
	for (size_t size = 0; size < 20000; size += 1 + size / 8) {
		tally_object *type = type_of_size(size), *objects[4];
		for (int round = 0; round < 12; round++) {
			tally_object **object = &objects[round % 4];
			if (round >= 4) tally_decref(*object);
			*object = must(tally_host_new(type));
			unsigned char *payload = tally_host_payload(*object, type);
			size_t zeros = 0;
			if (!CHECK(payload)) return;
			CHECK_EQ((uintptr_t)payload % 16, 0);
			while (zeros < size && payload[zeros] == 0) zeros++;
			CHECK_EQ(zeros, size);
			memset(payload, 0xAA, size);
		}
		for (int i = 0; i < 4; i++) tally_decref(objects[i]);
	}
}

static tally_object *type_aligned_at(size_t alignment, size_t payload_size)
{
	tally_host_type description = {
		.size = sizeof description,
		.name = "aligned",
		.payload_size = payload_size,
		.alignment = alignment,
	};
	return must(tally_host_type_new(&description));
}

// Several at once, so that each place in a page comes up; all written full, so that those which overlap would show.
static void check_alignment(size_t alignment, size_t size)
{
	tally_object *type = type_aligned_at(alignment, size), *objects[20];
	unsigned char *payload[20];
	for (int i = 0; i < 20; i++) {
		objects[i] = must(tally_host_new(type));
		payload[i] = tally_host_payload(objects[i], type);
		CHECK_EQ((uintptr_t)payload[i] % (alignment < 16 ? 16 : alignment), 0);
		for (size_t j = 0; j < size; j += 1 + size / 100) CHECK_EQ(payload[i][j], 0);
		memset(payload[i], i + 1, size);
	}
	for (int i = 0; i < 20; i++) {
		if (size) CHECK_EQ(payload[i][0], i + 1);
		if (size) CHECK_EQ(payload[i][size - 1], i + 1);
		CHECK_EQ(tally_refcount(objects[i]), 1);
		tally_decref(objects[i]);
	}
}

static void a_payload_is_aligned_as_its_type_wants_it(void)
{
	for (size_t alignment = 1; alignment <= 4096; alignment *= 2)
		for (size_t size = 0; size < 70000; size = size * 3 + 1) check_alignment(alignment, size);
	check_alignment(4096, 65536 - 4096);
	check_alignment(256, 8192 - 256);
}

static void each_object_has_a_payload_of_its_own(void)
{
	tally_object *type = type_of_size(sizeof(int)), *objects[100];
	for (int i = 0; i < 100; i++) {
		objects[i] = must(tally_host_new(type));
		*(int *)tally_host_payload(objects[i], type) = i;
	}
	for (int i = 0; i < 100; i++) {
		CHECK_EQ(*(int *)tally_host_payload(objects[i], type), i);
		tally_decref(objects[i]);
	}
}

// ---- destructors ----

static int seen_calls, seen_payload;
static void *seen_context;

static void see(void *payload, void *context)
{
	seen_calls++;
	seen_payload = *(int *)payload;
	seen_context = context;
}

static tally_object *seen_type(void (*dealloc)(void *, void *))
{
	tally_host_type description = {
		.size = sizeof description,
		.name = "gadget",
		.payload_size = sizeof(int),
		.dealloc = dealloc,
		.context = &seen_calls,
	};
	seen_calls = 0;
	return must(tally_host_type_new(&description));
}

static void dealloc_runs_once_with_the_payload_and_the_context(void)
{
	tally_object *type = seen_type(see), *object = must(tally_host_new(type));
	*(int *)tally_host_payload(object, type) = 77;
	tally_incref(object);
	tally_decref(object);
	CHECK_EQ(seen_calls, 0);
	tally_decref(object);
	CHECK_EQ(seen_calls, 1);
	CHECK_EQ(seen_payload, 77);
	CHECK_PTR(seen_context, &seen_calls);
}

static void fail_in_every_way(void *payload, void *context)
{
	(void)payload;
	(void)context;
	seen_calls++;
	errno = EIO;
	CHECK(!tally_str_from(NULL));
	tally_error_set(TALLY_ERROR_KEY, "an error of the destructor");
}

static void a_destructor_does_not_disturb_the_error_of_the_thread(void)
{
	tally_object *type = seen_type(fail_in_every_way), *object = must(tally_host_new(type));
	tally_error_set(TALLY_ERROR_INDEX, "the caller's own %s", "error");
	errno = EAGAIN;
	tally_decref(object);
	CHECK_EQ(errno, EAGAIN);
	CHECK_EQ(seen_calls, 1);
	CHECK_ERROR(TALLY_ERROR_INDEX, "the caller's own error");
	tally_decref(must(tally_host_new(type)));
	CHECK_EQ(seen_calls, 2);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_NONE);
	CHECK_STR(tally_error_message(), "");
}

static void use_objects(void *payload, void *context)
{
	tally_object *list = must(tally_list_new()), *number = counted(*(int *)payload);
	(void)context;
	seen_calls++;
	CHECK_EQ(tally_list_append(list, number), 0);
	CHECK_EQ(take_counted(tally_list_pop(list, 0)), 5);
	tally_decref(number);
	tally_decref(list);
	CHECK_EQ(tally_safepoint(), 0);
}

static void a_destructor_may_make_and_drop_objects(void)
{
	tally_object *type = seen_type(use_objects), *object = must(tally_host_new(type));
	*(int *)tally_host_payload(object, type) = 5;
	tally_decref(object);
	CHECK_EQ(seen_calls, 1);
}

struct node {
	tally_object *next;
};

static void drop_next(void *payload, void *context)
{
	(void)context;
	seen_calls++;
	tally_decref(((struct node *)payload)->next);
}

static tally_object *node_type(void)
{
	tally_host_type description = {
		.size = sizeof description,
		.name = "node",
		.payload_size = sizeof(struct node),
		.dealloc = drop_next,
	};
	seen_calls = 0;
	return must(tally_host_type_new(&description));
}

static void *drop_on_a_small_stack(void *object)
{
	tally_token token;
	if (tally_thread_attach(&token)) tap_bail_out(tally_error_message());
	tally_decref(object);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void a_chain_of_a_million_dies_on_a_stack_of_64_kib(void)
{
	const int length = tap_scale(1000000);
	tally_object *type = node_type(), *first = NULL;
	for (int i = 0; i < length; i++) {
		tally_object *object = must(tally_host_new(type));
		((struct node *)tally_host_payload(object, type))->next = first;
		first = object;
	}
	pthread_attr_t attributes;
	pthread_t thread;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 64 * 1024);
	CHECK_EQ(tally_blocking_begin(), 0);
	if (pthread_create(&thread, &attributes, drop_on_a_small_stack, first)) tap_bail_out("no thread");
	pthread_join(thread, NULL);
	CHECK_EQ(tally_blocking_end(), 0);
	pthread_attr_destroy(&attributes);
	tally_safepoint();
	CHECK_EQ(seen_calls, length);
}

// ---- flags ----

static void visit_next(void *payload, tally_visit_fn visit, void *visit_context, void *context)
{
	(void)context;
	visit(((struct node *)payload)->next, visit_context);
}

static tally_object *flagged_type(unsigned flags, size_t alignment)
{
	tally_host_type description = {
		.size = sizeof description,
		.name = "flagged",
		.payload_size = sizeof(struct node),
		.dealloc = drop_next,
		.traverse = visit_next,
		.flags = flags,
		.alignment = alignment,
	};
	seen_calls = 0;
	return must(tally_host_type_new(&description));
}

static void an_untracked_type_is_left_out_by_the_collector(void)
{
	tally_object *type = flagged_type(TALLY_HOST_UNTRACKED, 0), *object = must(tally_host_new(type));
	((struct node *)tally_host_payload(object, type))->next = tally_incref(object);
	CHECK(!tally_gc_is_tracked(object));
	CHECK_EQ(tally_gc_collect(2), 0);
	((struct node *)tally_host_payload(object, type))->next = NULL;
	tally_decref(object);
	tally_decref(object);
	CHECK_EQ(seen_calls, 1);
}

// The collector finds the payload where it is.
static void an_aligned_type_is_traversed(void)
{
	for (size_t alignment = 8; alignment <= 4096; alignment *= 8) {
		tally_object *type = flagged_type(TALLY_HOST_WEAKREF, alignment), *list = must(tally_list_new());
		tally_object *object = must(tally_host_new(type));
		CHECK(tally_gc_is_tracked(object));
		((struct node *)tally_host_payload(object, type))->next = tally_incref(list);
		CHECK_EQ(tally_list_append(list, object), 0);
		tally_decref(object);
		CHECK_EQ(tally_gc_collect(2), 0);
		tally_decref(list);
		CHECK_EQ(tally_gc_collect(2), 2);
		CHECK_EQ(seen_calls, 1);
	}
}

static void a_type_without_dealloc_just_frees(void)
{
	tally_object *object = must(tally_host_new(type_of_size(100)));
	tally_decref(object);
	CHECK_EQ(fixture_live_objects(), 0);
}

static void a_host_object_is_a_key_by_identity(void)
{
	tally_object *type = type_of_size(4), *a = must(tally_host_new(type)), *b = must(tally_host_new(type));
	tally_object *dict = must(tally_dict_new()), *found = NULL;
	CHECK_EQ(tally_dict_set(dict, a, tally_bool(true)), 0);
	CHECK_EQ(tally_dict_get(dict, a, &found), 1);
	CHECK_PTR(found, tally_bool(true));
	CHECK_EQ(tally_dict_contains(dict, b), 0);
	tally_decref(dict);
	tally_decref(a);
	tally_decref(b);
}

// ---- errors ----

static void a_payload_is_given_for_the_exact_type_only(void)
{
	tally_object *type = type_of_size(4), *other = type_of_size(4), *object = must(tally_host_new(other));
	tally_object *number = counted(1);
	CHECK(!tally_host_payload(object, type));
	CHECK_ERROR(TALLY_ERROR_TYPE, "host_payload: expected gadget, got a 'gadget'");
	CHECK(!tally_host_payload(number, type));
	CHECK_ERROR(TALLY_ERROR_TYPE, "host_payload: expected gadget, got a 'int'");
	CHECK(!tally_host_payload(NULL, type));
	CHECK_ERROR(TALLY_ERROR_TYPE, "host_payload: expected gadget, got NULL");
	CHECK(!tally_host_payload(object, number));
	CHECK_ERROR(TALLY_ERROR_TYPE, "host_payload: expected a host type, got a 'int'");
	CHECK(!tally_host_payload(number, tally_type_of(number)));
	CHECK_ERROR(TALLY_ERROR_TYPE, "host_payload: expected a host type, got a 'type'");
	tally_decref(object);
	tally_decref(number);
}

static void only_a_host_type_can_be_instantiated(void)
{
	CHECK(!tally_host_new(NULL));
	CHECK_ERROR(TALLY_ERROR_TYPE, "host_new: expected a host type, got NULL");
	CHECK(!tally_host_new(tally_none()));
	CHECK_ERROR(TALLY_ERROR_TYPE, "host_new: expected a host type, got a 'none'");
	CHECK(!tally_host_new(tally_type_of(tally_none())));
	CHECK_ERROR(TALLY_ERROR_TYPE, "host_new: expected a host type, got a 'type'");
}

static void a_malformed_description_is_refused(void)
{
	const tally_host_type good = {.size = sizeof good, .name = "x"};
	tally_host_type bad = good;
	CHECK(!tally_host_type_new(NULL));
	CHECK_ERROR(TALLY_ERROR_VALUE, "host_type_new: malformed description: it is NULL");
	const size_t sizes[] = {0, sizeof(size_t) - 1, sizeof bad + 1, SIZE_MAX};
	for (int i = 0; i < 4; i++) {
		bad.size = sizes[i];
		CHECK(!tally_host_type_new(&bad));
		CHECK_ERROR(TALLY_ERROR_VALUE,
		            "host_type_new: malformed description: its size is not sizeof(tally_host_type)");
	}
	bad = good;
	bad.name = NULL;
	CHECK(!tally_host_type_new(&bad));
	CHECK_ERROR(TALLY_ERROR_VALUE, "host_type_new: malformed description: it has no name");
	bad.name = "";
	CHECK(!tally_host_type_new(&bad));
	CHECK_ERROR(TALLY_ERROR_VALUE, "host_type_new: malformed description: it has no name");
	bad.name = "0123456789012345678901234567890123456789012345678901234567890123";
	CHECK(!tally_host_type_new(&bad));
	CHECK_ERROR(TALLY_ERROR_VALUE, "host_type_new: malformed description: its name is over 63 bytes");
	bad = good;
	bad.payload_size = SIZE_MAX - 4;
	CHECK(!tally_host_type_new(&bad));
	CHECK_ERROR(TALLY_ERROR_VALUE, "host_type_new: malformed description: its payload is too large");
	bad = good;
	bad.flags = 4;
	CHECK(!tally_host_type_new(&bad));
	CHECK_ERROR(TALLY_ERROR_VALUE, "host_type_new: malformed description: it has unknown flags");
	bad = good;
	for (bad.alignment = 3; bad.alignment < 5000; bad.alignment += 43) {
		if (!(bad.alignment & (bad.alignment - 1))) continue;
		CHECK(!tally_host_type_new(&bad));
		CHECK_ERROR(TALLY_ERROR_VALUE, "host_type_new: malformed description: its alignment is no power of two");
	}
	bad.alignment = 8192;
	CHECK(!tally_host_type_new(&bad));
	CHECK_ERROR(TALLY_ERROR_VALUE, "host_type_new: malformed description: its alignment is over 4096");
}

static void a_name_of_63_bytes_is_kept_whole(void)
{
	const char name[] = "012345678901234567890123456789012345678901234567890123456789012";
	tally_host_type description = {.size = sizeof description, .name = name};
	tally_object *object = must(tally_host_new(must(tally_host_type_new(&description))));
	CHECK_STR(tally_type_name(object), name);
	tally_decref(object);
}

static void a_description_may_end_after_its_last_field_that_is_not_zero(void)
{
	tally_host_type description = {.size = offsetof(tally_host_type, dealloc), .name = "x", .payload_size = 8};
	description.dealloc = see; // lies outside of what its size announces
	tally_object *object = must(tally_host_new(must(tally_host_type_new(&description))));
	seen_calls = 0;
	tally_decref(object);
	CHECK_EQ(seen_calls, 0);
}

// A host that was compiled before there were flags and an alignment.
static void an_older_and_smaller_description_still_works(void)
{
	tally_host_type description = {
		.size = offsetof(tally_host_type, flags),
		.name = "older",
		.payload_size = sizeof(struct node),
		.dealloc = drop_next,
		.traverse = visit_next,
		.flags = 99,
		.alignment = 7,
	};
	tally_object *type = must(tally_host_type_new(&description)), *object = must(tally_host_new(type));
	CHECK(tally_gc_is_tracked(object));
	CHECK_EQ((uintptr_t)tally_host_payload(object, type) - (uintptr_t)object, 16);
	tally_decref(object);
}

static void a_payload_that_no_machine_has_is_out_of_memory(void)
{
	tally_object *type = type_of_size((size_t)1 << 60);
	CHECK(!tally_host_new(type));
	CHECK_EQ(tally_error_code(), TALLY_ERROR_MEMORY);
	CHECK(strncmp(tally_error_message(), "host_new: out of memory for 1152921504606846992 bytes", 53) == 0);
	tally_error_clear();
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(a_new_type_is_immortal_and_named);
	TAP_RUN(a_payload_is_zeroed_and_aligned_at_sixteen);
	TAP_RUN(a_payload_is_aligned_as_its_type_wants_it);
	TAP_RUN(each_object_has_a_payload_of_its_own);
	TAP_RUN(dealloc_runs_once_with_the_payload_and_the_context);
	TAP_RUN(a_destructor_does_not_disturb_the_error_of_the_thread);
	TAP_RUN(a_destructor_may_make_and_drop_objects);
	TAP_RUN(a_chain_of_a_million_dies_on_a_stack_of_64_kib);
	TAP_RUN(an_untracked_type_is_left_out_by_the_collector);
	TAP_RUN(an_aligned_type_is_traversed);
	TAP_RUN(a_type_without_dealloc_just_frees);
	TAP_RUN(a_host_object_is_a_key_by_identity);
	TAP_RUN(a_payload_is_given_for_the_exact_type_only);
	TAP_RUN(only_a_host_type_can_be_instantiated);
	TAP_RUN(a_malformed_description_is_refused);
	TAP_RUN(a_name_of_63_bytes_is_kept_whole);
	TAP_RUN(a_description_may_end_after_its_last_field_that_is_not_zero);
	TAP_RUN(an_older_and_smaller_description_still_works);
	TAP_RUN(a_payload_that_no_machine_has_is_out_of_memory);
	return tap_end();
}
