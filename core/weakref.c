// core/weakref.c: weak references: making, upgrading, and what becomes of them when the object dies (core/weakref.h).
//
// Clearing needs no memory: whoever clears turns the anchor's list into a list of those who are to act, and takes a reference to
// each, which fails for those that are dying themselves. These it leaves alone from the moment at which it has cleared them.
#include "weakref.h"
#include "callback.h"
#include "error.h"
#include "hash.h"
#include "list.h"
#include "repr.h"
#include "text.h"
#include "unraisable.h"

#include <tally/callable.h>

// ---- anchors ----

static struct tally_object **anchor_place(const struct tally_object *object)
{
	return (struct tally_object **)((uintptr_t)object + tally_type(object)->weak);
}

static struct tally_weakref *anchor_of(const struct tally_object *object)
{
	return (struct tally_weakref *)tally_place_read(anchor_place(object));
}

bool tally_weakref_allows(const struct tally_object *object) { return object && tally_type(object)->weak; }

int tally_weakref_refuse(const char *operation, const struct tally_object *object)
{
	if (!object) return tally_error_type(operation, "an object", object);
	return tally_error_raise(TALLY_ERROR_TYPE, operation, "cannot create weak reference to '%s' object", tally_type(object)->name);
}

static struct tally_weakref *make_anchor(struct tally_object *object)
{
	struct tally_weakref *made = (struct tally_weakref *)tally_object_new(TALLY_TYPE_WEAKREF, sizeof *made, TALLY_LAYOUT_LEAF);
	if (!made) return NULL;
	made->first = NULL;
	made->anchor_hash = 0;
	made->referent = object;
	return made;
}

static bool is_immortal(const struct tally_object *object) { return variant_refcount(object) == UINT32_MAX; }

// An immortal object never gives its anchor up, which would count as a leak.
void tally_weakref_immortalize(struct tally_object *object)
{
	struct tally_weakref *anchor = tally_type(object)->weak ? anchor_of(object) : NULL;
	if (anchor) variant_immortalize(&anchor->header);
}

// Others may be doing the same.
static struct tally_weakref *install(struct tally_object *object, struct tally_weakref *anchor)
{
	struct tally_object *none = NULL;
	tally_place *place = tally_as_place(anchor_place(object));
	tally_fetch_or(&object->gc, TALLY_GC_REFERRED, relaxed);
	variant_mark_weak(object);
	// order: release the anchor as it was made; pairs with tally_place_read. Else: it is seen half made.
	if (tally_cas(place, &none, &anchor->header, release)) return anchor;
	variant_count_kill(&anchor->header, TALLY_TYPE_FREE);
	tally_heap_free_object(anchor);
	return anchor_of(object); // a failed exchange orders nothing
}

static struct tally_weakref *add_anchor(struct tally_object *object, struct tally_weakref *made)
{
	struct tally_weakref *anchor = install(object, made);
	if (tally_unlikely(is_immortal(object))) variant_immortalize(&anchor->header); // which stops the world
	return anchor;
}

struct tally_weakref *tally_weakref_anchor(struct tally_object *object, const char *operation)
{
	if (tally_unlikely(!tally_weakref_allows(object))) return tally_error_null(tally_weakref_refuse(operation, object));
	struct tally_weakref *anchor = anchor_of(object);
	if (tally_likely(anchor != NULL)) return anchor;
	anchor = make_anchor(object);
	return anchor ? add_anchor(object, anchor) : tally_error_null(tally_error_memory(operation, sizeof *anchor));
}

// ---- watchers ----

static void set_first(struct tally_weakref *anchor, struct tally_watcher *watcher)
{
	tally_place_set((struct tally_object **)&anchor->first, (struct tally_object *)watcher);
}

static void link_watcher(struct tally_watcher *watcher)
{
	struct tally_weakref *anchor = watcher->anchor;
	enum tally_hold hold = variant_lock_take(&anchor->header);
	watcher->next = anchor->first;
	if (watcher->next) watcher->next->previous = watcher;
	set_first(anchor, watcher);
	variant_lock_drop(&anchor->header, hold);
}

