"""Builds the optional native modules when their Cython sources and a compiler are there."""

import runpy
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

digest_of = runpy.run_path("src/globstar/base/sources.py")["digest_of"]

SOURCES = sorted(Path("src").glob("globstar/*/_*.pyx"))


class OptionalBuild(build_ext):
    """A module that cannot be compiled is left out: its Python implementation stays in use.

    ``optional`` of an extension means the same, but covers only some of what compilers and setuptools raise.
    """

    def build_extension(self, ext: Extension) -> None:
        """See build_ext."""
        try:
            super().build_extension(ext)
        except Exception as error:  # whatever is wrong with the compiler, the installation goes on
            self.warn(f"{ext.name} is not built, Python does its work: {error}")


def extension(source: Path) -> Extension:
    """One native module."""
    name = ".".join(source.relative_to("src").with_suffix("").parts)
    headers = [str(path) for path in source.parent.glob("_*.h")]
    macros = [("GLOBSTAR_SOURCES", f'"{digest_of(source)}"')]
    return Extension(
        name,
        [str(source)],
        depends=headers,
        define_macros=macros,
        extra_compile_args=["-O3"],
        libraries=["m"],
        optional=True,
    )


def extensions() -> list[Extension]:
    """All of them."""
    if not SOURCES:
        return []
    from Cython.Build import cythonize

    modules: list[Extension] = cythonize([extension(source) for source in SOURCES], compiler_directives={"language_level": "3"})
    return modules


setup(ext_modules=extensions(), cmdclass={"build_ext": OptionalBuild})
