/* uuid.h - names that nothing else has. */
#ifndef KIST_CORE_UUID_H
#define KIST_CORE_UUID_H

#define KIST_UUID_LENGTH 36

/* A random one (version 4), in lower case. */
void kist_uuid_make(char ret_uuid[KIST_UUID_LENGTH + 1]);

#endif
