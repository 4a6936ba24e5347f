// core/iter.c: iterators: a container and a position in it, or a callable and the answer that ends it.
//
// The iterator's own lock guards `source` and `position`, and nothing else is done under it. To go on, a thread takes a
// reference to the source and the position, drops the lock, and reads the source. In a tuple, list or bytes object a
// position is taken for good, so each is one thread's; where the next position is known only after reading, the thread
// moves on if nobody else has meanwhile, and else throws away what it read and starts again. At the end the source is
// given up.
//
//   position   forwards: where the next element is, or is looked for; backwards: the place behind it. Of a str in bytes,
//              of a dict and a set in entries. Threads that find nothing move it past the end, or below 0.
//
// I1  A position yields an element once: to whoever took it, or moved on from it.
// I2  `source` is NULL from the end on; until then the iterator has a reference to it, and to `end`, if that is not NULL.
// Any attached thread; an iterator's lock is never held together with its source's.
#include "iter.h"
#include "bytes.h"
#include "dict.h"
#include "error.h"
#include "hash.h"
#include "list.h"
#include "number.h"
#include "object.h"
#include "str.h"
#include "tuple.h"
#include "utf8.h"
#include "weak_keyed.h"

#include <tally/callable.h>
#include <tally/iter.h>

enum { SLOTS = 2 };

struct tally_iter {
	struct tally_object header;
	struct tally_object *source;
	struct tally_object *end; // of a callable: what it gives last; else NULL
	size_t position;
	const struct way *way; // never changes
};
static_assert(offsetof(struct tally_iter, source) == 16, "TALLY_LAYOUT_SLOTS");
static_assert(offsetof(struct tally_iter, end) == 24, "TALLY_LAYOUT_SLOTS");

// How to go through a source of one type in one direction.
struct way {
	// A new reference to the next element, which may be in another form than in the source, and *position behind it. 1; 0 there
	// is none; -1. Of a sequence *position is the element's own.
	int (*read)(struct tally_object *source, size_t *position, struct tally_object **item, const char *operation);
	size_t (*left)(struct tally_object *source, size_t position);
	int step; // of a sequence: what a taking adds to the position; else 0
};

// ---- tuples, lists, bytes ----

static size_t size_of(struct tally_object *source)
{
	size_t size;
	tally_type(source)->length(source, &size); // cannot fail
	return size;
}

static int read_tuple(struct tally_object *source, size_t *position, struct tally_object **item, const char *operation)
{
	struct tally_tuple *tuple = (struct tally_tuple *)source;
	(void)operation;
	if (*position >= tuple->size) return 0;
	*item = tuple->items[*position];
	variant_incref(*item);
	return 1;
}

static int read_list(struct tally_object *source, size_t *position, struct tally_object **item, const char *operation)
{
	(void)operation;
	*item = tally_list_at((struct tally_list *)source, *position);
	return *item != NULL;
}

// The ints that a byte can be are there already.
static int read_byte(struct tally_object *source, size_t *position, struct tally_object **item, const char *operation)
{
	const struct tally_bytes *bytes = (struct tally_bytes *)source;
	(void)operation;
	if (*position >= bytes->size) return 0;
	*item = &tally_int_small((unsigned char)bytes->bytes[*position])->header;
	return 1;
}

static int read_tuple_back(struct tally_object *source, size_t *position, struct tally_object **item, const char *operation)
{
	--*position; // from 0 to a place that there is not
	return read_tuple(source, position, item, operation);
}

static int read_list_back(struct tally_object *source, size_t *position, struct tally_object **item, const char *operation)
{
	--*position;
	return read_list(source, position, item, operation);
}

static int read_byte_back(struct tally_object *source, size_t *position, struct tally_object **item, const char *operation)
{
	--*position;
	return read_byte(source, position, item, operation);
}

static size_t left_of_items(struct tally_object *source, size_t position)
{
	size_t size = size_of(source);
	return position < size ? size - position : 0;
}

// As Python has it: nothing, once the list has become too short.
static size_t left_of_items_back(struct tally_object *source, size_t position)
{
	return position <= size_of(source) ? position : 0;
}

// ---- strings ----

static bool continues(char byte) { return ((unsigned char)byte & 0xC0) == 0x80; }