// The anchor's lock is held, or the world stopped. Once the list is empty the object's destroyer does without the lock, so no watcher that
// is not on it any more may lead to the object.
static void unlink_watcher(struct tally_watcher *watcher)
{
	struct tally_watcher *next = watcher->next, *previous = watcher->previous;
	tally_place_set(&watcher->ref.referent, NULL);
	watcher->next = watcher->previous = NULL;
	if (next) next->previous = previous;
	if (previous) previous->next = next;
	else set_first(watcher->anchor, next);
}

static void fill(struct tally_watcher *watcher, void (*act)(struct tally_watcher *watcher), struct tally_object *first,
                 struct tally_object *second)
{
	if (first) variant_incref(first);
	if (second) variant_incref(second);
	watcher->ref.slot[0] = first;
	watcher->ref.slot[1] = second;
	watcher->ref.referent = NULL;
	watcher->ref.header.aux = TALLY_WATCHER_SLOTS;
	watcher->hash = 0;
	watcher->anchor = NULL;
	watcher->next = watcher->previous = NULL;
	watcher->act = act;
	watcher->note = 0;
	tally_store(&watcher->ref.header.gc, TALLY_GC_WATCHER, relaxed);
	variant_mark_weak(&watcher->ref.header); // whoever clears it must be able to take a reference
}

struct tally_watcher *tally_watcher_new(struct tally_object *object, void (*act)(struct tally_watcher *watcher),
                                        struct tally_object *first, struct tally_object *second, const char *operation)
{
	if (tally_unlikely(!tally_weakref_allows(object))) return tally_error_null(tally_weakref_refuse(operation, object));
	struct tally_watcher *made = (struct tally_watcher *)tally_object_new(TALLY_TYPE_WEAKREF, sizeof *made, TALLY_LAYOUT_SLOTS);
	if (!made) return tally_error_null(tally_error_memory(operation, sizeof *made));
	fill(made, act, first, second);
	struct tally_weakref *anchor = tally_weakref_anchor(object, operation); // the last step that may stop the world
	if (!anchor) {
		variant_decref(&made->ref.header);
		return NULL;
	}
	variant_incref(&anchor->header);
	made->anchor = anchor;
	tally_place_set(&made->ref.referent, object);
	link_watcher(made);
	return made;
}

void tally_watcher_silence(struct tally_watcher *watcher)
{
	if (tally_weakref_is_dead(&watcher->ref)) return;
	enum tally_hold hold = variant_lock_take(&watcher->anchor->header);
	if (watcher->ref.referent) unlink_watcher(watcher);
	variant_lock_drop(&watcher->anchor->header, hold);
}

struct tally_object *tally_watcher_take(struct tally_watcher *watcher, unsigned slot)
{
	enum tally_hold hold = variant_lock_take(&watcher->ref.header);
	struct tally_object *taken = watcher->ref.slot[slot];
	watcher->ref.slot[slot] = NULL;
	variant_lock_drop(&watcher->ref.header, hold);
	return taken;
}

// ---- death ----

static void add(struct tally_watchers *list, struct tally_watcher *watcher)
{
	watcher->next = NULL;
	*list->end = watcher;
	list->end = &watcher->next;
}

// The anchor's lock is held, or the world stopped. A dying watcher may be freed as soon as its referent is NULL.
static void clear_watcher(struct tally_watcher *watcher, bool is_alive, struct tally_watchers *list)
{
	watcher->previous = NULL;
	if (is_alive) add(list, watcher);
	else watcher->next = NULL;
	tally_place_set(&watcher->ref.referent, NULL);
}

// It has nothing to give up: its last reference need not put it on a list.
static void drop_anchor(struct tally_weakref *anchor)
{
	if (!variant_drop(&anchor->header)) return;
	variant_count_kill(&anchor->header, TALLY_TYPE_FREE);
	tally_heap_free_object(anchor);
}

static void clear_watchers(struct tally_weakref *anchor)
{
	struct tally_watchers list;
	tally_watchers_init(&list);
	enum tally_hold hold = variant_lock_take(&anchor->header);
	struct tally_watcher *watcher = anchor->first, *next;
	anchor->first = NULL;
	for (; watcher; watcher = next) {
		next = watcher->next;
		clear_watcher(watcher, variant_try_incref(&watcher->ref.header), &list);
	}
	variant_lock_drop(&anchor->header, hold);
	tally_watchers_act(&list);
}

