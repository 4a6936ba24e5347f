// docs/examples/lru_cache.h: a cache of bounded size, which forgets what was used least recently, and counts how well it does.
//
// Keys are anything that tally_hash takes, values any objects; the cache keeps both alive until it forgets them. It is an
// object like any other: counted, and found by the collector when it is part of a cycle. Any number of threads may use one;
// each call is atomic, but for lru_cache_call, which says what it does. (Keys whose hash or equality is the host's code are asked
// within a critical section over the cache. Should that code wait for something, others come in between: two calls for one
// key may then overlap, and the bound be exceeded until the next call.) Functions fail as those of tally/dict.h do, and with
// TALLY_ERROR_TYPE when `cache` is none.
#ifndef LRU_CACHE_H
#define LRU_CACHE_H

#include <tally/tally.h>

// Makes the type. Once after each tally_init, attached, before the other functions. 0; -1 with the error of tally_host_type_new.
int lru_cache_init(void);

// An empty cache for at most `bound` entries; SIZE_MAX: any number. NULL with TALLY_ERROR_MEMORY, TALLY_ERROR_THREAD.
tally_object *lru_cache_new(size_t bound);

// 1 with a new reference in *value, and the entry is the one used last now; 0 absent (*value is NULL); -1 error.
int lru_cache_get(tally_object *cache, tally_object *key, tally_object **value);

// Stores the entry as the one used last, and forgets others, those least recently used first, until the bound is kept. 0;
// -1 error.
int lru_cache_put(tally_object *cache, tally_object *key, tally_object *value);

// The value of the key; if there is none, what calling `callable` with the key gives, which is stored. A new reference; NULL with
// the error of the call, and nothing has been stored. The callable runs with no lock held: it may use the cache, clear it, and call
// it for the same key. Threads that miss one key at the same time all compute; the first to finish stores, and the others get
// that value in place of their own. A value for which there is no room in memory is returned and not stored.
tally_object *lru_cache_call(tally_object *cache, tally_object *key, tally_object *callable);

// Forgets the key: 1; 0 it was not there; -1 error.
int lru_cache_remove(tally_object *cache, tally_object *key);

// Forgets everything, and the statistics begin anew. 0; -1 error.
int lru_cache_clear(tally_object *cache);

// Since the cache was made or cleared: look-ups that found something, and that did not (those of lru_cache_call included); entries
// forgotten for the bound's sake.
struct lru_cache_stats {
	uint64_t hits, misses, evictions;
	size_t size, bound;
};
// As of one moment. 0; -1 error.
int lru_cache_get_stats(tally_object *cache, struct lru_cache_stats *stats);

#endif
