/* Everything of the core, for C: what Python sees, and what only C sees. */
#ifndef RC_H
#define RC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rc.cdef.h"

#endif
