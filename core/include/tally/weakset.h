// tally/weakset.h: sets that refer weakly to their elements: one that dies is gone from the set.
//
// What tally/set.h says of elements, `items`, threads and errors holds here, and what tally/weakdict.h says of deaths. An element that
// cannot be referred to weakly is TALLY_ERROR_TYPE to be added, removed or combined, and simply not contained. The type's name is
// "weak_set"; a weak set is not hashable, can itself be referred to weakly, equals only weak sets with the same elements, and
// compares by inclusion with other weak sets (tally_compare). tally_iter goes through the elements that are alive when their turn comes.
#ifndef TALLY_WEAKSET_H
#define TALLY_WEAKSET_H

#include <tally/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- making; run points ----
// Of what `items` gives; NULL: empty.
TALLY_API tally_object *tally_weak_set_new(tally_object *items);

// ---- reading ----
TALLY_API int tally_weak_set_size(tally_object *set, size_t *size);
// 1 there and alive, 0 not, -1 error.
TALLY_API int tally_weak_set_contains(tally_object *set, tally_object *element);
// As tally_set_next: 1 with a new reference in *element (which may be NULL), 0 at the end, -1 error.
TALLY_API int tally_weak_set_next(tally_object *set, size_t *position, tally_object **element);
// 1 yes, 0 no, -1 error. `items` is anything that tally_iter takes. (tally_compare has the proper forms, between weak sets.)
TALLY_API int tally_weak_set_is_subset(tally_object *set, tally_object *items);
TALLY_API int tally_weak_set_is_superset(tally_object *set, tally_object *items);
TALLY_API int tally_weak_set_is_disjoint(tally_object *set, tally_object *items);

// ---- changing; what takes an element to be added, or `items`, is a run point ----
// 1 added, 0 it was there already, -1 error.
TALLY_API int tally_weak_set_add(tally_object *set, tally_object *element);
// 1 removed, 0 it was not there, -1 error.
TALLY_API int tally_weak_set_discard(tally_object *set, tally_object *element);
// Removes the element that was added last of those alive: 1 with a new reference in *element (which may be NULL), 0 there is none, -1
// error.
TALLY_API int tally_weak_set_pop(tally_object *set, tally_object **element);
// In place, element by element: each step is atomic, the whole is not. `items` may be the set itself. On an error the steps before it have
// been done.
TALLY_API int tally_weak_set_update(tally_object *set, tally_object *items);
TALLY_API int tally_weak_set_intersect_update(tally_object *set, tally_object *items);
TALLY_API int tally_weak_set_subtract_update(tally_object *set, tally_object *items);
TALLY_API int tally_weak_set_toggle_update(tally_object *set, tally_object *items); // the symmetric difference
TALLY_API int tally_weak_set_clear(tally_object *set);

// ---- algebra: a new weak set; the operands stay as they are; run points ----
TALLY_API tally_object *tally_weak_set_copy(tally_object *set);
TALLY_API tally_object *tally_weak_set_union(tally_object *set, tally_object *items);
TALLY_API tally_object *tally_weak_set_intersection(tally_object *set, tally_object *items);
TALLY_API tally_object *tally_weak_set_difference(tally_object *set, tally_object *items);
TALLY_API tally_object *tally_weak_set_symmetric_difference(tally_object *set, tally_object *items);

// Attached thread, no point, cannot fail.
TALLY_API bool tally_is_weak_set(const tally_object *object);

#ifdef __cplusplus
}
#endif

#endif