static int read_between(struct tally_str *str, size_t start, size_t stop, struct tally_object **item, const char *operation)
{
	*item = tally_str_copy_as(operation, str->bytes + start, stop - start, stop - start == 1);
	return *item ? 1 : -1;
}

static int read_str(struct tally_object *source, size_t *position, struct tally_object **item, const char *operation)
{
	struct tally_str *str = (struct tally_str *)source;
	size_t start = *position;
	if (start == str->size) return 0;
	while (continues(str->bytes[++*position])) {} // ends at the NUL behind the text
	return read_between(str, start, *position, item, operation);
}

static int read_str_back(struct tally_object *source, size_t *position, struct tally_object **item, const char *operation)
{
	struct tally_str *str = (struct tally_str *)source;
	size_t stop = *position;
	if (stop == 0) return 0;
	while (continues(str->bytes[--*position])) {}
	return read_between(str, *position, stop, item, operation);
}

static size_t left_of_str(struct tally_object *source, size_t position)
{
	struct tally_str *str = (struct tally_str *)source;
	return tally_utf8_count(str->bytes + position, str->size - position);
}

static size_t left_of_str_back(struct tally_object *source, size_t position)
{
	return tally_utf8_count(((struct tally_str *)source)->bytes, position);
}

// ---- dicts and sets: the keys of their entries, tombstones left out ----

static size_t entries_of(struct tally_object *source)
{
	enum tally_hold hold = variant_lock_take(source);
	const struct tally_table *table = ((struct tally_dict *)source)->table;
	size_t count = table ? table->count : 0;
	variant_lock_drop(source, hold);
	return count;
}

static int read_key(struct tally_object *source, size_t *position, struct tally_object **item, const char *operation)
{
	(void)operation;
	*item = NULL;
	enum tally_hold hold = variant_lock_take(source);
	const struct tally_table *table = ((struct tally_dict *)source)->table;
	while (table && *position < table->count && !*item) *item = tally_table_entries(table)[(*position)++].key;
	if (*item) variant_incref(*item);
	variant_lock_drop(source, hold);
	return *item != NULL;
}

// What is alive of a weak container (core/weak_keyed.h).
static int read_weak(struct tally_object *source, size_t *position, struct tally_object **item, const char *operation)
{
	(void)operation;
	*item = tally_weak_keyed_next((struct tally_weak_keyed *)source, position);
	return *item != NULL;
}

static int read_key_back(struct tally_object *source, size_t *position, struct tally_object **item, const char *operation)
{
	(void)operation;
	*item = NULL;
	enum tally_hold hold = variant_lock_take(source);
	const struct tally_table *table = ((struct tally_dict *)source)->table;
	if (table && *position > table->count) *position = table->count;
	while (table && *position > 0 && !*item) *item = tally_table_entries(table)[--*position].key;
	if (*item) variant_incref(*item);
	variant_lock_drop(source, hold);
	return *item != NULL;
}

static size_t count_living(const struct tally_table *table, size_t from, size_t to)
{
	size_t count = 0;
	if (!table) return 0;
	if (to > table->count) to = table->count;
	for (; from < to; from++) count += tally_table_entries(table)[from].key != NULL;
	return count;
}

static size_t left_of_keys(struct tally_object *source, size_t position)
{
	enum tally_hold hold = variant_lock_take(source);
	size_t count = count_living(((struct tally_dict *)source)->table, position, SIZE_MAX);
	variant_lock_drop(source, hold);
	return count;
}

static size_t left_of_keys_back(struct tally_object *source, size_t position)
{
	enum tally_hold hold = variant_lock_take(source);
	size_t count = count_living(((struct tally_dict *)source)->table, 0, position);
	variant_lock_drop(source, hold);
	return count;
}

// ---- making ----

static const struct way over_tuple = {read_tuple, left_of_items, 1}, over_list = {read_list, left_of_items, 1},
                        over_bytes = {read_byte, left_of_items, 1}, over_str = {read_str, left_of_str, 0}, over_keys = {read_key, left_of_keys, 0},
                        over_weak = {read_weak, left_of_keys, 0}, calling = {NULL, NULL, 0};
static const struct way back_over_tuple = {read_tuple_back, left_of_items_back, -1},
                        back_over_list = {read_list_back, left_of_items_back, -1},
                        back_over_bytes = {read_byte_back, left_of_items_back, -1},
                        back_over_str = {read_str_back, left_of_str_back, 0},
                        back_over_keys = {read_key_back, left_of_keys_back, 0};

