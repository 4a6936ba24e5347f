// core/list_sort.c: sorting a list: a stable merge sort on an array that has been taken out of it.
//
// While it runs the list is empty to everybody, so that key functions and comparisons, which may be the host's code, can do
// with the list what they like. Each element gets an entry: itself, and what it is sorted by. When all keys are ints, floats
// or strs, which is found out beforehand, entries are compared without asking the types; ints and floats stand in the entry
// itself. What is sorted already, or strictly the other way round, is done after one pass.
//
// I1  At every moment, also when a comparison fails, `entries` hold every entry once (while two parts are merged: together
//     with `spare`).
// I2  Entries of which neither comes before the other keep their order, ascending as well as descending.
// I3  All memory is there before the list is touched, and the array that was taken out comes back with the same elements; when there
//     are readers without the lock, another one: they take an array that they see twice for one that has been there all along.
// I4  No second sort takes an array out of a list that waits for the first one's: it finds nothing to sort.
// Any attached thread; the lock is held while the array is taken out and put back, and at no other time.
#include "list.h"
#include "number.h"
#include "order.h"
#include "str.h"

#include <tally/list.h>

#include <string.h>

enum { FEW = TALLY_TUNED(12, 3) }; // so many entries are sorted by insertion

struct entry {
	union {
		int64_t integer;
		double real;
		struct tally_object *object;
	} key;
	struct tally_object *value; // the list's reference
};

struct sorting {
	struct entry *entries, *spare; // one raw buffer: `size` entries, and room for half as many
	size_t size;
	size_t keyed;                  // so many entries own a reference to their key
	bool is_descending;
	int (*is_less)(const struct entry *a, const struct entry *b); // 1, 0, -1 with the error set
	struct tally_object **items;   // the list's array
	struct tally_object **fresh;   // the one that it gets instead, or NULL
	uint32_t capacity;
};

// ---- comparing ----

static int is_less_integer(const struct entry *a, const struct entry *b) { return a->key.integer < b->key.integer; }

static int is_less_real(const struct entry *a, const struct entry *b) { return a->key.real < b->key.real; }

static int is_less_str(const struct entry *a, const struct entry *b)
{
	const struct tally_str *left = (struct tally_str *)a->key.object, *right = (struct tally_str *)b->key.object;
	return tally_order_bytes(left->bytes, left->size, right->bytes, right->size) < 0;
}

static int is_less_object(const struct entry *a, const struct entry *b)
{
	return tally_object_compare(a->key.object, b->key.object, TALLY_LT, "list_sort");
}

// The type that all keys have, or TALLY_TYPE_FREE.
static unsigned common_type(const struct sorting *sorting)
{
	unsigned type = sorting->entries[0].key.object->type;
	for (size_t i = 1; i < sorting->size; i++)
		if (sorting->entries[i].key.object->type != type) return TALLY_TYPE_FREE;
	return type;
}

// Numbers take the place of their objects, which are dropped.
static void unpack(struct sorting *sorting, bool is_real)
{
	for (size_t i = 0; i < sorting->size; i++) {
		struct entry *entry = &sorting->entries[i];
		struct tally_object *key = entry->key.object;
		if (is_real) entry->key.real = ((struct tally_float *)key)->value;
		else entry->key.integer = ((struct tally_int *)key)->value;
		if (i < sorting->keyed) variant_decref(key);
	}
	sorting->keyed = 0;
}

static void choose_comparison(struct sorting *sorting)
{
	switch (common_type(sorting)) {
	case TALLY_TYPE_INT:
		unpack(sorting, false);
		sorting->is_less = is_less_integer;
		break;
	case TALLY_TYPE_FLOAT:
		unpack(sorting, true);
		sorting->is_less = is_less_real;
		break;
	case TALLY_TYPE_STR: sorting->is_less = is_less_str; break;
	default: sorting->is_less = is_less_object;
	}
}

// Whether `a` must stand before `b`.
static inline int precedes(const struct sorting *sorting, const struct entry *a, const struct entry *b)
{
	return sorting->is_descending ? sorting->is_less(b, a) : sorting->is_less(a, b);
}

