/* The C core as Python sees it. No preprocessor here: cffi reads this file, and rc.h includes it.
 *
 * The core owns nothing: the caller brings every byte and keeps it alive. No function allocates, logs or calls back.
 * A function that can fail returns an rc_status and leaves its outputs alone when it does. */

/* ---- common ---- */

enum rc_status {
	RC_OK = 0,
	RC_NONE = 1,   /* nothing there now: no match, no event */
	RC_FULL = 2,   /* a table or ring has no room; nothing was changed */
	RC_BAD = 3,    /* an argument outside its declared range; nothing was changed */
	RC_SYSTEM = 4, /* the kernel refused; errno says why */
};