static struct tally_object *make(struct tally_object *source, struct tally_object *end, size_t position,
                                 const struct way *way, const char *operation)
{
	struct tally_iter *made =
	        (struct tally_iter *)tally_object_new(TALLY_TYPE_ITERATOR, sizeof *made, TALLY_LAYOUT_SLOTS);
	if (!made) return tally_error_null(tally_error_memory(operation, sizeof *made));
	made->header.aux = SLOTS;
	made->source = source;
	made->end = end;
	made->position = position;
	made->way = way;
	variant_incref(source);
	if (end) variant_incref(end);
	return &made->header;
}

struct tally_object *tally_object_iter(struct tally_object *object, const char *operation)
{
	switch (object ? object->type : TALLY_TYPE_FREE) {
	case TALLY_TYPE_ITERATOR: variant_incref(object); return object;
	case TALLY_TYPE_TUPLE: return make(object, NULL, 0, &over_tuple, operation);
	case TALLY_TYPE_LIST: return make(object, NULL, 0, &over_list, operation);
	case TALLY_TYPE_BYTES: return make(object, NULL, 0, &over_bytes, operation);
	case TALLY_TYPE_STR: return make(object, NULL, 0, &over_str, operation);
	case TALLY_TYPE_DICT:
	case TALLY_TYPE_SET:
	case TALLY_TYPE_FROZENSET: return make(object, NULL, 0, &over_keys, operation);
	case TALLY_TYPE_WEAK_VALUE_DICT:
	case TALLY_TYPE_WEAK_KEY_DICT:
	case TALLY_TYPE_WEAK_SET: return make(object, NULL, 0, &over_weak, operation);
	default:
		return tally_error_null(
		        tally_error_type(operation, "a str, bytes, tuple, list, dict, set or iterator", object));
	}
}

tally_object *tally_iter(tally_object *object)
{
	if (!tally_enter_new("iter")) return NULL;
	return tally_object_iter(object, "iter");
}

tally_object *tally_iter_reversed(tally_object *object)
{
	static const char operation[] = "iter_reversed";
	if (!tally_enter_new(operation)) return NULL;
	switch (object ? object->type : TALLY_TYPE_FREE) {
	case TALLY_TYPE_TUPLE: return make(object, NULL, size_of(object), &back_over_tuple, operation);
	case TALLY_TYPE_LIST: return make(object, NULL, size_of(object), &back_over_list, operation);
	case TALLY_TYPE_BYTES: return make(object, NULL, size_of(object), &back_over_bytes, operation);
	case TALLY_TYPE_STR: return make(object, NULL, ((struct tally_str *)object)->size, &back_over_str, operation);
	case TALLY_TYPE_DICT: return make(object, NULL, entries_of(object), &back_over_keys, operation);
	default: return tally_error_null(tally_error_type(operation, "a str, bytes, tuple, list or dict", object));
	}
}

tally_object *tally_iter_call(tally_object *callable, tally_object *end)
{
	if (!tally_enter_new("iter_call")) return NULL;
	if (!callable || !tally_type(callable)->call)
		return tally_error_null(tally_error_type("iter_call", "a callable object", callable));
	if (!end) return tally_error_null(tally_error_type("iter_call", "an object that ends it", end));
	return make(callable, end, 0, &calling, "iter_call");
}

bool tally_is_iterator(const tally_object *object) { return object && object->type == TALLY_TYPE_ITERATOR; }

// ---- going on ----

// What one step needs, taken under the lock at once.
struct look {
	struct tally_object *source, *end; // new references, NULL at the end
	size_t position;
};

static struct look look(struct tally_iter *iter)
{
	enum tally_hold hold = variant_lock_take(&iter->header);
	struct look seen = {iter->source, iter->end, iter->position};
	iter->position += (size_t)iter->way->step;
	if (seen.source) variant_incref(seen.source);
	if (seen.end) variant_incref(seen.end);
	variant_lock_drop(&iter->header, hold);
	return seen;
}

static void drop_look(const struct look *seen)
{
	if (seen->end) variant_decref(seen->end);
	if (seen->source) variant_decref(seen->source);
}