// ---- sorting; each returns 0, or -1 with the error set and every entry still there ----

static void turn_around(struct entry *entries, size_t size)
{
	for (size_t i = 0, k = size; i + 1 < k; i++) {
		struct entry entry = entries[i];
		entries[i] = entries[--k];
		entries[k] = entry;
	}
}

// How many entries from the first on are sorted; those that were so strictly the other way round have been turned around.
static int find_run(const struct sorting *sorting, struct entry *entries, size_t size, size_t *run)
{
	int is_first = 0, is_next = 0;
	for (*run = 1; *run < size; ++*run) {
		is_next = precedes(sorting, &entries[*run], &entries[*run - 1]);
		if (*run == 1) is_first = is_next;
		if (is_next < 0 || is_next != is_first) break;
	}
	if (is_next < 0) return -1;
	if (is_first) turn_around(entries, *run);
	return 0;
}

// How many of the sorted entries stay before `entry`, which comes after them in the list.
static int find_place(const struct sorting *sorting, const struct entry *entry, const struct entry *sorted, size_t size,
                      size_t *place)
{
	for (*place = 0; size > 0;) {
		size_t half = size / 2;
		int is_before = precedes(sorting, entry, &sorted[*place + half]);
		if (is_before < 0) return -1;
		if (!is_before) *place += half + 1;
		size = is_before ? half : size - half - 1;
	}
	return 0;
}

static int sort_few(const struct sorting *sorting, struct entry *entries, size_t size)
{
	size_t run, place;
	if (find_run(sorting, entries, size, &run)) return -1;
	for (; run < size; run++) {
		struct entry entry = entries[run];
		if (find_place(sorting, &entry, entries, run, &place)) return -1;
		memmove(&entries[place + 1], &entries[place], (run - place) * sizeof entry);
		entries[place] = entry;
	}
	return 0;
}

// Merges the `left` entries that `spare` holds with those at `from`, up to `end`, into these and the gap before them, which
// has room for `left`.
static int merge(const struct sorting *sorting, size_t left, struct entry *from, const struct entry *end)
{
	const struct entry *spare = sorting->spare, *spare_end = spare + left;
	struct entry *out = from - left;
	int is_before = 0;
	while (spare < spare_end && from < end) {
		is_before = precedes(sorting, from, spare);
		if (is_before < 0) break;
		*out++ = is_before ? *from++ : *spare++;
	}
	memcpy(out, spare, (size_t)(spare_end - spare) * sizeof *spare); // the gap is as large as what is left of it
	return is_before < 0 ? -1 : 0;
}

// Two sorted parts become one.
static int join(const struct sorting *sorting, struct entry *entries, size_t half, size_t size)
{
	size_t kept;
	int is_mixed = precedes(sorting, &entries[half], &entries[half - 1]);
	if (is_mixed <= 0) return is_mixed;
	if (find_place(sorting, &entries[half], entries, half, &kept)) return -1;
	memcpy(sorting->spare, &entries[kept], (half - kept) * sizeof *entries);
	return merge(sorting, half - kept, &entries[half], &entries[size]);
}

static int sort(const struct sorting *sorting, struct entry *entries, size_t size)
{
	size_t half = size / 2;
	if (size <= FEW) return sort_few(sorting, entries, size);
	if (sort(sorting, entries, half) || sort(sorting, entries + half, size - half)) return -1;
	return join(sorting, entries, half, size);
}

// ---- the list ----

static size_t bytes_for(size_t size) { return (size + size / 2) * sizeof(struct entry); }

// The memory that sorting needs. False: there is none, or nothing to sort.
static bool prepare(struct sorting *sorting, const struct tally_list *list)
{
	bool is_shared = variant_is_shared(&list->header);
	sorting->size = list->header.aux & TALLY_LIST_IS_SORTED ? 0 : list->size;
	sorting->entries = sorting->size ? tally_raw_new(bytes_for(sorting->size)) : NULL;
	if (!sorting->entries || !is_shared) return sorting->entries != NULL;
	sorting->fresh = tally_raw_new(list->capacity * (size_t)TALLY_LIST_ITEM);
	if (sorting->fresh) return true;
	tally_raw_free(sorting->entries);
	return false;
}