void tally_weakref_bury(struct tally_object *object)
{
	struct tally_weakref *anchor = tally_type(object)->weak ? anchor_of(object) : NULL;
	if (!anchor) return;
	tally_place_set(anchor_place(object), NULL);
	tally_place_set(&anchor->referent, NULL);
	if (tally_place_read((struct tally_object **)&anchor->first)) clear_watchers(anchor);
	drop_anchor(anchor);
}

void tally_watchers_act(struct tally_watchers *list)
{
	while (list->first) {
		struct tally_watcher *watcher = list->first;
		list->first = watcher->next;
		watcher->next = NULL;
		watcher->act(watcher);
		variant_decref(&watcher->ref.header);
	}
	list->end = &list->first;
}

static void drop_anchor_stopped(struct tally_weakref *anchor)
{
	if (!variant_drop_stopped(&anchor->header)) return;
	variant_void_stopped(&anchor->header);
	tally_heap_free_stopped(anchor);
}

static bool hold_if_alive(struct tally_watcher *watcher)
{
	bool is_alive = variant_is_alive(&watcher->ref.header);
	if (is_alive) variant_hold_stopped(&watcher->ref.header);
	return is_alive;
}

void tally_weakref_clear_stopped(struct tally_object *object, struct tally_watchers *list)
{
	struct tally_weakref *anchor = tally_type(object)->weak ? anchor_of(object) : NULL;
	if (!anchor) return;
	tally_place_set(anchor_place(object), NULL);
	tally_place_set(&anchor->referent, NULL);
	struct tally_watcher *watcher = anchor->first, *next;
	anchor->first = NULL;
	for (; watcher; watcher = next) {
		next = watcher->next;
		clear_watcher(watcher, hold_if_alive(watcher), list);
	}
	drop_anchor_stopped(anchor);
}

// Nobody is using it. It lets go of the anchor, whose references tell whether others have it.
void tally_watcher_silence_stopped(struct tally_watcher *watcher)
{
	struct tally_weakref *anchor = watcher->anchor;
	if (!watcher->ref.referent) return;
	unlink_watcher(watcher);
	watcher->anchor = NULL;
	drop_anchor_stopped(anchor);
}

// ---- the host's callbacks ----

static void call_back(struct tally_watcher *watcher)
{
	struct tally_object *callback = tally_watcher_take(watcher, 0), *argument = &watcher->ref.header;
	if (!callback) return;
	tally_unraisable_call("weakref callback", callback, &argument, 1);
	variant_decref(callback);
}

static tally_object *new_with(struct tally_object *object, struct tally_object *callback)
{
	if (!tally_is_callable(callback)) return tally_error_null(tally_error_type("weakref_new", "a callable object", callback));
	struct tally_watcher *made = tally_watcher_new(object, call_back, callback, NULL, "weakref_new");
	return made ? &made->ref.header : NULL;
}

static __attribute__((noinline)) tally_object *new_slow(tally_object *object, tally_object *callback)
{
	if (!tally_enter_new("weakref_new")) return NULL;
	if (callback) return new_with(object, callback);
	struct tally_weakref *anchor = tally_weakref_anchor(object, "weakref_new");
	if (tally_unlikely(!anchor)) return NULL;
	variant_incref(&anchor->header);
	return &anchor->header;
}

tally_object *tally_weakref_new(tally_object *object, tally_object *callback)
{
	if (tally_unlikely(callback || !tally_is_undisturbed() || !tally_weakref_allows(object))) return new_slow(object, callback);
	struct tally_weakref *anchor = anchor_of(object);
	if (tally_unlikely(!anchor || !variant_incref_quick(&anchor->header))) return new_slow(object, callback);
	return &anchor->header;
}

// ---- what a weak reference is asked ----

bool tally_is_weakref(const tally_object *object) { return object && object->type == TALLY_TYPE_WEAKREF; }

static struct tally_weakref *weakref_of(const char *operation, tally_object *object)
{
	if (!tally_enter(operation)) return NULL;
	if (tally_likely(tally_is_weakref(object))) return (struct tally_weakref *)object;
	return tally_error_null(tally_error_type(operation, "a weakref", object));
}

static __attribute__((noinline)) int get_slow(tally_object *weakref, tally_object **object)
{
	struct tally_weakref *ref = weakref_of("weakref_get", weakref);
	*object = ref ? tally_weakref_upgrade(ref) : NULL;
	return ref ? *object != NULL : -1;
}

