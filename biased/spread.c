// biased/spread.c: the table of spread objects: who is spread, and how many references there are.
//
// An entry has the object and a base: what it had when it was spread, and what has been folded in since. All arrays of counts
// (spread.h) are on one list, so that sums need no slot. An object is spread, folded and gathered in a stopped world only: while
// a thread is in an operation the index in a header stays what it is.
//
// A full collection folds the counts into the bases. An object with base 0 then is dead: it gets an ordinary header and joins the
// dying. For what nobody but garbage refers to, the collector finds the references here as it finds others in headers;
// whatever it is about to destroy or to hold is gathered first, so that deaths are what they always are.
//
// I1  References of a spread object = its entry's base + its count in every array, modulo 2^64.
// I2  The count words of a spread object are written only when it is spread and when it is gathered.
// I3  Of an index that is not in use the base and every array's count are 0.
// I4  Arrays are freed in a stopped world, when no object is spread, or when the runtime ends; so whoever reads the list in an
//     operation can go on reading it.
#include "spread.h"
#include "error.h"
#include "heap.h"
#include "object.h"
#include "os.h"

struct entry {
	_Atomic uint64_t base; // added to by threads without an array and by those that end; else in a stopped world
	struct tally_object *object; // NULL: the index is free
	uint32_t next;               // free: the next free index
};

static struct {
	struct entry *entries; // SPREAD_MOST + 1; the first is not used. NULL: nothing has been spread
	uint32_t end;          // the highest index used so far
	uint32_t free, used;
	struct spread_counts *_Atomic arrays; // pushed to by any thread
} table;

static const size_t TABLE_SIZE = (SPREAD_MOST + 1) * sizeof(struct entry);

static uint32_t index_of(const struct tally_object *object) { return local_index(tally_load(&object->local, relaxed)); }

// ---- arrays ----

static struct spread_counts *first_array(void)
{
	// order: acquire the array's link; pairs with list_array. Else: the arrays behind it are left out of a sum.
	return tally_load(&table.arrays, acquire);
}

static void list_array(struct spread_counts *counts)
{
	counts->next = tally_load(&table.arrays, relaxed);
	// order: release the array's link; pairs with first_array. Else: as there.
	while (!tally_cas(&table.arrays, &counts->next, counts, release))
		;
}

static struct spread_counts *make_array(struct tally_slot *slot)
{
	if (TALLY_ASSERTIONS && tally_heap_fault()) return NULL;
	struct spread_counts *counts = tally_span_new(sizeof *counts);
	if (!counts) return NULL;
	counts->slot = slot;
	slot->spread = counts;
	list_array(counts);
	return counts;
}

void spread_count_slow(uint32_t local, uint64_t change)
{
	if (make_array(tally_self.slot)) spread_count(local, change);
	else tally_fetch_add(&table.entries[local_index(local)].base, change, relaxed);
}

static void free_arrays(void)
{
	for (struct spread_counts *counts = first_array(), *next; counts; counts = next) {
		next = counts->next;
		counts->slot->spread = NULL;
		tally_span_free(counts, sizeof *counts);
	}
	tally_store(&table.arrays, NULL, relaxed);
}

// What is in the array goes to the bases.
static void fold(struct spread_counts *counts)
{
	for (uint32_t i = 1; i <= table.end; i++) {
		uint64_t count = tally_load(&counts->count[i], relaxed);
		if (!count) continue;
		tally_fetch_add(&table.entries[i].base, count, relaxed);
		tally_store(&counts->count[i], 0, relaxed);
	}
}

void tally_slot_fold(struct tally_slot *slot)
{
	if (slot->spread) fold(slot->spread);
}

// ---- sums ----

// Exact in a stopped world.
static int64_t sum_of(uint32_t index)
{
	uint64_t sum = tally_load(&table.entries[index].base, relaxed);
	for (const struct spread_counts *counts = first_array(); counts; counts = counts->next)
		sum += tally_load(&counts->count[index], relaxed);
	return (int64_t)sum;
}

uint32_t spread_refcount(uint32_t local)
{
	if (local_is_immortal(local)) return UINT32_MAX;
	int64_t sum = sum_of(local_index(local));
	if (sum < 0) return 0; // a reference was dropped by one thread before it was seen taken by another
	return sum < INT32_MAX ? (uint32_t)sum : INT32_MAX;
}

// ---- indexes, the world stopped ----

static bool has_place(void) { return table.free || table.end < SPREAD_MOST; }

