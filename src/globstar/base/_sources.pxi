# What every compiled module says of itself: the digest of the sources that it was built from (see globstar.base.native).
cdef extern from *:
    """
    #ifndef GLOBSTAR_SOURCES
    #define GLOBSTAR_SOURCES ""
    #endif
    """
    const char *GLOBSTAR_SOURCES

SOURCES = GLOBSTAR_SOURCES.decode()