// Takes the array out. False: there is no memory, or nothing to sort; the list is as it was.
static bool take(struct sorting *sorting, struct tally_list *list)
{
	enum tally_hold hold = variant_lock_take(&list->header);
	bool is_ready = prepare(sorting, list);
	if (is_ready) {
		sorting->items = list->items;
		sorting->capacity = list->capacity;
		tally_list_detach(list);
		list->header.aux = TALLY_LIST_IS_SORTED;
	}
	variant_lock_drop(&list->header, hold);
	if (!is_ready) return false;
	sorting->spare = sorting->entries + sorting->size;
	for (size_t i = 0; i < sorting->size; i++) sorting->entries[i].key.object = sorting->entries[i].value = sorting->items[i];
	return true;
}

static int make_keys(struct sorting *sorting, struct tally_object *function)
{
	for (; function && sorting->keyed < sorting->size; sorting->keyed++) {
		struct entry *entry = &sorting->entries[sorting->keyed];
		struct tally_object *key = tally_object_call(function, &entry->value, 1);
		if (!key) return -1;
		entry->key.object = key;
	}
	return 0;
}

static int arrange(struct sorting *sorting)
{
	size_t run;
	choose_comparison(sorting);
	if (find_run(sorting, sorting->entries, sorting->size, &run)) return -1;
	return run == sorting->size ? 0 : sort(sorting, sorting->entries, sorting->size);
}

// The array that the list gets, with the elements.
static struct tally_object **fill(const struct sorting *sorting)
{
	struct tally_object **items = sorting->fresh ? sorting->fresh : sorting->items;
	for (size_t i = 0; i < sorting->size; i++) items[i] = sorting->entries[i].value;
	return items;
}

// Puts the array back, and gives up what has come into the list meanwhile. Returns whether there was anything.
static bool put_back(struct sorting *sorting, struct tally_list *list)
{
	struct tally_object **items = fill(sorting);
	enum tally_hold hold = variant_lock_take(&list->header);
	struct tally_object **strays = list->items;
	size_t count = list->size;
	tally_list_move_begin(list);
	if (sorting->size < count) tally_list_resize(list, sorting->size); // before an array that may be smaller
	tally_list_publish(list, items);
	if (sorting->size > count) tally_list_resize(list, sorting->size);
	list->capacity = sorting->capacity;
	list->header.aux = 0;
	tally_list_move_end(list, hold);
	variant_lock_drop(&list->header, hold);
	bool outer = tally_bury_later();
	tally_list_give_up(list, strays, count);
	tally_bury_again(outer);
	if (sorting->fresh) tally_give_up_raw(&list->header, sorting->items);
	return strays != NULL;
}

static void give_up_keys(struct sorting *sorting)
{
	while (sorting->keyed > 0) variant_decref(sorting->entries[--sorting->keyed].key.object);
	tally_raw_free(sorting->entries);
}

static bool is_key(tally_object *key)
{
	if (!key || tally_type(key)->call) return true;
	tally_error_type("list_sort", "a callable key", key);
	return false;
}

int tally_list_sort(tally_object *object, tally_object *key, bool reverse)
{
	struct tally_list *list = tally_list_enter("list_sort", object);
	struct sorting sorting = {.is_descending = reverse};
	if (!list || !is_key(key)) return -1;
	if (!take(&sorting, list)) return sorting.size ? tally_error_memory("list_sort", bytes_for(sorting.size)) : 0;
	int status = make_keys(&sorting, key) || arrange(&sorting) ? -1 : 0;
	bool is_changed = put_back(&sorting, list);
	give_up_keys(&sorting);
	if (status || !is_changed) return status;
	return tally_error_raise(TALLY_ERROR_VALUE, "list_sort", "the list was changed while it was sorted");
}