static __attribute__((noinline)) int get_other(struct tally_weakref *ref, tally_object **object)
{
	*object = tally_weakref_upgrade(ref);
	return *object != NULL;
}

// What is the thread's own needs no second look. The rest is in functions of its own, so that this one saves no registers.
int tally_weakref_get(tally_object *weakref, tally_object **object)
{
	struct tally_weakref *ref = (struct tally_weakref *)weakref;
	if (tally_unlikely(tally_load(tally_self.poll, relaxed) & TALLY_ASKED)) return get_slow(weakref, object);
	if (tally_unlikely(!weakref || weakref->type != TALLY_TYPE_WEAKREF)) return get_slow(weakref, object);
	struct tally_object *referent = tally_place_read(&ref->referent);
	if (tally_unlikely(!referent || !variant_incref_living(referent))) return get_other(ref, object);
	*object = referent;
	return 1;
}

static bool has_living(const struct tally_weakref *ref)
{
	struct tally_object *referent = tally_place_read(&ref->referent);
	return referent && variant_is_alive(referent);
}

static struct tally_object *callback_of(struct tally_watcher *watcher)
{
	enum tally_hold hold = variant_lock_take(&watcher->ref.header);
	bool has_one = watcher->act == call_back && has_living(&watcher->ref);
	struct tally_object *callback = has_one ? watcher->ref.slot[0] : NULL;
	if (callback) variant_incref_locked(callback);
	variant_lock_drop(&watcher->ref.header, hold);
	return callback;
}

int tally_weakref_callback(tally_object *weakref, tally_object **callback)
{
	struct tally_weakref *ref = weakref_of("weakref_callback", weakref);
	*callback = NULL;
	if (!ref) return -1;
	if (tally_weakref_is_watcher(ref)) *callback = callback_of((struct tally_watcher *)ref);
	return *callback != NULL;
}

// ---- what an object is asked ----

struct census {
	size_t watchers, living; // watchers on the list; those of them that are not dying
	bool is_shared;          // somebody has the anchor itself: not only the object and its watchers
};

// The anchor's lock is held.
static struct census count_refs(const struct tally_weakref *anchor)
{
	struct census census = {0};
	for (const struct tally_watcher *watcher = anchor->first; watcher; watcher = watcher->next) {
		census.watchers++;
		census.living += variant_is_alive(&watcher->ref.header);
	}
	uint32_t references = variant_refcount(&anchor->header);
	census.is_shared = references == UINT32_MAX || references > census.watchers + 1;
	return census;
}

static size_t count_living(struct tally_weakref *anchor)
{
	enum tally_hold hold = variant_lock_take(&anchor->header);
	struct census census = count_refs(anchor);
	variant_lock_drop(&anchor->header, hold);
	return census.living + census.is_shared;
}

int tally_weakref_count(tally_object *object, size_t *count)
{
	if (!tally_enter("weakref_count")) return -1;
	if (!object) return tally_error_type("weakref_count", "an object", object);
	struct tally_weakref *anchor = tally_weakref_allows(object) ? anchor_of(object) : NULL;
	*count = anchor ? count_living(anchor) : 0;
	return 0;
}

// Puts new references to them into `items`, if there is room for all. Returns how many they are, at most.
static size_t take_refs(struct tally_weakref *anchor, struct tally_object **items, size_t room)
{
	size_t taken = 0;
	enum tally_hold hold = variant_lock_take(&anchor->header);
	struct census census = count_refs(anchor);
	size_t count = census.watchers + 1;
	if (count <= room) {
		if (census.is_shared) {
			variant_incref(&anchor->header);
			items[taken++] = &anchor->header;
		}
		for (struct tally_watcher *watcher = anchor->first; watcher; watcher = watcher->next)
			if (variant_try_incref(&watcher->ref.header)) items[taken++] = &watcher->ref.header;
		count = taken;
	}
	variant_lock_drop(&anchor->header, hold);
	return count;
}

// With room for so many; while there are more: once more.
static tally_object *list_refs(struct tally_weakref *anchor)
{
	for (size_t room = 4;;) {
		struct tally_list *list = tally_list_make("weakref_list", room);
		size_t count = list ? take_refs(anchor, list->items, room) : 0;
		if (count <= room) {
			if (list) list->size = (uint32_t)count;
			return list ? &list->header : NULL;
		}
		variant_decref(&list->header);
		room = count;
	}
}

