// docs/examples/tree.c: a tree with strong children and weak parents (docs/examples/tree.h).
//
// A node owns a set of its children, which keeps them in order and finds one at once, and a weak reference to its parent. Whether a
// move would make a cycle depends on every node above the new parent, so all changes and all readings of links stand in a critical
// section over one object, for which the type itself serves. The sets never leave this file, so within the section nothing
// is ever waited for, which would open it. What needs memory for long is made before.
//
// I1  A node is in the set of exactly one living parent, and refers to that one weakly; or in none.
// I2  From every node its parents lead to a root.
#include "tree.h"

struct node {
	tally_object *value, *children; // a set; both set once, until the collector clears the node
	tally_object *parent;           // a weak reference, perhaps dead; NULL: none
};

static tally_object *node_type;

static void visit_node(void *payload, tally_visit_fn visit, void *visit_context, void *context)
{
	struct node *node = payload;
	(void)context;
	visit(node->value, visit_context);
	visit(node->children, visit_context);
	visit(node->parent, visit_context);
}

static void clear_node(void *payload, void *context)
{
	struct node *node = payload;
	tally_object *all[] = {node->value, node->children, node->parent};
	(void)context;
	node->value = node->children = node->parent = NULL;
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
}

int tree_init(void)
{
	const tally_host_type description = {
		.size = sizeof description,
		.name = "tree_node",
		.payload_size = sizeof(struct node),
		.traverse = visit_node,
		.clear = clear_node,
		.flags = TALLY_HOST_WEAKREF,
	};
	node_type = tally_host_type_new(&description);
	return node_type ? 0 : -1;
}

static struct node *node_of(tally_object *object) { return tally_host_payload(object, node_type); }

// A new reference, or NULL: none. In the section.
static tally_object *parent_of(tally_object *object)
{
	const struct node *node = node_of(object);
	tally_object *parent = NULL;
	if (node->parent) tally_weakref_get(node->parent, &parent);
	return parent;
}

// Calls visit for the node, its parent, and so on, until it returns something else than 0. In the section.
static int climb(tally_object *node, int (*visit)(tally_object *node, void *context), void *context)
{
	int status = 0;
	tally_incref(node);
	while (node && status == 0) {
		tally_object *parent = parent_of(node);
		status = visit(node, context);
		tally_decref(node);
		node = parent;
	}
	tally_decref(node);
	return status;
}

// ---- changes ----

static int is_it(tally_object *node, void *other) { return tally_is(node, other); }

// Whether it is the other node, or above it. A node without children needs no climb. In the section.
static bool reaches(tally_object *node, tally_object *other)
{
	size_t children = 0;
	if (tally_is(node, other)) return true;
	tally_set_size(node_of(node)->children, &children);
	return children && climb(other, is_it, node);
}

// Makes it a child, and no longer one of its former parent; `link` is a weak reference to the parent, or NULL, and is exchanged for
// the former link. In the section.
static int relink(tally_object *object, tally_object *parent, tally_object **link)
{
	struct node *node = node_of(object);
	tally_object *former = parent_of(object), *former_link = node->parent;
	int status = former == parent ? 1 : 0;
	if (status == 0 && parent && tally_set_add(node_of(parent)->children, object) < 0) status = -1;
	if (status == 0 && former) tally_set_discard(node_of(former)->children, object);
	if (status == 0) {
		node->parent = *link;
		*link = former_link;
	}
	tally_decref(former);
	return status < 0 ? -1 : 0;
}

static int refuse(void)
{
	tally_error_set(TALLY_ERROR_VALUE, "tree_move: the new parent is the node itself, or below it");
	return -1;
}

int tree_move(tally_object *node, tally_object *parent)
{
	tally_critical section;
	if (!node_of(node) || (parent && !node_of(parent))) return -1;
	tally_object *link = parent ? tally_weakref_new(parent, NULL) : NULL;
	if (parent && !link) return -1;
	int status = tally_critical_begin(&section, node_type);
	if (status == 0) {
		status = parent && reaches(node, parent) ? refuse() : relink(node, parent, &link);
		tally_critical_end(&section);
	}
	tally_decref(link);
	return status;
}

tally_object *tree_node_new(tally_object *parent, tally_object *value)
{
	if (!value) {
		tally_error_set(TALLY_ERROR_VALUE, "tree_node_new: no value");
		return NULL;
	}
	tally_object *object = tally_host_new(node_type), *children = object ? tally_set_new(NULL) : NULL;
	if (children) *node_of(object) = (struct node){.value = tally_incref(value), .children = children};
	if (children && (!parent || tree_move(object, parent) == 0)) return object;
	tally_decref(object);
	return NULL;
}

// ---- reading ----

tally_object *tree_value(tally_object *object)
{
	const struct node *node = node_of(object);
	return node ? tally_incref(node->value) : NULL;
}

int tree_parent(tally_object *node, tally_object **parent)
{
	tally_critical section;
	*parent = NULL;
	if (!node_of(node) || tally_critical_begin(&section, node_type)) return -1;
	*parent = parent_of(node);
	tally_critical_end(&section);
	return *parent != NULL;
}

tally_object *tree_children(tally_object *object)
{
	tally_critical section;
	const struct node *node = node_of(object);
	if (!node || tally_critical_begin(&section, node_type)) return NULL;
	tally_object *list = tally_list_of(node->children);
	tally_critical_end(&section);
	return list;
}

static int append(tally_object *node, void *list) { return tally_list_append(list, node); }

tally_object *tree_path(tally_object *node)
{
	tally_critical section;
	tally_object *path = node_of(node) ? tally_list_new() : NULL;
	if (!path) return NULL;
	int status = tally_critical_begin(&section, node_type);
	if (status == 0) {
		status = climb(node, append, path);
		tally_critical_end(&section);
	}
	if (status == 0) return path;
	tally_decref(path);
	return NULL;
}
