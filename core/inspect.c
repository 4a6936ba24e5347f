// core/inspect.c: looking at the objects of the heap (tally/inspect.h). docs/inspect.md has what it costs.
//
// Each question is one walk over the pages in a stopped world. What is found is noted in memory from the system, with a reference to
// each, counted as everybody counts: an object keeps its owner, and a spread one stays spread. The list is made when the world
// goes again; so it is in no answer of its own, and no memory of the heap is asked for while others wait. How many there may be
// is known from the pages before the walk begins, and memory of the system that nobody touches costs nothing.
//
// I1  A call that fails has given back every reference that it took.
// I2  In a stopped world no object's lock is taken: a thread that stands still may have it.
// Any attached thread, outside sections.
#include "inspect.h"
#include "error.h"
#include "items.h"
#include "object.h"
#include "os.h"

#include <stdlib.h>
#include <string.h>
#include <tally/gc.h>
#include <tally/inspect.h>

enum { PERMANENT = TALLY_GC_GENERATIONS };

bool tally_gc_is_tracked(const tally_object *object)
{
	if (!object || !tally_layout_is_tracked(tally_page_of(object)->layout)) return false;
	return !(tally_load(&object->gc, relaxed) & TALLY_GC_UNTRACKED);
}

bool tally_gc_is_finalized(const tally_object *object)
{
	return object && tally_load(&object->gc, relaxed) & TALLY_GC_FINALIZED;
}

bool tally_inspect_enter(const char *operation)
{
	if (!tally_enter_run(operation)) return false;
	if (!tally_in_section()) {
		variant_reclaim();
		return true;
	}
	tally_error_raise(TALLY_ERROR_THREAD, operation, "a %s section of this thread is open",
	                  tally_self.section ? "critical" : "read");
	return false;
}

// ---- what has been found ----

struct finding {
	const char *operation;
	struct tally_object **object; // each held
	size_t count, size;           // bytes of `object`
};

// In a stopped world, since then it is known how much is needed. False: no memory.
static bool make_room(struct finding *finding, size_t most)
{
	finding->size = (most ? most : 1) * sizeof(struct tally_object *);
	finding->object = TALLY_ASSERTIONS && tally_heap_fault() ? NULL : tally_span_new(finding->size);
	return finding->object != NULL;
}

static void take(struct finding *finding, struct tally_object *object)
{
	variant_incref(object);
	finding->object[finding->count++] = object;
}

static void give_back(const struct finding *finding)
{
	bool outer = tally_bury_later();
	for (size_t i = finding->count; i > 0; i--) variant_decref(finding->object[i - 1]);
	tally_bury_again(outer);
}

// The references become the list's.
static tally_object *make_list(const struct finding *finding)
{
	struct tally_list *list = tally_list_make(finding->operation, finding->count);
	if (!list) {
		give_back(finding);
		return NULL;
	}
	if (finding->count) memcpy(list->items, finding->object, finding->count * sizeof list->items[0]);
	list->size = (uint32_t)finding->count;
	return &list->header;
}

// Starts the world.
static tally_object *answer(const struct finding *finding)
{
	variant_world_start();
	tally_object *list = NULL;
	if (finding->object) list = make_list(finding);
	else tally_error_memory(finding->operation, finding->size);
	tally_span_free(finding->object, finding->size);
	tally_bury();
	return list;
}

// ---- searching the heap ----

struct search {
	struct finding finding;
	bool (*wants)(struct search *search, const struct tally_page *page, struct tally_object *object);
	int generation;
	struct tally_candidates targets;
	bool has_met; // one of the targets
};

static int count_used(struct tally_page *page, void *context)
{
	size_t *most = context;
	if (tally_layout_is_tracked(page->layout)) *most += (size_t)page->used;
	return 0;
}

static void take_if_wanted(const struct tally_page *page, struct tally_object *object, void *context)
{
	struct search *search = context;
	if (tally_inspect_shows(object) && search->wants(search, page, object)) take(&search->finding, object);
}

static int search_page(struct tally_page *page, void *search)
{
	if (tally_layout_is_tracked(page->layout)) tally_inspect_blocks(page, take_if_wanted, search);
	return 0;
}

static void search_heap(struct search *search)
{
	size_t most = 0;
	tally_pages_each(count_used, &most);
	if (make_room(&search->finding, most)) tally_pages_each(search_page, search);
}

// ---- by generation ----

static int generation_of(const struct tally_page *page, const struct tally_object *object)
{
	if (!page->has_aged) return 0;
	const struct tally_arena *arena = tally_arena_of(page);
	unsigned number = tally_page_index(page), index = tally_block_index(page, object);
	bool is_old = arena->old[number][index / 64] >> index % 64 & 1, is_middle = arena->middle[number][index / 64] >> index % 64 & 1;
	if (is_old) return is_middle ? PERMANENT : 2;
	return is_middle;
}

static bool is_of_generation(struct search *search, const struct tally_page *page, struct tally_object *object)
{
	int generation = generation_of(page, object);
	return search->generation == TALLY_GC_ALL ? generation != PERMANENT : generation == search->generation;
}

tally_object *tally_gc_get_objects(int generation)
{
	struct search search = {{.operation = "gc_get_objects"}, .wants = is_of_generation, .generation = generation};
	if (!tally_inspect_enter("gc_get_objects")) return NULL;
	if (generation < TALLY_GC_ALL || generation >= TALLY_GC_GENERATIONS)
		return tally_error_null(tally_error_raise(TALLY_ERROR_VALUE, "gc_get_objects",
		                                          "generation %d, expected 0, 1, 2 or TALLY_GC_ALL", generation));
	variant_world_stop();
	search_heap(&search);
	return answer(&search.finding);
}

