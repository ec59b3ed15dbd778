/* Table properties, as metaData.configuration holds them. */
#ifndef SILT_LOG_PROPERTY_H
#define SILT_LOG_PROPERTY_H

#include "log/action.h"

/* Silt's own, by which its writes go: rows in a row group; columns that rows are sorted by, or lie
 * along the z-order curve of, as paths. */
#define SILT_ROW_GROUP_ROWS "silt.rowGroupRows"
#define SILT_ORDERING_KEYS  "silt.orderingKeys"
#define SILT_Z_ORDER_BY     "silt.zOrderBy"

/* Whether the property is there and "true", in any case of letters. */
bool silt_property_true(const silt_metadata *metadata, const char *key);

/* "interval 7 days", "1 week", "interval 2 weeks 12 hours" to ms. False: not an interval, or one of
 * months or years, whose length isn't known; `*out` is untouched. */
bool silt_interval_parse_ms(const char *text, int64_t *out);

/* An interval property; `fallback_ms` where it isn't set, INT64_MAX (keep for ever) where it can't
 * be read. */
int64_t silt_property_interval_ms(const silt_metadata *metadata, const char *key,
                                  int64_t fallback_ms);

/* Letters of the random folder that each file is to stand in (delta.randomizeFilePrefixes,
 * delta.randomPrefixLength); 0: none. At most SILT_PREFIX_MAX. */
#define SILT_PREFIX_MAX 32
size_t silt_property_prefix_size(const silt_metadata *metadata);

#endif
