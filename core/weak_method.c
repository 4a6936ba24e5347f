// core/weak_method.c: weak references to bound methods.
//
// A bound method lives only as long as somebody has it. So a weak method leads to what it binds: it owns a weak reference
// to the object and one to the function, and makes a new bound method of the two whenever it is asked.
//
// Without a callback these two are the anchors (core/weakref.h), which everybody shares. With one they are watchers of the
// weak method's own. They find it by its anchor, not by a reference, so nothing goes round and it dies by its count. The
// first of the two that acts takes the callback out; the second finds none, whatever threads the two are on.
//
//   weak method ==> watcher of the object   ==> anchor of the weak method        ==> owns
//               ==> watcher of the function ==> anchor of the weak method
//
// I1  The callback leaves its place once, under the lock; who takes it calls it, or drops it because the weak method dies.
// I2  A watcher that acts calls only if it gets a reference to the weak method: one that is dead, or that the collector
//     has found unreachable, has no callback to be called.
// I3  `object` and `function` are written once, before anybody else can see the weak method: reading them needs no lock.
// Any attached thread.
#include "call.h"
#include "error.h"
#include "function.h"
#include "hash.h"
#include "method.h"
#include "object.h"
#include "repr.h"
#include "unraisable.h"
#include "weakref.h"

#include <tally/callable.h>

enum { SLOTS = 3 };

struct weak_method {
	struct tally_object header;
	struct tally_weakref *object, *function; // owned; NULL only while it is being made
	struct tally_object *callback;           // owned; guarded by the lock; NULL: none, or none any more
	struct tally_object *anchor;             // its own (core/weakref.h)
	_Atomic uint64_t hash; // 0: not asked for yet. Relaxed: the word is all there is to see, and changes once
};

static_assert(offsetof(struct weak_method, object) == 16, "TALLY_LAYOUT_SLOTS");

static void drop(struct tally_object *object)
{
	if (object) variant_decref(object);
}

// ---- the callback ----

static struct tally_object *take_callback(struct weak_method *self)
{
	enum tally_hold hold = variant_lock_take(&self->header);
	struct tally_object *callback = self->callback;
	self->callback = NULL;
	variant_lock_drop(&self->header, hold);
	return callback;
}

// Of a watcher: the object or the function has died.
static void call_back(struct tally_watcher *watcher)
{
	struct tally_object *self = tally_weakref_upgrade((struct tally_weakref *)watcher->ref.slot[0]);
	if (!self) return;
	struct tally_object *callback = take_callback((struct weak_method *)self);
	if (callback) tally_unraisable_call("weak_method callback", callback, &self, 1);
	drop(callback);
	variant_decref(self);
}

// ---- making ----

static struct weak_method *make(struct tally_object *callback)
{
	struct weak_method *self =
	        (struct weak_method *)tally_object_new(TALLY_TYPE_WEAK_METHOD, sizeof *self, TALLY_LAYOUT_SLOTS);
	if (!self) return tally_error_null(tally_error_memory("weak_method_new", sizeof *self));
	self->object = self->function = NULL;
	self->callback = tally_incref(callback);
	self->anchor = NULL;
	tally_store(&self->hash, 0, relaxed);
	self->header.aux = SLOTS;
	return self;
}

static struct tally_weakref *share_anchor(struct tally_object *referent)
{
	struct tally_weakref *anchor = tally_weakref_anchor(referent, "weak_method_new");
	if (anchor) variant_incref(&anchor->header);
	return anchor;
}

static struct tally_weakref *watch(struct tally_object *referent, struct weak_method *self)
{
	struct tally_weakref *back = tally_weakref_anchor(&self->header, "weak_method_new");
	if (!back) return NULL;
	struct tally_watcher *watcher = tally_watcher_new(referent, call_back, &back->header, NULL, "weak_method_new");
	return watcher ? &watcher->ref : NULL;
}

static struct tally_weakref *refer(struct tally_object *referent, struct weak_method *self)
{
	return self->callback ? watch(referent, self) : share_anchor(referent);
}

tally_object *tally_weak_method_new(tally_object *object, tally_object *callback)
{
	if (!tally_enter_new("weak_method_new")) return NULL;
	if (!tally_is_method(object)) return tally_error_null(tally_error_type("weak_method_new", "a method", object));
	if (callback && !tally_is_callable(callback))
		return tally_error_null(tally_error_type("weak_method_new", "a callable object", callback));
	struct tally_method *method = (struct tally_method *)object;
	struct weak_method *self = make(callback);
	if (!self) return NULL;
	if ((self->object = refer(method->self, self)) && (self->function = refer(method->function, self))) return &self->header;
	variant_decref(&self->header);
	return NULL;
}

// ---- asking ----

bool tally_is_weak_method(const tally_object *object) { return object && object->type == TALLY_TYPE_WEAK_METHOD; }

