/* Everything of the core: one header a module, in this order.
 *
 * X.cdef.h is the manual of X.c and what Python sees of it. There is no preprocessor in one: cffi
 * reads them too, by this list. */
#ifndef RC_H
#define RC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common.cdef.h"

#include "g711.cdef.h"
#include "level.cdef.h"
#include "mix.cdef.h"
#include "trim.cdef.h"
#include "tone.cdef.h"
#include "dtmf.cdef.h"
#include "progress.cdef.h"
#include "acd.cdef.h"
#include "media.cdef.h"

#endif