static uint32_t take_index(void)
{
	uint32_t index = table.free;
	if (index) table.free = table.entries[index].next;
	else index = ++table.end;
	table.used++;
	return index;
}

static void give_index(uint32_t index)
{
	struct entry *entry = &table.entries[index];
	for (struct spread_counts *counts = first_array(); counts; counts = counts->next)
		tally_store(&counts->count[index], 0, relaxed);
	tally_store(&entry->base, 0, relaxed);
	entry->object = NULL;
	entry->next = table.free;
	table.free = index;
	table.used--;
}

// ---- spreading ----

static bool is_elsewhere(const struct tally_object *object)
{
	return local_is_elsewhere(tally_load(&object->local, relaxed)) || shared_is_saturated(tally_load(&object->shared, relaxed));
}

static bool get_table(void)
{
	if (table.entries) return true;
	if (TALLY_ASSERTIONS && tally_heap_fault()) return false;
	table.entries = tally_span_new(TABLE_SIZE);
	return table.entries != NULL;
}

// Stopped, no drop is queued or half done: what the two words say is all there is.
static void spread(struct tally_object *object)
{
	uint32_t count = variant_refcount(object), index = take_index();
	tally_store(&table.entries[index].base, count, relaxed);
	table.entries[index].object = object;
	tally_store(&object->shared, COUNT_PLAIN, relaxed);
	tally_store(&object->local, LOCAL_SPREAD | index, relaxed);
}

static enum tally_error_code try_spread(struct tally_object *object)
{
	if (is_elsewhere(object)) return TALLY_ERROR_NONE; // somebody else has been faster
	if (!get_table()) return TALLY_ERROR_MEMORY;
	if (!has_place()) return TALLY_ERROR_OVERFLOW;
	spread(object);
	return TALLY_ERROR_NONE;
}

int variant_spread(struct tally_object *object, const char *operation)
{
	if (is_elsewhere(object)) return 0;
	variant_world_stop();
	enum tally_error_code error = try_spread(object);
	variant_world_start();
	tally_bury();
	if (error == TALLY_ERROR_MEMORY) return tally_error_memory(operation, TABLE_SIZE);
	if (error) return tally_error_raise(error, operation, "%d objects are spread already", SPREAD_MOST);
	return 0;
}

bool variant_is_spread(const struct tally_object *object) { return local_is_spread(tally_load(&object->local, relaxed)); }

// ---- gathering, the world stopped ----

static uint32_t merged_word(int64_t count)
{
	if (count >= SHARED_SATURATED) return (uint32_t)SHARED_SATURATED * COUNT_ONE | COUNT_MERGED;
	return (uint32_t)count * COUNT_ONE | COUNT_MERGED;
}

void variant_gather_stopped(struct tally_object *object)
{
	if (!variant_is_spread(object)) return;
	uint32_t index = index_of(object), shared = merged_word(sum_of(index));
	give_index(index);
	tally_store(&object->local, 0, relaxed);
	tally_store(&object->shared, shared, relaxed);
}

bool spread_drop_stopped(struct tally_object *object, uint32_t local)
{
	if (local_is_immortal(local)) return false;
	_Atomic uint64_t *base = &table.entries[local_index(local)].base;
	uint64_t left = tally_load(base, relaxed) - 1;
	tally_store(base, left, relaxed);
	if (left || sum_of(local_index(local))) return false; // after a fold the base says it all
	variant_gather_stopped(object);
	return true;
}

static bool bury_if_dead(struct tally_object *object)
{
	if (sum_of(index_of(object))) return false;
	variant_gather_stopped(object);
	tally_object_doom(object);
	return true;
}

size_t variant_bury_spread_stopped(void)
{
	size_t dead = 0;
	for (struct spread_counts *counts = first_array(); counts; counts = counts->next) fold(counts);
	for (uint32_t i = 1; i <= table.end; i++)
		if (table.entries[i].object) dead += bury_if_dead(table.entries[i].object);
	if (!table.used) free_arrays();
	return dead;
}

void variant_gather_all_stopped(void)
{
	variant_bury_spread_stopped();
	for (uint32_t i = 1; i <= table.end; i++)
		if (table.entries[i].object) variant_gather_stopped(table.entries[i].object);
	free_arrays();
}

void spread_fini(void)
{
	free_arrays();
	tally_span_free(table.entries, TABLE_SIZE);
	table.entries = NULL;
	table.end = table.free = table.used = 0;
}
