"""Builds the optional native media module when its Cython source and a compiler are there."""

from pathlib import Path

from setuptools import Extension, setup

SOURCE = Path("src/globstar/media/_native.pyx")


def extensions() -> list[Extension]:
    """The native extensions; each is optional: a failed compilation leaves the Python implementation in use."""
    if not SOURCE.exists():
        return []
    from Cython.Build import cythonize

    headers = [str(path) for path in SOURCE.parent.glob("*.h")]
    extension = Extension("globstar.media._native", [str(SOURCE)], depends=headers, extra_compile_args=["-O3"], optional=True)
    modules: list[Extension] = cythonize([extension], compiler_directives={"language_level": "3"})
    return modules


setup(ext_modules=extensions())