// The iterator is at its end from now on.
static void finish(struct tally_object *object)
{
	struct tally_iter *iter = (struct tally_iter *)object;
	enum tally_hold hold = variant_lock_take(object);
	struct look last = {iter->source, iter->end, 0};
	iter->source = iter->end = NULL;
	variant_lock_drop(object, hold);
	drop_look(&last);
}

// Goes from one position to the next. False: somebody else has, or has come to the end.
static bool move_on(struct tally_iter *iter, size_t from, size_t to)
{
	enum tally_hold hold = variant_lock_take(&iter->header);
	bool is_there = iter->source && iter->position == from;
	if (is_there) iter->position = to;
	variant_lock_drop(&iter->header, hold);
	return is_there;
}

// 1, 0, -1 as tally_next; 2: another thread was faster.
static int step(struct tally_iter *iter, struct tally_object **item, const char *operation)
{
	struct look seen = look(iter);
	size_t position = seen.position;
	if (!seen.source) return 0;
	int status = iter->way->read(seen.source, &position, item, operation);
	if (status == 0) finish(&iter->header);
	if (status == 1 && !iter->way->step && !move_on(iter, seen.position, position)) {
		variant_decref(*item);
		status = 2;
	}
	drop_look(&seen);
	return status;
}

static int give_unless_last(struct tally_iter *iter, const struct look *seen, struct tally_object *given,
                            struct tally_object **item, const char *operation)
{
	if (!given) return -1;
	int same = tally_object_equal(seen->end, given, operation);
	if (same == 0) {
		*item = given;
		return 1;
	}
	variant_decref(given);
	if (same < 0) return -1;
	finish(&iter->header);
	return 0;
}

static int call(struct tally_iter *iter, struct tally_object **item, const char *operation)
{
	struct look seen = look(iter);
	if (!seen.source) return 0;
	int status = give_unless_last(iter, &seen, tally_object_call(seen.source, NULL, 0), item, operation);
	drop_look(&seen);
	return status;
}

int tally_object_next(struct tally_object *iterator, struct tally_object **item, const char *operation)
{
	struct tally_iter *iter = (struct tally_iter *)iterator;
	int status = 2;
	*item = NULL;
	if (iter->way == &calling) return call(iter, item, operation);
	while (status == 2) status = step(iter, item, operation);
	if (status != 1) *item = NULL;
	return status;
}

static bool is_iterator(const char *operation, tally_object *object)
{
	if (tally_likely(tally_is_iterator(object))) return true;
	tally_error_type(operation, "an iterator", object);
	return false;
}

int tally_next(tally_object *iterator, tally_object **item)
{
	*item = NULL;
	if (!tally_enter_new("next") || !is_iterator("next", iterator)) return -1;
	return tally_object_next(iterator, item, "next");
}

int tally_length_hint(tally_object *object, size_t *hint)
{
	struct tally_iter *iter = (struct tally_iter *)object;
	if (!tally_enter("length_hint") || !is_iterator("length_hint", object)) return -1;
	enum tally_hold hold = variant_lock_take(object);
	struct tally_object *source = iter->source;
	size_t position = iter->position;
	if (source) variant_incref(source);
	variant_lock_drop(object, hold);
	*hint = source && iter->way->left ? iter->way->left(source, position) : 0;
	if (source) variant_decref(source);
	return 0;
}

int tally_object_each(struct tally_object *items, int (*visit)(struct tally_object *item, void *context), void *context,
                      const char *operation)
{
	struct tally_object *iterator = tally_object_iter(items, operation), *item;
	if (!iterator) return -1;
	int status = 0, came;
	while (status == 0 && (came = tally_object_next(iterator, &item, operation)) != 0) {
		status = came < 0 ? came : visit(item, context);
		if (item) variant_decref(item);
	}
	variant_decref(iterator);
	return status;
}

// ---- the type ----

static void destroy(struct tally_object *object)
{
	struct tally_iter *iter = (struct tally_iter *)object;
	struct look last = {iter->source, iter->end, 0};
	drop_look(&last);
}

const struct tally_type tally_iterator_type = {
	.name = "iterator",
	.index = TALLY_TYPE_ITERATOR,
	.layout = TALLY_LAYOUT_SLOTS,
	.size = sizeof(struct tally_iter),
	.destroy = destroy,
	.hash = tally_hash_identity,
	.clear = finish,
};
