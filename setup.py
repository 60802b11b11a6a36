"""Builds the optional native modules when their Cython sources and a compiler are there."""

from pathlib import Path

from setuptools import Extension, setup

SOURCES = sorted(Path("src").glob("globstar/*/_*.pyx"))


def extension(source: Path) -> Extension:
    """One native module; it is optional: a failed compilation leaves the Python implementation in use."""
    name = ".".join(source.relative_to("src").with_suffix("").parts)
    headers = [str(path) for path in source.parent.glob("_*.h")]
    return Extension(name, [str(source)], depends=headers, extra_compile_args=["-O3"], extra_link_args=["-lm"], optional=True)


def extensions() -> list[Extension]:
    """All of them."""
    if not SOURCES:
        return []
    from Cython.Build import cythonize

    modules: list[Extension] = cythonize([extension(source) for source in SOURCES], compiler_directives={"language_level": "3"})
    return modules


setup(ext_modules=extensions())
