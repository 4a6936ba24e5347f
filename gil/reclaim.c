// gil/reclaim.c: stub
#include "heap.h"
#include "variant.h"
void variant_retire(struct tally_object *reference) { variant_decref(reference); }
void variant_retire_raw(void *raw) { tally_raw_free(raw); }
void variant_retire_page(struct tally_page *page) { tally_pages_give(page); }
uint64_t variant_stamp(void) { return 0; }
bool variant_has_passed(uint64_t stamp) { return stamp == 0; }
void variant_retired(struct tally_retired_stats *stats) { stats->bytes = stats->number = 0; }
void variant_reading_begin(void) {}
void variant_reading_end(void) {}
void variant_lend(struct tally_object *object) { (void)object; }
