// docs/examples/lru_cache.c: a cache of bounded size (docs/examples/lru_cache.h).
//
// A dict from keys to entries, which are objects, and a ring of all entries in the order of their last use, linked by pointers in their
// payloads. To use an entry is to link it anew, which needs no memory and leaves the dict as it is.
//
// (The dict's own order would do, too: taken out and stored again a key is the last. But what is taken out leaves a place behind that
// the search for the next one passes, and the search for the oldest passes all of them; only a list makes both steps small.)
//
// I1  The ring owns nothing; an entry that is in it is in the dict. Who takes one out of the dict unlinks it before dropping it.
// I2  From `ring` by `newer`: the entry used least recently first.
// Payloads are guarded by a critical section over the cache. What is dropped inside dies when the section has ended.
#include "lru_cache.h"

struct entry {
	struct entry *newer, *older; // NULL: not in the ring
	tally_object *self;          // not counted
	tally_object *key, *value;
};

struct lru_cache {
	struct entry ring;     // its head, which is no object
	tally_object *entries; // dict; NULL only after the collector has cleared the cache
	struct lru_cache_stats stats; // `size` is not kept here
};

static tally_object *cache_type, *entry_type;

// ---- the ring ----

static void unlink_entry(struct entry *entry)
{
	if (!entry->newer) return;
	entry->newer->older = entry->older;
	entry->older->newer = entry->newer;
	entry->newer = entry->older = NULL;
}

static void link_newest(struct lru_cache *lru, struct entry *entry)
{
	unlink_entry(entry);
	entry->newer = &lru->ring;
	entry->older = lru->ring.older;
	entry->older->newer = entry;
	lru->ring.older = entry;
}

static void unlink_all(struct lru_cache *lru)
{
	while (lru->ring.newer != &lru->ring) unlink_entry(lru->ring.newer);
}

// ---- the types ----

static void visit_entry(void *payload, tally_visit_fn visit, void *visit_context, void *context)
{
	struct entry *entry = payload;
	(void)context;
	visit(entry->key, visit_context);
	visit(entry->value, visit_context);
}

// The collector clears a dead cache and its entries in any order.
static void clear_entry(void *payload, void *context)
{
	struct entry *entry = payload;
	tally_object *key = entry->key, *value = entry->value;
	(void)context;
	unlink_entry(entry);
	entry->key = entry->value = NULL;
	tally_decref(value);
	tally_decref(key);
}

static void visit_entries(void *payload, tally_visit_fn visit, void *visit_context, void *context)
{
	(void)context;
	visit(((struct lru_cache *)payload)->entries, visit_context);
}

static void clear_cache(void *payload, void *context)
{
	struct lru_cache *lru = payload;
	tally_object *entries = lru->entries;
	(void)context;
	unlink_all(lru);
	lru->entries = NULL;
	tally_decref(entries);
}

int lru_cache_init(void)
{
	tally_host_type description = {
		.size = sizeof description,
		.name = "lru_cache",
		.payload_size = sizeof(struct lru_cache),
		.traverse = visit_entries,
		.clear = clear_cache,
		.flags = TALLY_HOST_WEAKREF,
	};
	cache_type = tally_host_type_new(&description);
	description.name = "lru_cache_entry";
	description.payload_size = sizeof(struct entry);
	description.traverse = visit_entry;
	description.clear = clear_entry;
	description.flags = 0;
	entry_type = cache_type ? tally_host_type_new(&description) : NULL;
	return entry_type ? 0 : -1;
}

tally_object *lru_cache_new(size_t bound)
{
	tally_object *cache = tally_host_new(cache_type);
	struct lru_cache *lru = cache ? tally_host_payload(cache, cache_type) : NULL;
	if (!lru) return NULL;
	lru->ring.newer = lru->ring.older = &lru->ring;
	lru->stats.bound = bound;
	lru->entries = tally_dict_new();
	if (lru->entries) return cache;
	tally_decref(cache);
	return NULL;
}

// The payload, with a section over the cache begun; NULL with the error set.
static struct lru_cache *open_cache(tally_object *cache, tally_critical *section)
{
	struct lru_cache *lru = tally_host_payload(cache, cache_type);
	return lru && tally_critical_begin(section, cache) == 0 ? lru : NULL;
}

// ---- entries; in the section ----

static struct entry *entry_of(tally_object *object) { return tally_host_payload(object, entry_type); }

static tally_object *entry_new(tally_object *key, tally_object *value)
{
	tally_object *object = value ? tally_host_new(entry_type) : NULL;
	if (object) *entry_of(object) = (struct entry){.self = object, .key = tally_incref(key), .value = tally_incref(value)};
	else if (!value) tally_error_set(TALLY_ERROR_VALUE, "lru_cache: the value is NULL");
	return object;
}

