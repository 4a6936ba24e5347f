// docs/examples/expiring_cache.h: a cache whose entries live for a time that is set when they are stored.
//
// An entry whose time is over is absent for everybody, and removed by whoever comes across it: a look-up of its key, a sweep. A
// sweep also happens by itself when the cache has grown to twice what the last one left, so entries that nobody asks for do not
// pile up. What the cache was the last to refer to dies when it is removed. It is an object like any other: counted, and found by
// the collector when it is part of a cycle.
// Any number of threads may use one; each call is atomic, but for a sweep, whose steps are. (A key whose equality is
// the host's code, and waits for something, may lose a fresh entry that is stored while an expired one is being removed.) Functions fail as those of tally/dict.h
// do, and with TALLY_ERROR_TYPE when `cache` is none.
#ifndef EXPIRING_CACHE_H
#define EXPIRING_CACHE_H

#include <tally/tally.h>

// The time now, in whatever unit the times to live are given, not running backwards. Called by any thread that uses the cache,
// attached and with no lock held; it must return.
typedef int64_t (*expiring_cache_clock)(void *context);

// Makes the type. Once after each tally_init, attached, before the other functions. 0; -1 with the error of tally_host_type_new.
int expiring_cache_init(void);

// An empty cache. `clock` NULL: the system's monotonic clock, in ns. NULL with TALLY_ERROR_MEMORY, TALLY_ERROR_THREAD.
tally_object *expiring_cache_new(expiring_cache_clock clock, void *context);

// 1 with a new reference in *value; 0 absent or expired (*value is NULL); -1 error. To look up does not lengthen a life.
int expiring_cache_get(tally_object *cache, tally_object *key, tally_object **value);

// Stores the entry, which expires in `life` from now. 0; -1 with TALLY_ERROR_VALUE (`life` is not above 0); nothing has changed.
int expiring_cache_put(tally_object *cache, tally_object *key, tally_object *value, int64_t life);

// Forgets the key: 1; 0 it was not there; -1 error. An expired one that nobody has come across counts as there.
int expiring_cache_remove(tally_object *cache, tally_object *key);

// Removes what has expired; how many into *removed, which may be NULL. 0; -1 error of a key's code: the rest is left as it is.
int expiring_cache_sweep(tally_object *cache, size_t *removed);

// How many entries there are, expired ones included that nobody has come across. 0; -1 error.
int expiring_cache_size(tally_object *cache, size_t *size);

#endif