struct bound {
	struct tally_object *object, *function;
};

static void give_up(const struct bound *bound)
{
	drop(bound->function);
	drop(bound->object);
}

// References to both. False: one of them is dead, and so is the weak method.
static bool upgrade(const struct weak_method *self, struct bound *bound)
{
	bound->object = tally_weakref_upgrade(self->object);
	bound->function = bound->object ? tally_weakref_upgrade(self->function) : NULL;
	if (tally_likely(bound->function != NULL)) return true;
	give_up(bound);
	return false;
}

static int get(const struct weak_method *self, struct tally_object **method)
{
	struct bound bound;
	if (!upgrade(self, &bound)) return 0;
	*method = tally_method_make(bound.function, bound.object);
	give_up(&bound);
	return *method ? 1 : tally_error_memory("weak_method_get", sizeof(struct tally_method));
}

int tally_weak_method_get(tally_object *weak_method, tally_object **method)
{
	*method = NULL;
	if (!tally_enter_new("weak_method_get")) return -1;
	if (!tally_is_weak_method(weak_method)) return tally_error_type("weak_method_get", "a weak_method", weak_method);
	return get((const struct weak_method *)weak_method, method);
}

// ---- the type ----

static void destroy(struct tally_object *object)
{
	struct weak_method *self = (struct weak_method *)object;
	drop(self->callback);
	if (self->function) variant_decref(&self->function->header);
	if (self->object) variant_decref(&self->object->header);
}

// For the collector: cycles go through the callback only, which it will not call any more.
static void clear(struct tally_object *object) { drop(take_callback((struct weak_method *)object)); }

static int hash_dead(const char *operation)
{
	return tally_error_raise(TALLY_ERROR_TYPE, operation,
	                         "the object or the function of the weak method is dead, and its hash was never asked for");
}

static int hash_nested(struct tally_object *object, uint64_t *result, const char *operation)
{
	if (!tally_nest(operation)) return -1;
	int status = tally_object_hash(object, result, operation);
	tally_unnest();
	return status;
}

// Never 0.
static int hash_bound(const struct weak_method *self, uint64_t *result, const char *operation)
{
	struct bound bound;
	uint64_t of_object = 0;
	if (!upgrade(self, &bound)) return hash_dead(operation);
	int status = hash_nested(bound.object, &of_object, operation);
	uint64_t both = tally_hash_mix(tally_hash_mix((uintptr_t)bound.function) + of_object);
	give_up(&bound);
	*result = both ? both : 1;
	return status;
}

static int hash(struct tally_object *object, uint64_t *result, const char *operation)
{
	struct weak_method *self = (struct weak_method *)object;
	uint64_t kept = tally_load(&self->hash, relaxed), fresh = 0;
	if (!kept) {
		if (hash_bound(self, &fresh, operation)) return -1;
		if (tally_cas(&self->hash, &kept, fresh, relaxed)) kept = fresh;
	}
	*result = kept;
	return 0;
}

static int equal_bound(const struct bound *left, const struct bound *right, const char *operation)
{
	if (left->function != right->function) return 0;
	if (!tally_nest(operation)) return -1;
	int same = tally_object_equal(left->object, right->object, operation);
	tally_unnest();
	return same;
}

static int equal(struct tally_object *a, struct tally_object *b, const char *operation)
{
	struct bound left, right;
	if (a == b) return 1;
	if (!upgrade((const struct weak_method *)a, &left)) return 0;
	int same = 0;
	if (upgrade((const struct weak_method *)b, &right)) {
		same = equal_bound(&left, &right, operation);
		give_up(&right);
	}
	give_up(&left);
	return same;
}

static int show(const struct bound *bound, struct tally_text *text)
{
	if (tally_repr_name(text, tally_function_name(bound->function))) return -1;
	if (tally_text_add_string(text, " of ") || tally_repr_name(text, tally_type(bound->object)->name)) return -1;
	return tally_text_format(text, " at %p>", (void *)bound->object);
}

static int repr(struct tally_object *object, struct tally_text *text)
{
	struct bound bound;
	if (!upgrade((const struct weak_method *)object, &bound))
		return tally_text_format(text, "<weak_method at %p: dead>", (void *)object);
	int status = tally_text_format(text, "<weak_method at %p: ", (void *)object);
	if (!status) status = show(&bound, text);
	give_up(&bound);
	return status;
}

const struct tally_type tally_weak_method_type = {
	.name = "weak_method",
	.index = TALLY_TYPE_WEAK_METHOD,
	.layout = TALLY_LAYOUT_SLOTS,
	.size = sizeof(struct weak_method),
	.weak = offsetof(struct weak_method, anchor),
	.destroy = destroy,
	.hash = hash,
	.equal = equal,
	.repr = repr,
	.clear = clear,
};
