// docs/examples/tree.h: a tree whose nodes own their children and know their parents without keeping them alive.
//
// Whoever has a node keeps it and everything below it; nothing above. When the last reference to a root goes, all that nobody else
// has goes with it, at once and without the collector, since no node refers back. A node that somebody has kept then has no
// parent. Nodes are objects like any other and can themselves be referred to weakly.
// Any number of threads may use one tree; each call is atomic. Functions fail with TALLY_ERROR_TYPE when `node` or `parent` is none,
// TALLY_ERROR_THREAD; those that make something also with TALLY_ERROR_MEMORY. Then nothing has changed.
#ifndef TREE_H
#define TREE_H

#include <tally/tally.h>

// Makes the type. Once after each tally_init, attached, before the other functions. 0; -1 with the error of tally_host_type_new.
int tree_init(void);

// A node with that value and no children: the last child of `parent`, or a root when that is NULL. NULL also with TALLY_ERROR_VALUE (no
// value).
tally_object *tree_node_new(tally_object *parent, tally_object *value);

// A new reference to the value that the node was made with. NULL: error.
tally_object *tree_value(tally_object *node);

// 1 with a new reference in *parent; 0: a root, or its parent is gone (*parent is NULL); -1 error.
int tree_parent(tally_object *node, tally_object **parent);

// A new list of the children, in the order in which they came. NULL: error.
tally_object *tree_children(tally_object *node);

// A new list: the node, its parent, and so on to the root, as of one moment. NULL: error.
tally_object *tree_path(tally_object *node);

// Makes the node, with all below it, the last child of `parent`, of this tree or another; a root when that is NULL, which lives as
// long as somebody has it. Nothing happens when it is a child of that parent already. 0; -1 with TALLY_ERROR_VALUE when `parent` is the
// node itself or below it.
int tree_move(tally_object *node, tally_object *parent);

#endif