static tally_object *empty_list(void)
{
	struct tally_list *list = tally_list_make("weakref_list", 0);
	return list ? &list->header : NULL;
}

tally_object *tally_weakref_list(tally_object *object)
{
	if (!tally_enter_new("weakref_list")) return NULL;
	if (!object) return tally_error_null(tally_error_type("weakref_list", "an object", object));
	struct tally_weakref *anchor = tally_weakref_allows(object) ? anchor_of(object) : NULL;
	return anchor ? list_refs(anchor) : empty_list();
}

// ---- the type ----

static void drop(struct tally_object *object)
{
	if (object) variant_decref(object);
}

static void destroy(struct tally_object *object)
{
	struct tally_watcher *watcher = (struct tally_watcher *)object;
	if (!tally_weakref_is_watcher(&watcher->ref)) return;
	tally_watcher_silence(watcher);
	drop(watcher->ref.slot[1]);
	drop(watcher->ref.slot[0]);
	if (watcher->anchor) drop_anchor(watcher->anchor);
}

// For the collector: a cycle goes through what a watcher needs to act, which it will not do any more.
static void clear(struct tally_object *object)
{
	struct tally_watcher *watcher = (struct tally_watcher *)object;
	tally_watcher_silence(watcher);
	drop(tally_watcher_take(watcher, 1));
	drop(tally_watcher_take(watcher, 0));
}

static _Atomic uint64_t *hash_place(struct tally_weakref *ref)
{
	return (_Atomic uint64_t *)(tally_weakref_is_watcher(ref) ? &((struct tally_watcher *)ref)->hash : &ref->anchor_hash);
}

static int hash_dead(const char *operation)
{
	return tally_error_raise(TALLY_ERROR_TYPE, operation, "the object of the weakref is dead, and its hash was never asked for");
}

static int hash(struct tally_object *object, uint64_t *result, const char *operation)
{
	struct tally_weakref *ref = (struct tally_weakref *)object;
	// order: acquire the hash; pairs with hash. Else: the flag is seen without it.
	if (tally_load(&object->gc, acquire) & TALLY_GC_HASHED) {
		*result = tally_load(hash_place(ref), relaxed);
		return 0;
	}
	struct tally_object *referent = tally_weakref_upgrade(ref);
	if (!referent) return hash_dead(operation);
	int status = tally_nest(operation) ? tally_object_hash(referent, result, operation) : -2;
	if (status != -2) tally_unnest();
	variant_decref(referent);
	if (status) return -1;
	tally_store(hash_place(ref), *result, relaxed);
	// order: release the hash; pairs with hash. Else: the flag is seen without it.
	tally_fetch_or(&object->gc, TALLY_GC_HASHED, release);
	return 0;
}

static int equal_referents(struct tally_object *a, struct tally_object *b, const char *operation)
{
	if (!tally_nest(operation)) return -1;
	int same = tally_object_equal(a, b, operation);
	tally_unnest();
	return same;
}

static int equal(struct tally_object *a, struct tally_object *b, const char *operation)
{
	if (a == b) return 1;
	struct tally_object *left = tally_weakref_upgrade((struct tally_weakref *)a);
	struct tally_object *right = tally_weakref_upgrade((struct tally_weakref *)b);
	int same = left && right ? equal_referents(left, right, operation) : 0;
	drop(right);
	drop(left);
	return same;
}

static int repr(struct tally_object *object, struct tally_text *text)
{
	struct tally_object *referent = tally_weakref_upgrade((struct tally_weakref *)object);
	if (!referent) return tally_text_format(text, "<weakref at %p: dead>", (void *)object);
	int status = tally_text_format(text, "<weakref at %p: ", (void *)object);
	if (!status) status = tally_repr_name(text, tally_type(referent)->name);
	if (!status) status = tally_text_format(text, " at %p>", (void *)referent);
	variant_decref(referent);
	return status;
}

const struct tally_type tally_weakref_type = {
	.name = "weakref",
	.index = TALLY_TYPE_WEAKREF,
	.layout = TALLY_LAYOUT_LEAF, // of an anchor; watchers are TALLY_LAYOUT_SLOTS
	.destroy = destroy,
	.hash = hash,
	.equal = equal,
	.repr = repr,
	.clear = clear,
};
