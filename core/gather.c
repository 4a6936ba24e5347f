// core/gather.c: all elements of something that can be iterated (core/gather.h).
//
// What an iterator gives is collected in a raw buffer that is replaced when it is full, never grown in place. Code of the
// host's may run between two elements (a callable), so nothing is locked meanwhile.
//
// Any attached thread.
#include "gather.h"
#include "error.h"
#include "iter.h"
#include "list.h"
#include "object.h"
#include "tuple.h"

#include <string.h>

enum { FIRST = TALLY_TUNED(16, 2) }; // elements that the first buffer holds
static const size_t ITEM = sizeof(struct tally_object *);

// ---- at once ----

static void gather_tuple(struct tally_gathered *gathered, struct tally_tuple *tuple)
{
	variant_incref(&tuple->header);
	gathered->items = tuple->items;
	gathered->size = tuple->size;
	gathered->holder = &tuple->header;
}

static int gather_list(struct tally_gathered *gathered, struct tally_list *list, const char *operation)
{
	enum tally_hold hold = variant_lock_take(&list->header);
	size_t size = list->size;
	gathered->buffer = size ? tally_raw_new(size * ITEM) : NULL;
	for (size_t i = 0; gathered->buffer && i < size; i++) {
		variant_incref(list->items[i]);
		gathered->buffer[i] = list->items[i];
	}
	variant_lock_drop(&list->header, hold);
	if (size && !gathered->buffer) return tally_error_memory(operation, size * ITEM);
	gathered->items = gathered->buffer;
	gathered->size = gathered->capacity = size;
	return 0;
}

int tally_gather_items(struct tally_gathered *gathered, struct tally_object *from, const char *operation)
{
	*gathered = (struct tally_gathered){.items = NULL};
	if (from->type == TALLY_TYPE_LIST) return gather_list(gathered, (struct tally_list *)from, operation);
	gather_tuple(gathered, (struct tally_tuple *)from);
	return 0;
}

// ---- one by one ----

static int make_room(struct tally_gathered *gathered, const char *operation)
{
	if (gathered->size < gathered->capacity) return 0;
	size_t bytes = (gathered->capacity ? gathered->capacity + gathered->capacity / 2 : FIRST) * ITEM;
	struct tally_object **buffer = tally_raw_new(bytes);
	if (!buffer) return tally_error_memory(operation, bytes);
	if (gathered->size) memcpy(buffer, gathered->buffer, gathered->size * ITEM);
	tally_raw_free(gathered->buffer);
	gathered->items = gathered->buffer = buffer;
	gathered->capacity = tally_page_of(buffer)->block_size / ITEM;
	return 0;
}

static int gather_one_by_one(struct tally_gathered *gathered, struct tally_object *iterator, const char *operation)
{
	struct tally_object *item;
	int status;
	while ((status = tally_object_next(iterator, &item, operation)) == 1) {
		if (make_room(gathered, operation)) {
			variant_decref(item);
			return -1;
		}
		gathered->buffer[gathered->size++] = item;
	}
	return status;
}

int tally_gather(struct tally_gathered *gathered, struct tally_object *from, const char *operation)
{
	if (from && (from->type == TALLY_TYPE_TUPLE || from->type == TALLY_TYPE_LIST))
		return tally_gather_items(gathered, from, operation);
	*gathered = (struct tally_gathered){.items = NULL};
	struct tally_object *iterator = tally_object_iter(from, operation);
	if (!iterator) return -1;
	int status = gather_one_by_one(gathered, iterator, operation);
	variant_decref(iterator);
	if (status) tally_gather_end(gathered);
	return status;
}

void tally_gather_end(struct tally_gathered *gathered)
{
	bool outer = tally_bury_later();
	for (size_t i = gathered->holder ? 0 : gathered->size; i > 0; i--) variant_decref(gathered->buffer[i - 1]);
	if (gathered->holder) variant_decref(gathered->holder);
	tally_raw_free(gathered->buffer);
	tally_bury_again(outer);
	*gathered = (struct tally_gathered){.items = NULL};
}
