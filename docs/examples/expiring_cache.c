// docs/examples/expiring_cache.c: a cache whose entries live for a set time (docs/examples/expiring_cache.h).
//
// One dict, from keys to pairs: a tuple of the value and the time at which it expires. A pair never changes, so to look it up needs
// no lock beyond the dict's own. To remove one that has expired takes a critical section: a fresh pair may have come in its place.
//
// I1  An expired pair is removed only if the key still has that very pair.
// I2  After a put the dict has at most twice as many entries as the last sweep left, or LEAST, but for what others put meanwhile.
#include "expiring_cache.h"

#include <stdatomic.h>
#include <time.h>

enum { LEAST = 16 };

struct expiring_cache {
	tally_object *entries; // dict; set once, until the collector clears it
	expiring_cache_clock clock;
	void *context;
	atomic_size_t enough; // entries at which a put sweeps; a hint, so nobody needs an order
};

static tally_object *cache_type;

static void visit_entries(void *payload, tally_visit_fn visit, void *visit_context, void *context)
{
	(void)context;
	visit(((struct expiring_cache *)payload)->entries, visit_context);
}

static void drop_entries(void *payload, void *context)
{
	struct expiring_cache *cache = payload;
	tally_object *entries = cache->entries;
	(void)context;
	cache->entries = NULL;
	tally_decref(entries);
}

int expiring_cache_init(void)
{
	const tally_host_type description = {
		.size = sizeof description,
		.name = "expiring_cache",
		.payload_size = sizeof(struct expiring_cache),
		.traverse = visit_entries,
		.clear = drop_entries,
		.flags = TALLY_HOST_WEAKREF,
	};
	cache_type = tally_host_type_new(&description);
	return cache_type ? 0 : -1;
}

static int64_t monotonic_ns(void *context)
{
	struct timespec now;
	(void)context;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

tally_object *expiring_cache_new(expiring_cache_clock clock, void *context)
{
	tally_object *self = tally_host_new(cache_type);
	struct expiring_cache *cache = self ? tally_host_payload(self, cache_type) : NULL;
	if (!cache) return NULL;
	cache->clock = clock ? clock : monotonic_ns;
	cache->context = context;
	atomic_init(&cache->enough, LEAST);
	cache->entries = tally_dict_new();
	if (cache->entries) return self;
	tally_decref(self);
	return NULL;
}

static struct expiring_cache *cache_of(tally_object *self) { return tally_host_payload(self, cache_type); }

static int64_t now_of(const struct expiring_cache *cache) { return cache->clock(cache->context); }

// ---- pairs ----

static tally_object *pair_new(tally_object *value, int64_t end)
{
	tally_object *parts[] = {value, tally_int_new(end)};
	tally_object *pair = parts[1] ? tally_tuple_new(parts, 2) : NULL;
	tally_decref(parts[1]);
	return pair;
}

static bool is_expired(tally_object *pair, int64_t now)
{
	tally_object *end = tally_tuple_get(pair, 1);
	int64_t time = now;
	tally_int_value(end, &time);
	tally_decref(end);
	return time <= now;
}

// 1 removed; 0 the key has another pair by now, or none; -1.
static int remove_pair(tally_object *entries, tally_object *key, const tally_object *pair)
{
	tally_critical section;
	tally_object *there = NULL;
	if (tally_critical_begin(&section, entries)) return -1;
	int removed = tally_dict_get(entries, key, &there);
	if (removed == 1) removed = tally_is(there, pair) ? tally_dict_pop(entries, key, NULL) : 0;
	tally_decref(there);
	tally_critical_end(&section);
	return removed;
}

// ---- the cache ----

int expiring_cache_get(tally_object *self, tally_object *key, tally_object **value)
{
	struct expiring_cache *cache = cache_of(self);
	tally_object *pair;
	*value = NULL;
	if (!cache) return -1;
	int64_t now = now_of(cache);
	int found = tally_dict_get(cache->entries, key, &pair);
	if (found != 1) return found;
	if (is_expired(pair, now)) found = remove_pair(cache->entries, key, pair) < 0 ? -1 : 0;
	else *value = tally_tuple_get(pair, 0);
	tally_decref(pair);
	return found;
}

static int sweep(struct expiring_cache *cache, size_t *count)
{
	tally_object *key, *pair;
	size_t position = 0, left = 0;
	int64_t now = now_of(cache);
	int more, removed = 0;
	while (removed >= 0 && (more = tally_dict_next(cache->entries, &position, &key, &pair)) == 1) {
		removed = is_expired(pair, now) ? remove_pair(cache->entries, key, pair) : 0;
		*count += removed == 1;
		tally_decref(pair);
		tally_decref(key);
	}
	tally_dict_size(cache->entries, &left);
	atomic_store_explicit(&cache->enough, left < LEAST / 2 ? LEAST : 2 * left, memory_order_relaxed);
	return removed < 0 || more < 0 ? -1 : 0;
}

int expiring_cache_put(tally_object *self, tally_object *key, tally_object *value, int64_t life)
{
	struct expiring_cache *cache = cache_of(self);
	size_t size = 0, count = 0;
	if (!cache) return -1;
	if (life <= 0) {
		tally_error_set(TALLY_ERROR_VALUE, "expiring_cache_put: a life of %lld", (long long)life);
		return -1;
	}
	int64_t now = now_of(cache);
	tally_object *pair = pair_new(value, life < INT64_MAX - now ? now + life : INT64_MAX);
	int status = pair ? tally_dict_set(cache->entries, key, pair) : -1;
	tally_decref(pair);
	if (status == 0) tally_dict_size(cache->entries, &size);
	if (size > atomic_load_explicit(&cache->enough, memory_order_relaxed)) sweep(cache, &count);
	return status;
}

int expiring_cache_remove(tally_object *self, tally_object *key)
{
	struct expiring_cache *cache = cache_of(self);
	return cache ? tally_dict_pop(cache->entries, key, NULL) : -1;
}

int expiring_cache_sweep(tally_object *self, size_t *removed)
{
	struct expiring_cache *cache = cache_of(self);
	size_t count = 0;
	int status = cache ? sweep(cache, &count) : -1;
	if (removed) *removed = count;
	return status;
}

int expiring_cache_size(tally_object *self, size_t *size)
{
	struct expiring_cache *cache = cache_of(self);
	return cache ? tally_dict_size(cache->entries, size) : -1;
}
