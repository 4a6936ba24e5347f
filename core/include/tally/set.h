// tally/set.h: sets, which change, and frozensets, which do not and can be keys: distinct hashable elements.
//
// What tally/dict.h says of keys, threads and errors holds for elements. A set lists its elements in the order in which they
// were added. `set` is a set or a frozenset where a function only reads, a set where it changes; `items` is anything that
// tally_iter takes, and a function fails with the error of its iteration. Functions that take `items` are run points. Algebra
// makes a new object of the type of `set`; in it the elements of `set` come first, in their order, but for an intersection, whose
// order and choice among equal elements are not said.
// The hash of a frozenset follows from the hashes of its elements when they were added; it is computed each time, and asks none
// of them.
#ifndef TALLY_SET_H
#define TALLY_SET_H

#include <tally/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- making; run points ----
// Of what `items` gives; NULL: empty. A frozenset of a frozenset is that one itself.
TALLY_API tally_object *tally_set_new(tally_object *items);
TALLY_API tally_object *tally_frozenset_new(tally_object *items);

// ---- reading ----
TALLY_API int tally_set_size(tally_object *set, size_t *size);
// 1 there, 0 not, -1 error.
TALLY_API int tally_set_contains(tally_object *set, tally_object *element);
// As tally_dict_next: 1 with a new reference in *element (which may be NULL), 0 at the end, -1 error.
TALLY_API int tally_set_next(tally_object *set, size_t *position, tally_object **element);
// 1 yes, 0 no, -1 error. `other` is a set or a frozenset. (tally_compare has the proper forms.)
TALLY_API int tally_set_is_subset(tally_object *set, tally_object *other);
TALLY_API int tally_set_is_disjoint(tally_object *set, tally_object *items);

// ---- changing ----
// 1 added, 0 it was there already, -1 error.
TALLY_API int tally_set_add(tally_object *set, tally_object *element);
// 1 removed, 0 it was not there, -1 error.
TALLY_API int tally_set_discard(tally_object *set, tally_object *element);
// Removes the element that was added last: 1 with a new reference in *element (which may be NULL), 0 the set is empty, -1 error.
TALLY_API int tally_set_pop(tally_object *set, tally_object **element);
// In place, element by element: each step is atomic, the whole is not. On an error the steps before it have been done.
TALLY_API int tally_set_update(tally_object *set, tally_object *items);
TALLY_API int tally_set_intersect_update(tally_object *set, tally_object *items);
TALLY_API int tally_set_subtract_update(tally_object *set, tally_object *items);
TALLY_API int tally_set_toggle_update(tally_object *set, tally_object *items); // the symmetric difference
TALLY_API int tally_set_clear(tally_object *set);

// ---- algebra ----
// The same elements, as of one moment; a frozenset gives itself.
TALLY_API tally_object *tally_set_copy(tally_object *set);
TALLY_API tally_object *tally_set_union(tally_object *set, tally_object *items);
TALLY_API tally_object *tally_set_intersection(tally_object *set, tally_object *items);
TALLY_API tally_object *tally_set_difference(tally_object *set, tally_object *items);
TALLY_API tally_object *tally_set_symmetric_difference(tally_object *set, tally_object *items);

// Attached thread, no point, cannot fail. tally_is_set: a set or a frozenset.
TALLY_API bool tally_is_set(const tally_object *object);
TALLY_API bool tally_is_frozenset(const tally_object *object);

#ifdef __cplusplus
}
#endif

#endif