// ---- references ----

// What the object refers to, its class among it if it is an instance of one. NULL may be passed on.
static void visit_all(struct tally_object *object, tally_visit_fn visit, void *context)
{
	unsigned layout = tally_page_of(object)->layout;
	if (!tally_layout_is_tracked(layout)) return;
	tally_trace(object, layout, visit, context);
	if (tally_object_is_instance(object)) visit(&tally_type(object)->header, context);
}

static void count_reference(tally_object *referent, void *context) { *(size_t *)context += referent != NULL; }

static void take_reference(tally_object *referent, void *finding)
{
	if (referent) take(finding, referent);
}

tally_object *tally_gc_get_referents(tally_object *const *objects, size_t count)
{
	struct finding finding = {.operation = "gc_get_referents"};
	size_t references = 0;
	if (!tally_inspect_enter("gc_get_referents") || tally_items_check("gc_get_referents", objects, count)) return NULL;
	variant_world_stop();
	for (size_t i = 0; i < count; i++) visit_all(objects[i], count_reference, &references);
	if (make_room(&finding, references))
		for (size_t i = 0; i < count; i++) visit_all(objects[i], take_reference, &finding);
	return answer(&finding);
}

// ---- who refers to these ----
// The targets are numbered as candidates of a collection are, so that one look at a table tells whether a reference leads to one.

static void meet(tally_object *referent, void *context)
{
	struct search *search = context;
	if (referent && tally_candidate_has(search->targets.member, tally_candidate_number(referent))) search->has_met = true;
}

static bool refers(struct search *search, const struct tally_page *page, struct tally_object *object)
{
	(void)page;
	search->has_met = false;
	visit_all(object, meet, search);
	return search->has_met;
}

static int by_address(const void *left, const void *right)
{
	uintptr_t a = (uintptr_t)*(struct tally_object *const *)left, b = (uintptr_t)*(struct tally_object *const *)right;
	return (a > b) - (a < b);
}

static tally_object *search_referrers(struct tally_object *const *targets, size_t count)
{
	struct search search = {{.operation = "gc_get_referrers", .size = count * sizeof targets[0]}, .wants = refers};
	variant_world_stop();
	if (!tally_candidates_of_objects(&search.targets, targets, count)) search_heap(&search);
	tally_candidates_release(&search.targets);
	return answer(&search.finding);
}

tally_object *tally_gc_get_referrers(tally_object *const *objects, size_t count)
{
	size_t size = count * sizeof objects[0];
	if (!tally_inspect_enter("gc_get_referrers") || tally_items_check("gc_get_referrers", objects, count)) return NULL;
	struct tally_object **targets = tally_record_new(size + 1);
	if (!targets) return tally_error_null(tally_error_memory("gc_get_referrers", size));
	if (count) memcpy(targets, objects, size);
	qsort(targets, count, sizeof targets[0], by_address);
	tally_object *list = search_referrers(targets, count);
	tally_record_free(targets);
	return list;
}

// ---- by type ----

// What the object owns besides its block. (tally_object_bytes would take its lock.)
static size_t buffer_bytes(struct tally_object *object, unsigned layout)
{
	if (layout == TALLY_LAYOUT_CLASS) return tally_class_owned(object);
	const void *buffer = tally_layout_is_tracked(layout) ? tally_trace_buffer(object, layout) : NULL;
	return buffer ? tally_page_of(buffer)->block_size : 0;
}

static void count_object(const struct tally_page *page, struct tally_object *object, void *context)
{
	tally_gc_type_count *counts = context;
	if (!tally_inspect_lives(object)) return;
	tally_gc_type_count *count = &counts[object->type];
	count->type = &tally_type(object)->header;
	count->objects++;
	count->bytes += page->block_size + buffer_bytes(object, page->layout);
}

static int count_page(struct tally_page *page, void *counts)
{
	if (page->layout != TALLY_LAYOUT_RAW) tally_inspect_blocks(page, count_object, counts);
	return 0;
}

static int by_bytes(const void *left, const void *right)
{
	const tally_gc_type_count *a = left, *b = right;
	if (a->bytes != b->bytes) return a->bytes < b->bytes ? 1 : -1;
	return (a->objects < b->objects) - (a->objects > b->objects);
}

static size_t move_together(tally_gc_type_count *counts)
{
	size_t types = 0;
	for (size_t i = 0; i < TALLY_TYPES; i++)
		if (counts[i].objects) counts[types++] = counts[i];
	return types;
}

int64_t tally_gc_count_types(tally_gc_type_count *counts, size_t room)
{
	const size_t size = TALLY_TYPES * sizeof counts[0];
	if (!tally_inspect_enter("gc_count_types")) return -1;
	tally_gc_type_count *all = TALLY_ASSERTIONS && tally_heap_fault() ? NULL : tally_span_new(size);
	if (!all) return tally_error_memory("gc_count_types", size);
	variant_world_stop();
	tally_pages_each(count_page, all);
	variant_world_start();
	size_t types = move_together(all);
	qsort(all, types, sizeof all[0], by_bytes);
	if (types && room) memcpy(counts, all, (types < room ? types : room) * sizeof all[0]);
	tally_span_free(all, size);
	tally_bury();
	return (int64_t)types;
}