// Takes the key's entry out and drops it. 1, 0, -1.
static int drop_entry(struct lru_cache *lru, tally_object *key)
{
	tally_object *object = NULL;
	int found = tally_dict_pop(lru->entries, key, &object);
	if (found == 1) unlink_entry(entry_of(object));
	tally_decref(object);
	return found;
}

static size_t size_of(const struct lru_cache *lru)
{
	size_t size = 0;
	tally_dict_size(lru->entries, &size);
	return size;
}

// An entry that cannot be taken out, since its key's own code fails, is the newest then, and the bound is not kept.
static void keep_bound(struct lru_cache *lru)
{
	for (int found = 1; found >= 0 && size_of(lru) > lru->stats.bound && lru->ring.newer != &lru->ring;) {
		struct entry *oldest = lru->ring.newer;
		tally_object *object = tally_incref(oldest->self);
		unlink_entry(oldest);
		found = drop_entry(lru, oldest->key);
		if (found == 1) lru->stats.evictions++;
		if (found < 0) link_newest(lru, oldest);
		tally_decref(object);
	}
}

// The entry of the key, which is the one used last now: a new one with that value if there was none. A new reference, or NULL.
static tally_object *use_or_add(struct lru_cache *lru, tally_object *key, tally_object *value)
{
	tally_object *fresh = entry_new(key, value), *there = fresh ? tally_dict_setdefault(lru->entries, key, fresh) : NULL;
	if (there) link_newest(lru, entry_of(there));
	tally_decref(fresh);
	return there;
}

// ---- the cache ----

int lru_cache_get(tally_object *cache, tally_object *key, tally_object **value)
{
	tally_critical section;
	struct lru_cache *lru = open_cache(cache, &section);
	tally_object *object = NULL;
	*value = NULL;
	if (!lru) return -1;
	int found = tally_dict_get(lru->entries, key, &object);
	if (found == 1) {
		*value = tally_incref(entry_of(object)->value);
		link_newest(lru, entry_of(object));
	}
	if (found == 1) lru->stats.hits++;
	if (found == 0) lru->stats.misses++;
	tally_decref(object);
	tally_critical_end(&section);
	return found;
}

int lru_cache_put(tally_object *cache, tally_object *key, tally_object *value)
{
	tally_critical section;
	struct lru_cache *lru = open_cache(cache, &section);
	if (!lru) return -1;
	tally_object *object = use_or_add(lru, key, value);
	if (object) {
		struct entry *entry = entry_of(object);
		tally_object *former = entry->value;
		entry->value = tally_incref(value);
		tally_decref(former);
		keep_bound(lru);
	}
	tally_decref(object);
	tally_critical_end(&section);
	return object ? 0 : -1;
}

// The value that the key has now, `value` if it had none; a new reference, for which the caller's to `value` is given up.
static tally_object *keep_first(tally_object *cache, tally_object *key, tally_object *value)
{
	tally_critical section;
	struct lru_cache *lru = open_cache(cache, &section);
	if (!lru) return value;
	tally_object *object = use_or_add(lru, key, value);
	tally_object *kept = tally_incref(object ? entry_of(object)->value : value);
	keep_bound(lru);
	tally_decref(object);
	tally_critical_end(&section);
	tally_decref(value);
	return kept;
}

tally_object *lru_cache_call(tally_object *cache, tally_object *key, tally_object *callable)
{
	tally_object *value;
	int found = lru_cache_get(cache, key, &value);
	if (found) return value;
	value = tally_call(callable, &key, 1);
	return value ? keep_first(cache, key, value) : NULL;
}

int lru_cache_remove(tally_object *cache, tally_object *key)
{
	tally_critical section;
	struct lru_cache *lru = open_cache(cache, &section);
	if (!lru) return -1;
	int found = drop_entry(lru, key);
	tally_critical_end(&section);
	return found;
}

int lru_cache_clear(tally_object *cache)
{
	tally_critical section;
	struct lru_cache *lru = open_cache(cache, &section);
	if (!lru) return -1;
	unlink_all(lru);
	int status = tally_dict_clear(lru->entries);
	lru->stats = (struct lru_cache_stats){.bound = lru->stats.bound};
	tally_critical_end(&section);
	return status;
}

int lru_cache_get_stats(tally_object *cache, struct lru_cache_stats *stats)
{
	tally_critical section;
	struct lru_cache *lru = open_cache(cache, &section);
	if (!lru) return -1;
	*stats = lru->stats;
	stats->size = size_of(lru);
	tally_critical_end(&section);
	return 0;
}
