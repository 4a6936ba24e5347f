// docs/examples/lru_cache.c: a cache of bounded size (docs/examples/lru_cache.h).
//
// A dict keeps its keys in the order of insertion, so an entry that is used moves to the end when it is taken out and stored again.
// But to find the first entry of such a dict means to pass over the places of all that have moved. So there are two dicts: what
// is used goes to the end of `young`, and what is to be forgotten is the next of `old`, into which nothing is ever inserted:
// a position in it stays good, and each of its places is passed once. When nothing is left of it the two change their parts.
//
// I1  Every entry of `old` has been used less recently than every entry of `young`; both are in the order of their last use.
// I2  No entry of `old` stands before `position`. (None is left when the cache is cleared.)
// The payload is guarded by a critical section over the cache. What is dropped inside dies when the section has ended.
#include "lru_cache.h"

struct lru_cache {
	tally_object *young, *old; // dicts; NULL only after the collector has cleared the cache
	size_t position;           // in `old`: of tally_dict_next
	struct lru_cache_stats stats; // `size` is not kept here
};

static tally_object *cache_type;

static void visit_dicts(void *payload, tally_visit_fn visit, void *visit_context, void *context)
{
	struct lru_cache *lru = payload;
	(void)context;
	visit(lru->young, visit_context);
	visit(lru->old, visit_context);
}

static void drop_dicts(void *payload, void *context)
{
	struct lru_cache *lru = payload;
	tally_object *young = lru->young, *old = lru->old;
	(void)context;
	lru->young = lru->old = NULL;
	tally_decref(old);
	tally_decref(young);
}

int lru_cache_init(void)
{
	const tally_host_type description = {
		.size = sizeof description,
		.name = "lru_cache",
		.payload_size = sizeof(struct lru_cache),
		.traverse = visit_dicts,
		.clear = drop_dicts,
		.flags = TALLY_HOST_WEAKREF,
	};
	cache_type = tally_host_type_new(&description);
	return cache_type ? 0 : -1;
}

tally_object *lru_cache_new(size_t bound)
{
	tally_object *cache = tally_host_new(cache_type);
	struct lru_cache *lru = cache ? tally_host_payload(cache, cache_type) : NULL;
	if (!lru) return NULL;
	lru->stats.bound = bound;
	lru->young = tally_dict_new();
	lru->old = lru->young ? tally_dict_new() : NULL;
	if (lru->old) return cache;
	tally_decref(cache);
	return NULL;
}

// The payload, with a section over the cache begun; NULL with the error set.
static struct lru_cache *open_cache(tally_object *cache, tally_critical *section)
{
	struct lru_cache *lru = tally_host_payload(cache, cache_type);
	return lru && tally_critical_begin(section, cache) == 0 ? lru : NULL;
}

static size_t size_of(const struct lru_cache *lru)
{
	size_t young = 0, old = 0;
	tally_dict_size(lru->young, &young);
	tally_dict_size(lru->old, &old);
	return young + old;
}

// Takes the entry out: 1 with the value, 0, -1.
static int take(struct lru_cache *lru, tally_object *key, tally_object **value)
{
	int found = tally_dict_pop(lru->young, key, value);
	return found ? found : tally_dict_pop(lru->old, key, value);
}

static void change_parts(struct lru_cache *lru)
{
	tally_object *young = lru->old;
	lru->old = lru->young;
	lru->young = young;
	lru->position = 0;
}

// 0; -1: the key's own code failed, and the entry stays.
static int evict_one(struct lru_cache *lru)
{
	tally_object *key;
	int found = tally_dict_next(lru->old, &lru->position, &key, NULL);
	if (found < 0) return -1;
	if (found == 0) {
		change_parts(lru);
		return 0;
	}
	int removed = tally_dict_pop(lru->old, key, NULL);
	if (removed == 1) lru->stats.evictions++;
	tally_decref(key);
	return removed < 0 ? -1 : 0;
}

// The key is not there. Its entry is the one used last now.
static int store(struct lru_cache *lru, tally_object *key, tally_object *value)
{
	if (tally_dict_set(lru->young, key, value)) return -1;
	while (size_of(lru) > lru->stats.bound)
		if (evict_one(lru)) break;
	return 0;
}

int lru_cache_get(tally_object *cache, tally_object *key, tally_object **value)
{
	tally_critical section;
	struct lru_cache *lru = open_cache(cache, &section);
	*value = NULL;
	if (!lru) return -1;
	int found = take(lru, key, value);
	if (found == 1) tally_dict_set(lru->young, key, *value); // without memory for that it is forgotten
	if (found == 1) lru->stats.hits++;
	if (found == 0) lru->stats.misses++;
	tally_critical_end(&section);
	return found;
}

int lru_cache_put(tally_object *cache, tally_object *key, tally_object *value)
{
	tally_critical section;
	struct lru_cache *lru = open_cache(cache, &section);
	tally_object *former = NULL;
	if (!lru) return -1;
	int status = take(lru, key, &former) < 0 ? -1 : store(lru, key, value);
	tally_decref(former);
	tally_critical_end(&section);
	return status;
}

// The value that the key has afterwards, whose reference the caller gets in exchange for its own to `value`.
static tally_object *keep_first(tally_object *cache, tally_object *key, tally_object *value)
{
	tally_critical section;
	struct lru_cache *lru = open_cache(cache, &section);
	tally_object *there = NULL;
	if (!lru) return value;
	if (take(lru, key, &there) >= 0) store(lru, key, there ? there : value);
	tally_critical_end(&section);
	if (!there) return value;
	tally_decref(value);
	return there;
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
	int young = tally_dict_pop(lru->young, key, NULL), old = young < 0 ? -1 : tally_dict_pop(lru->old, key, NULL);
	tally_critical_end(&section);
	return old < 0 ? -1 : young | old;
}

int lru_cache_clear(tally_object *cache)
{
	tally_critical section;
	struct lru_cache *lru = open_cache(cache, &section);
	if (!lru) return -1;
	int status = tally_dict_clear(lru->young) | tally_dict_clear(lru->old);
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
