/* marks_text.h - marks for people. */
#ifndef KIST_CORE_MARKS_TEXT_H
#define KIST_CORE_MARKS_TEXT_H

#include "catalog.h"

#define KIST_MARK_TEXT (KIST_MARK_WORD + 24)

/* "drill 2d ago"; "-" for an empty one. */
void kist_mark_text(const struct kist_catalog_mark *mark, char ret_text[KIST_MARK_TEXT + 1]);
/* Its time in RFC 3339; 0 for an empty one. */
int kist_mark_time_text(const struct kist_catalog_mark *mark, char ret_text[KIST_TIME_LENGTH + 1]);

#endif
